"""What a stack's state is now: its newest version, and the journal of the update that runs or died on it."""

from typing import Any

from sqlalchemy import Connection

from engine.state import journal, updates, versions
from engine.state.sealing import Sealing, hidden_value, opened_value, require_sealed_here
from engine.state.urns import ROOT_STACK
from engine.state.versions import Checkpoint


def latest(connection: Connection, stack_id: int) -> Checkpoint:
    """The stack's state as of now."""
    running = updates.running(connection, stack_id)
    if running is None:
        return versions.newest(connection, stack_id)
    state = journal.replayed(connection, stack_id, running.id, running.engine)
    return Checkpoint(running.version, state.schema, state.features, state.deployment)


def deployment(connection: Connection, stack_id: int) -> dict[str, Any]:
    """The stack's deployment (`apitype.DeploymentV3`), secrets sealed; empty before its first update."""
    return latest(connection, stack_id).deployment


def outputs(connection: Connection, sealing: Sealing, stack_id: int, *, show_secrets: bool) -> dict[str, Any]:
    """The stack's outputs by name; secrets in plaintext, or as `[secret]`. Raises SealedElsewhere."""
    state = deployment(connection, stack_id)
    if show_secrets:
        require_sealed_here(state)
    for resource in state.get("resources") or ():
        if resource["type"] == ROOT_STACK and not resource.get("delete"):
            found = resource.get("outputs") or {}
            opened = opened_value(found, sealing, stack_id) if show_secrets else hidden_value(found)
            return dict(opened)
    return {}
