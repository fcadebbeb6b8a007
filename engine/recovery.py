"""What a killed run left, put right before the next one; and what a finished run frees.

A dead owner's update is ended with what its journal holds, records that it published are withdrawn, and
resources of tic that were half made are made again (each of their creates is idempotent). What a third-party
provider was doing when it was cut off only a person can know; it is named, with the command.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from credentials.audit import Event
from engine import bindings
from engine.events import Notice

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.pending import PendingOperation
    from engine.state.stacks import Stack


def before(installation: "Installation", stack: "Stack", listen: Callable[[Notice], None]) -> None:
    """Take over from a dead owner, withdraw what its run published, and end what the vault leased to it.

    Raises UpdateRunning where the owner lives.
    """
    from engine.challenges import withdraw_left_over
    from engine.leases import alive
    from engine.state import pending, updates

    with installation.database.write() as connection:
        running = updates.running(connection, stack.id)
        if running is not None:
            if not running.is_dead(time.time()):
                raise updates.UpdateRunning(stack.full_name, running)
            updates.take_over(connection, running)
            listen(Notice(f"an earlier {running.kind} of {stack.full_name} was cut off; what it did is kept"))
        pending.clear_pending(connection, stack.id, prefix="tic:")
        unsure = pending.pending_operations(connection, stack.id)
    for operation in unsure:
        listen(_unsure(operation, stack))
    for notice in withdraw_left_over(installation.database, installation.vault, stack.id):
        listen(notice)
    installation.vault.sweep(alive=alive)


def _unsure(operation: "PendingOperation", stack: "Stack") -> Notice:
    name = operation.urn.rpartition("::")[2]
    said = f"an earlier run was cut off while {operation.kind} {operation.type} {name}"
    if operation.kind == "creating":
        said += (
            f"; look whether it exists, and delete it there if it does, then forget the attempt: "
            f"tic stack refresh {stack.full_name} --clear-pending-creates"
        )
    else:
        said += f"; read what it is now: tic stack refresh {stack.full_name}"
    return Notice(said, "warning")


def after(installation: "Installation", stack: "Stack", kind: str, *, succeeded: bool) -> None:
    """End an update that Pulumi did not end itself; after a destroy that left nothing, free the credentials
    (SPEC C4).
    """
    from engine.state import checkpoints, updates
    from engine.state.owner import this_process

    with installation.database.write() as connection:
        running = updates.running(connection, stack.id)
        if running is not None and running.owner == this_process():
            updates.take_over(connection, running)
    if kind != "destroy" or not succeeded:
        return
    with installation.vault.quiet_change() as change:
        if not checkpoints.deployment(change.connection, stack.id).get("resources"):
            bindings.release(change.connection, stack.id)
            change.further.append(Event("binding.release", "done", stack=stack.full_name))
