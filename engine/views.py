"""What `tic stack list|show|history|diff` tell, as JSON-able values read in one transaction."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine import bindings
from stacks.moments import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from engine.state.history import UpdateRecord
    from engine.state.sealing import Sealing
    from engine.state.stacks import Stack


def overview(connection: "Connection") -> list[dict[str, Any]]:
    """One entry a stack: `stack`, `state` (running kind, or last result), `resources`, `last` (ISO 8601),
    `credentials`, and `roles`: the providers that a linked role serves.
    """
    from engine.state import stacks

    return [_summary(connection, stack) for stack in stacks.list_all(connection)]


def detail(connection: "Connection", stack: "Stack") -> dict[str, Any]:
    """One stack whole: the summary, its folder, what runs on it (`kind`, `user`, `owner`, `since`, `alive`,
    or null), its bindings and its resources (`type`, `name`, `id`, `urn`).
    """
    from engine.state import checkpoints, updates

    running = updates.running(connection, stack.id)
    resources = checkpoints.deployment(connection, stack.id).get("resources") or []
    return {
        **_summary(connection, stack),
        "folder": stack.folder,
        "version": stack.version,
        "running": running
        and {
            "kind": _command(running.kind),
            "user": running.user,
            "owner": str(running.owner),
            "since": iso(running.started_at),
            "alive": not running.is_dead(time.time()),
        },
        "bindings": [
            {
                "provider": each.provider,
                "slot": each.slot,
                "credential": each.credential,
                "token": each.token,
                "role": each.by_role,
            }
            for each in bindings.bound(connection, stack.id)
        ],
        "resources": [_named(each) for each in resources],
    }


def past(connection: "Connection", stack: "Stack", limit: int) -> list[dict[str, Any]]:
    """The last `limit` operations, newest first: what `_told` tells of each."""
    from engine.state.history import history

    return [_told(each) for each in history(connection, stack.id, limit=limit)]


def at_version(
    connection: "Connection", stack: "Stack", number: int | None, sealing: "Sealing"
) -> dict[str, Any]:
    """One version whole: what `_told` tells of it, its `resources` with inputs and outputs, the stack's
    `outputs`, and the `config` that it was made with. Nothing is opened: secrets are `[secret]`.

    Raises VersionUnknown.
    """
    from engine.past.opened import opened, shown, unsealer
    from engine.past.version import version

    found = version(connection, stack, number)
    unseal = unsealer(sealing, stack.id)
    side = found.side(unseal)
    return {
        "stack": stack.full_name,
        "newest": stack.version,
        **_told(found.record),
        "resources": [
            {
                **_named(each),
                "inputs": shown(opened(each.get("inputs") or {}, unseal)),
                "outputs": shown(opened(each.get("outputs") or {}, unseal)),
            }
            for each in side.living
        ],
        "outputs": shown(opened(side.outputs, unseal)),
        "config": shown(dict(side.config)),
    }


def difference(
    connection: "Connection", stack: "Stack", before: int, after: int | None, sealing: "Sealing"
) -> dict[str, Any]:
    """What differs between two versions, `after` None: now. `resources`, `outputs` and `config` are those of
    `Comparison`; `same` says that there is nothing in them.

    Raises VersionUnknown, SealedElsewhere, and CredentialError for a secret that does not open.
    """
    from engine.past.comparison import compare
    from engine.past.opened import unsealer
    from engine.past.version import version
    from engine.state.sealing import require_sealed_here

    unseal = unsealer(sealing, stack.id)
    old, new = version(connection, stack, before), version(connection, stack, after)
    for each in (old, new):
        require_sealed_here(each.deployment)
    found = compare(old.side(unseal), new.side(unseal), unseal)
    return {
        "stack": stack.full_name,
        "before": old.number,
        "after": new.number,
        "same": found.same,
        "resources": [{"type": each.type, "name": each.name, **asdict(each)} for each in found.resources],
        "outputs": [asdict(each) for each in found.outputs],
        "config": [asdict(each) for each in found.config],
    }


def _told(record: "UpdateRecord") -> dict[str, Any]:
    """An operation: times in ISO 8601 UTC, `changes` counts resources per operation, `commit` is that of the
    project (None where it was in no git repository), `uncommitted` says that it was not all of it.
    """
    ended, began = record.completed_at, record.started_at
    return {
        "version": record.version,
        "kind": _command(record.kind),
        "result": record.status,
        "user": record.user,
        "started": iso(began),
        "seconds": round(ended - began, 1) if ended and began else None,
        "changes": record.resource_changes,
        "message": record.message,
        "commit": record.environment.get("git.head") or None,
        "uncommitted": record.environment.get("git.dirty") == "true",
    }


def _named(resource: "Mapping[str, Any]") -> dict[str, Any]:
    return {
        "type": resource["type"],
        "name": resource["urn"].rpartition("::")[2],
        "id": resource.get("id", ""),
        "urn": resource["urn"],
    }


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
        "last": iso(latest.started_at) if latest else None,
        "credentials": list(dict.fromkeys(each.credential for each in bound if each.credential)),
        "roles": list(dict.fromkeys(each.provider for each in bound if each.by_role)),
    }


def _command(kind: str) -> str:
    """The command behind Pulumi's word for a kind of operation."""
    return "up" if kind == "update" else kind
