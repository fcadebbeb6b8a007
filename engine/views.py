"""What `tic stack list|show|history` tell, as JSON-able values read in one transaction."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine import bindings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.state.stacks import Stack


def overview(connection: "Connection") -> list[dict[str, Any]]:
    """One entry a stack: `stack`, `state` (running kind, or last result), `resources`, `last` (ISO 8601),
    `credentials`, and `roles`: the providers that a linked role serves.
    """
    from engine.state import stacks

    return [_summary(connection, stack) for stack in stacks.list_all(connection)]


def detail(connection: "Connection", stack: "Stack") -> dict[str, Any]:
    """One stack whole: the summary, its folder, its bindings and its resources (`type`, `name`, `id`,
    `urn`).
    """
    from engine.state import checkpoints

    resources = checkpoints.deployment(connection, stack.id).get("resources") or []
    return {
        **_summary(connection, stack),
        "folder": stack.folder,
        "version": stack.version,
        "bindings": [
            {
                "provider": each.provider,
                "credential": each.credential,
                "token": each.token,
                "role": each.by_role,
            }
            for each in bindings.bound(connection, stack.id)
        ],
        "resources": [
            {
                "type": each["type"],
                "name": each["urn"].rpartition("::")[2],
                "id": each.get("id", ""),
                "urn": each["urn"],
            }
            for each in resources
        ],
    }


def past(connection: "Connection", stack: "Stack", limit: int) -> list[dict[str, Any]]:
    """The last `limit` operations, newest first; times in ISO 8601 UTC, `changes` counts resources per
    operation.
    """
    from engine.state.history import history

    return [
        {
            "version": each.version,
            "kind": _command(each.kind),
            "result": each.status,
            "started": _moment(each.started_at),
            "seconds": round(each.completed_at - each.started_at, 1)
            if each.completed_at and each.started_at
            else None,
            "changes": each.resource_changes,
            "message": each.message,
            "user": each.user,
        }
        for each in history(connection, stack.id)[:limit]
    ]


def _summary(connection: "Connection", stack: "Stack") -> dict[str, Any]:
    from engine.state import checkpoints, updates
    from engine.state.history import last_update

    bound = bindings.bound(connection, stack.id)
    running = updates.running(connection, stack.id)
    latest = last_update(connection, stack.id)
    state = "new" if latest is None else f"{_command(latest.kind)} {latest.status}"
    resources = latest.resource_count if latest else 0
    if running is not None:
        state = f"{_command(running.kind)} {'cut off' if running.is_dead(time.time()) else 'runs'}"
        resources = len(checkpoints.deployment(connection, stack.id).get("resources") or ())
    return {
        "stack": stack.full_name,
        "state": state,
        "resources": resources,
        "last": _moment(latest.started_at) if latest else None,
        "credentials": [each.credential for each in bound if each.credential],
        "roles": [each.provider for each in bound if each.by_role],
    }


def _command(kind: str) -> str:
    """The command behind Pulumi's word for a kind of operation."""
    return "up" if kind == "update" else kind


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
