"""A stack that moves in: its state, opened, sealed by the vault and made a version, in one transaction."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine import bindings
from engine.state_arrival import opened, own_stacks, renamed, sealed, sieve_for, sound
from engine.state_needs import Needs, needs
from engine.state_target import ImportRefused, Target, check_owner

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.scopes import Place
    from engine.installation import Installation
    from engine.state.residue import Residue
    from engine.state.stacks import Stack
    from engine.state.untyped import Untyped


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it. `renamed` is the (project, stack) that the resources belonged to, if that is another.

    `sealed` counts the secrets; `unserved` says of each provider without a credential why it has none.
    """

    stack: "Stack"
    made: bool
    version: int
    resources: int
    pending: int
    sealed: int
    renamed: tuple[str, str] | None
    repaired: str | None
    needs: Needs
    bound: list[bindings.Binding]
    unserved: dict[str, Exception]
    caught: list["Residue"] = field(default_factory=list)


def import_state(
    installation: "Installation",
    state: "Untyped",
    target: Target,
    *,
    folder: Path | None,
    phrase: Callable[[], str],
    message: str = "",
    also: "Callable[[Stack], object]" = lambda _stack: None,
) -> Imported:
    """Make `state` the stack's; the stack is made if it is not there, and bound to what its providers need.

    `folder` is the project's, if it is known. `also` is done in the same transaction, last. Raises
    ImportRefused, UpdateRunning, SealedByAnother, WrongPassphrase, and what `also` raises; nothing is changed
    then.
    """
    from engine import place
    from engine.state import stacks, updates

    check_owner(state, target)
    with installation.database.read() as connection:
        known = stacks.find(connection, target.project, target.name)
        _check_replaces(connection, known, target)
        own = own_stacks(installation, connection, state)
    plain, repaired = sound(renamed(opened(state, target, phrase, own), target), target)
    wanted, here = needs(plain.resources), place.of_stack(target.project, folder)
    sieve, caught = sieve_for(installation, known, wanted, here, target), list["Residue"]()
    with installation.vault.change("stack.import", stack=target.full_name) as change:
        connection = change.connection
        known = stacks.find(connection, target.project, target.name)
        if known is not None:
            updates.refuse_while_running(connection, known.id)
        _check_replaces(connection, known, target)
        stack = known or stacks.create(connection, target.project, target.name, str(folder or ""))
        if known is not None and folder is not None:
            stacks.move(connection, stack.id, str(folder))
        unserved = _bind(connection, stack, wanted, here)
        bound = bindings.bound(connection, stack.id)
        done = sealed(installation, stack, plain, sieve, caught.append)
        version = _kept(connection, stack, done, message)
        change.about(detail={"version": str(version), "resources": str(len(done.resources))})
        change.further += [
            bindings.event(stack.full_name, each) for each in bound if each.token or each.by_role
        ]
        stack = stacks.get(connection, stack.id)
        also(stack)
    return Imported(
        stack,
        known is None,
        version,
        len(done.resources),
        len(done.pending),
        done.secrets().sealed,
        next((owner for owner in state.owners() if owner != (target.project, target.name)), None),
        repaired,
        wanted,
        bound,
        unserved,
        caught,
    )


def _check_replaces(connection: "Connection", known: "Stack | None", target: Target) -> None:
    from engine.state import versions

    if known is None:
        return
    count = versions.resource_count(connection, known.id)
    if count and not target.replaces:
        raise ImportRefused(
            f"{target.full_name} has {count} resources already, and would no longer know of them",
            hint=f"delete them first: tic stack destroy {target.full_name}; or choose another name; or, "
            "where the state is of the same resources: "
            f"tic stack import-state {target.full_name} FILE --force",
        )


def _bind(connection: "Connection", stack: "Stack", wanted: Needs, here: "Place") -> dict[str, Exception]:
    """Bind what the stack needs, as far as there is something to bind; for the others, why there is not."""
    bindings.need(connection, stack.id, wanted.kinds)
    unserved: dict[str, Exception] = {}
    for each in bindings.bound(connection, stack.id):
        if each.key in wanted.kinds and each.token is None and not each.by_role:
            try:
                bindings.fill(connection, stack.id, stack.full_name, each.key, here)
            except (bindings.Unauthorized, bindings.ActiveOutOfScope) as why:
                unserved[each.key] = why
    known = {each.key for each in bindings.bound(connection, stack.id)}
    for slot in map(bindings.empty, wanted.slots):
        if slot.key not in known:
            unserved[str(slot)] = bindings.SlotEmpty(stack.full_name, [slot])
    return unserved


def _kept(connection: "Connection", stack: "Stack", state: "Untyped", message: str) -> int:
    """Make the state a version of the stack, of kind import; its number."""
    from engine.actor import user_name
    from engine.state import updates, versions
    from engine.state.owner import this_process
    from engine.state.updates import Request
    from engine.state.versions import Checkpoint

    request = Request(
        "import", dry_run=False, user=user_name(), engine="", owner=this_process(), message=message
    )
    update_id = updates.create(connection, stack.id, request)
    version = updates.start(connection, stack.id, update_id, b"", time.time())
    kept = Checkpoint(version, state.schema, state.features, state.deployment)
    versions.save(connection, stack.id, version, kept)
    if running := updates.running(connection, stack.id):
        updates.end(connection, running, "succeeded", time.time())
    return version
