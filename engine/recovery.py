"""What a killed run left, put right before the next one; and what a finished run frees.

Nothing here needs a person: a dead owner's update is ended with what its journal holds, records that it published are
withdrawn, and resources of tic that were half made are made again (each of their creates is idempotent).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine import bindings
from engine.errors import EngineError
from engine.events import Notice

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.stacks import Stack


class StackBusy(EngineError):
    """Another operation runs on the stack."""

    exit_code = 3


def before(installation: "Installation", stack: "Stack", listen: Callable[[Notice], None]) -> None:
    """Take over from a dead owner and withdraw what its run published; raises StackBusy where the owner lives."""
    from engine.challenges import withdraw_left_over
    from engine.state import stacks

    with installation.database.write() as connection:
        running = stacks.running(connection, stack.id)
        if running is not None:
            if running.alive:
                raise StackBusy(
                    f"{running.kind} of {stack.full_name} runs since {running.started_at:%Y-%m-%d %H:%M:%S} UTC "
                    f"(process {running.owner_pid} on {running.owner_host})",
                    hint=f"wait for it, or end it: tic stack cancel {stack.full_name}",
                )
            stacks.take_over(connection, running)
            listen(Notice(f"an earlier {running.kind} of {stack.full_name} was cut off; its work is kept and goes on here"))
        stacks.clear_pending_creates(connection, stack.id, prefix="tic:")
    for notice in withdraw_left_over(installation.database, installation.vault, stack.id):
        listen(notice)


def after(installation: "Installation", stack: "Stack", kind: str, *, succeeded: bool) -> None:
    """End an update that Pulumi did not end itself; after a destroy that left nothing, free the credentials (SPEC C4)."""
    from engine.state import stacks

    with installation.database.write() as connection:
        running = stacks.running(connection, stack.id)
        if running is not None and running.is_ours:
            stacks.take_over(connection, running)
        if kind == "destroy" and succeeded and not stacks.deployment(connection, stack.id).get("resources"):
            bindings.release(connection, stack.id)
