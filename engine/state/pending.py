"""Operations that were cut short: what the state knows of them, and which of them may be forgotten."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from engine.state import updates, versions
from engine.state.checkpoints import deployment
from engine.state.versions import Checkpoint


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """Nobody knows what came of it. `kind` is creating, updating, deleting, reading or importing; `known` is
    the provider's id of the resource that the state has under this URN, if it has one.
    """

    kind: str
    urn: str
    type: str
    known: str | None = None

    @property
    def name(self) -> str:
        """The resource's own name, the last part of its URN."""
        return self.urn.rpartition("::")[2]


def pending_operations(connection: Connection, stack_id: int) -> list[PendingOperation]:
    """What is left of the stack's operations that were cut short."""
    if updates.running(connection, stack_id) is None and not versions.newest_pending(connection, stack_id):
        return []
    state = deployment(connection, stack_id)
    return _values(state.get("pending_operations") or (), _ids(state))


def clear_pending(connection: Connection, stack_id: int, *, prefix: str) -> list[PendingOperation]:
    """Forget what the next update does again without harm: operations on types that begin with `prefix`, on
    components and on providers, and any but creates on resources that the state does not have.

    `prefix` is for types that find their own half-made objects; components and providers have nothing in the
    world. The engine keeps every such operation and warns of it, since it can't know. Returns what was
    forgotten. Raises UpdateRunning.
    """
    updates.refuse_while_running(connection, stack_id)
    operations = versions.newest_pending(connection, stack_id)
    if not operations:
        return []
    state = versions.newest(connection, stack_id)
    ids = _ids(state.deployment)
    kept = [operation for operation in operations if not _repeatable(operation, prefix, ids)]
    if len(kept) < len(operations):
        _keep(connection, stack_id, state, kept)
    return _values((each for each in operations if each not in kept), ids)


def note_pending(connection: Connection, stack_id: int, operations: Iterable[dict[str, Any]]) -> None:
    """Note operations (`apitype.OperationV2`) of which the engine's journal says that they failed, and of
    which nobody knows what came. One that is noted already, or speaks of no resource of the state and makes
    none, is not noted. Raises UpdateRunning.
    """
    updates.refuse_while_running(connection, stack_id)
    state = versions.newest(connection, stack_id)
    noted = list(state.deployment.get("pending_operations") or [])
    known, ids = {_key(each) for each in noted}, _ids(state.deployment)
    new = [
        each
        for each in operations
        if _key(each) not in known and (each["type"] == "creating" or each["resource"]["urn"] in ids)
    ]
    if new:
        _keep(connection, stack_id, state, [*noted, *new])


def _keep(connection: Connection, stack_id: int, state: Checkpoint, operations: list[dict[str, Any]]) -> None:
    changed = {**state.deployment, "pending_operations": operations}
    versions.save(connection, stack_id, state.version, replace(state, deployment=changed))


def _repeatable(operation: dict[str, Any], prefix: str, ids: dict[str, str]) -> bool:
    resource = operation["resource"]
    if not resource.get("custom") or resource["type"].startswith(("pulumi:providers:", prefix)):
        return True
    return operation["type"] != "creating" and resource["urn"] not in ids


def _ids(state: dict[str, Any]) -> dict[str, str]:
    """The provider's id of each custom resource that the state has, by URN; not of those to be deleted where
    another one has the URN.
    """
    resources = state.get("resources") or ()
    ordered = sorted(resources, key=lambda each: not each.get("delete"))
    return {each["urn"]: each.get("id") or "" for each in ordered}


def _values(operations: Iterable[dict[str, Any]], ids: dict[str, str]) -> list[PendingOperation]:
    found = ((each["type"], each["resource"]) for each in operations)
    return [PendingOperation(kind, made["urn"], made["type"], ids.get(made["urn"])) for kind, made in found]


def _key(operation: dict[str, Any]) -> tuple[str, str]:
    return operation["type"], operation["resource"]["urn"]
