"""Ending the operation that runs on a stack, from another process."""

import os
import signal
import time
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.stacks import Stack


class OwnerElsewhere(EngineError):
    """The operation's process is alive where this one can't reach it."""

    exit_code = 3


def cancel(installation: "Installation", stack: "Stack") -> str:
    """Interrupt the owner of the stack's operation; end the lease of one that is dead, and of a client of
    `tic serve`, which no signal reaches. Returns what was done.
    """
    from engine.state import updates
    from engine.state.owner import this_process

    with installation.database.write() as connection:
        running = updates.running(connection, stack.id)
        if running is None:
            return f"nothing runs on {stack.full_name}"
        if running.is_dead(time.time()):
            updates.take_over(connection, running)
            return f"the {running.kind} of {stack.full_name} had no process; it is ended, what it did is kept"
        if running.owner.is_client:
            updates.end(connection, running, "cancelled", time.time())
            return (
                f"the {running.kind} of {stack.full_name} by {running.user} ({running.owner}) is ended: it "
                "can write no more; what it did is kept, and the next run looks after what was under way"
            )
    owner = running.owner
    if owner.host != this_process().host:
        raise OwnerElsewhere(
            f"the {running.kind} of {stack.full_name} runs on {owner.host} (process {owner.pid})",
            hint=f"cancel it there; unless it is renewed, its lease ends in {_left(running.lease_expires)} s",
        )
    try:
        os.kill(owner.pid, signal.SIGINT)
    except PermissionError as error:
        raise OwnerElsewhere(
            f"the {running.kind} of {stack.full_name} belongs to another user (process {owner.pid})",
            hint="ask its owner to cancel it",
        ) from error
    return (
        f"the {running.kind} of {stack.full_name} (process {owner.pid}) was asked to stop; "
        "it finishes what is under way"
    )


def _left(moment: float) -> int:
    """Whole seconds until a moment (epoch, UTC)."""
    return max(0, int(moment - time.time()))
