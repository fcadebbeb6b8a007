"""What a stack's state is now: its checkpoint, and the journal of the update that runs or died on it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from engine.state import checkpoints, journal, updates
from engine.state.checkpoints import Checkpoint
from engine.state.sealing import Sealing, hidden_value, opened_value
from engine.state.urns import ROOT_STACK


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """An operation that was cut short: nobody knows what came of it. `kind` is creating, updating, ..."""

    kind: str
    urn: str
    type: str


def current(connection: Connection, stack_id: int) -> Checkpoint:
    """The stack's state as of now."""
    running = updates.running(connection, stack_id)
    if running is None:
        return checkpoints.latest(connection, stack_id)
    state = journal.replayed(connection, stack_id, running.id, running.engine)
    return Checkpoint(running.version, state.schema, state.features, state.deployment)


def deployment(connection: Connection, stack_id: int) -> dict[str, Any]:
    """The stack's deployment (`apitype.DeploymentV3`), secrets sealed; empty before its first update."""
    return current(connection, stack_id).deployment


def outputs(connection: Connection, sealing: Sealing, stack_id: int, *, show_secrets: bool) -> dict[str, Any]:
    """The stack's outputs by name; secrets in plaintext, or as `[secret]`."""
    for resource in deployment(connection, stack_id).get("resources") or ():
        if resource["type"] == ROOT_STACK and not resource.get("delete"):
            found = resource.get("outputs") or {}
            opened = opened_value(found, sealing, stack_id) if show_secrets else hidden_value(found)
            return dict(opened)
    return {}


def pending_operations(connection: Connection, stack_id: int) -> list[PendingOperation]:
    """What is left of operations that were cut short."""
    found = deployment(connection, stack_id).get("pending_operations") or ()
    return [PendingOperation(op["type"], op["resource"]["urn"], op["resource"]["type"]) for op in found]


def clear_pending(connection: Connection, stack_id: int, types: Collection[str]) -> list[PendingOperation]:
    """Forget creates of these resource types that were cut short, so that the next update makes them again.

    Only for types whose creation finds its own half-made objects: the engine itself keeps such operations and
    warns, for ever, since it can't know. Returns what was forgotten. Raises UpdateRunning.
    """
    updates.refuse_while_running(connection, stack_id)
    state = checkpoints.latest(connection, stack_id)
    kept, cleared = [], []
    for operation in state.deployment.get("pending_operations") or ():
        resource = operation["resource"]
        if operation["type"] == "creating" and resource["type"] in types:
            cleared.append(PendingOperation(operation["type"], resource["urn"], resource["type"]))
        else:
            kept.append(operation)
    if cleared:
        changed = {**state.deployment, "pending_operations": kept}
        checkpoints.save(connection, stack_id, state.version, replace(state, deployment=changed))
    return cleared
