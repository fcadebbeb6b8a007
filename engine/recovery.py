"""What a killed run left, put right before the next one.

A dead owner's update is ended with what its journal holds, records that it published are withdrawn, and
resources of tic that were half made are made again (each of their creates is idempotent). What a third-party
provider was changing when it was cut off is read again before anything else is done to it
(`engine.rereading`). What one was creating, only a person can know; it is named, with the command.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.events import Notice

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.pending import PendingOperation
    from engine.state.stacks import Stack
    from engine.state.updates import RunningUpdate

OWN = "tic:"


def before(
    installation: "Installation",
    stack: "Stack",
    listen: Callable[[Notice], None],
    *,
    only_looks: bool = False,
) -> "list[PendingOperation]":
    """Take over from a dead owner, withdraw what its run published, and end what the vault leased to it.

    Returns what was cut off at a third-party provider. Where the owner lives, one that `only_looks` (a
    preview) goes on and says so; else raises UpdateRunning.
    """
    from engine.challenges import withdraw_left_over
    from engine.leases import alive
    from engine.state import pending, updates

    with installation.database.read() as connection:
        running = updates.running(connection, stack.id)
    if running is not None:
        if not running.is_dead(time.time()):
            if not only_looks:
                raise updates.UpdateRunning(stack.full_name, running)
            beside = f"{running.command} of {stack.full_name} goes on beside this ({running.owner})"
            listen(Notice(beside, "warning"))
            return []
        end(installation, stack, running, "interrupted")
        listen(Notice(f"an earlier {running.command} of {stack.full_name} was cut off; what it did is kept"))
    with installation.database.write() as connection:
        pending.clear_pending(connection, stack.id, prefix=OWN)
        unsure = pending.pending_operations(connection, stack.id)
    for notice in withdraw_left_over(installation.database, installation.vault, stack.id):
        listen(notice)
    installation.vault.sweep(alive=alive)
    return unsure


def note(
    installation: "Installation",
    stack: "Stack",
    operations: Iterable[dict[str, Any]],
    listen: Callable[[Notice], None],
) -> None:
    """Keep operations (apitype.OperationV2) that the engine calls failed, though nobody knows what came.

    Where another machine has begun an update since, creates among them are told to `listen` at least.
    """
    from engine.state import pending
    from engine.state.updates import UpdateRunning

    unsure = [each for each in operations if not each["resource"].get("type", "").startswith(OWN)]
    if not unsure:
        return
    try:
        with installation.database.write() as connection:
            pending.note_pending(connection, stack.id, unsure)
    except UpdateRunning:
        for kind, made in ((each["type"], each["resource"]) for each in unsure):
            if kind == "creating":
                listen(_named(pending.PendingOperation(kind, made["urn"], made["type"]), stack))


def name_creates(installation: "Installation", stack: "Stack", listen: Callable[[Notice], None]) -> None:
    """Name each create that was cut off: only at its provider can be seen whether it made anything."""
    from engine.state import pending

    with installation.database.read() as connection:
        unsure = pending.pending_operations(connection, stack.id)
    for each in unsure:
        if each.kind == "creating" and not each.type.startswith(OWN):
            listen(_named(each, stack))


def _named(create: "PendingOperation", stack: "Stack") -> Notice:
    it = "one" if create.known is None else f"another one than {create.known}, which the state has,"
    return Notice(
        f"a run was cut off while creating {create.type} {create.name}, and nobody knows whether it was "
        f"made. Look at the provider whether {it} is there, and delete it there if so; then forget the "
        f"attempt: tic stack refresh {stack.full_name} --clear-pending-creates",
        "warning",
    )


def after(installation: "Installation", stack: "Stack") -> None:
    """End an update that Pulumi did not end itself."""
    from engine.state import updates
    from engine.state.owner import this_process

    with installation.database.read() as connection:
        running = updates.running(connection, stack.id)
    if running is not None and running.owner == this_process():
        end(installation, stack, running, "interrupted")


def end(installation: "Installation", stack: "Stack", running: "RunningUpdate", status: str) -> None:
    """End an update in place of its owner. A destroy that had left nothing frees the credentials, as it would
    have done itself.
    """
    from engine.freeing import freeing
    from engine.state import updates

    ending = (
        freeing(installation.vault)(stack) if running.kind == "destroy" else installation.database.write()
    )
    with suppress(_EndedMeanwhile), ending as connection:
        if updates.find_running(connection, stack.id, running.id) is None:
            raise _EndedMeanwhile
        updates.end(connection, running, status, time.time())


class _EndedMeanwhile(Exception):
    """Somebody else ended the update, and what may follow from its end is theirs."""
