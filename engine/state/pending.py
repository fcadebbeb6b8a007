"""Operations that were cut short: what the state knows of them, and which of them may be forgotten."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from engine.state import updates, versions
from engine.state.checkpoints import deployment


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """Nobody knows what came of it. `kind` is creating, updating, deleting, reading or importing."""

    kind: str
    urn: str
    type: str


def pending_operations(connection: Connection, stack_id: int) -> list[PendingOperation]:
    """What is left of the stack's operations that were cut short."""
    return [
        _value(operation) for operation in deployment(connection, stack_id).get("pending_operations") or ()
    ]


def clear_pending(connection: Connection, stack_id: int, *, prefix: str) -> list[PendingOperation]:
    """Forget creates that the next update can safely make again: of types that begin with `prefix`, of
    components and of providers.

    `prefix` is for types whose creation finds its own half-made objects; components and providers have
    nothing in the world. The engine keeps every such operation and warns of it, since it can't know.
    Returns what was forgotten. Raises UpdateRunning.
    """
    updates.refuse_while_running(connection, stack_id)
    state = versions.newest(connection, stack_id)
    operations = state.deployment.get("pending_operations") or []
    cleared = [operation for operation in operations if _repeatable(operation, prefix)]
    if cleared:
        kept = [operation for operation in operations if not _repeatable(operation, prefix)]
        changed = {**state.deployment, "pending_operations": kept}
        versions.save(connection, stack_id, state.version, replace(state, deployment=changed))
    return [_value(operation) for operation in cleared]


def _repeatable(operation: dict[str, Any], prefix: str) -> bool:
    resource = operation["resource"]
    nothing_outside = not resource.get("custom") or resource["type"].startswith("pulumi:providers:")
    return operation["type"] == "creating" and (nothing_outside or resource["type"].startswith(prefix))


def _value(operation: dict[str, Any]) -> PendingOperation:
    return PendingOperation(operation["type"], operation["resource"]["urn"], operation["resource"]["type"])
