"""Pending operations that an update which was itself cut off never came to: they stay pending.

The engine forgets what was pending before an update as soon as that update says anything, except creates: it
has warned of it once. When the update is cut off before it came to those resources, nobody would know of them
any more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from engine.state import versions
from engine.state.journal import entries
from engine.state.replay import Entry, Kind

Operation = dict[str, Any]


def unsettled(connection: Connection, stack_id: int, update_id: str) -> list[Operation]:
    """What was pending before the update, creates aside, and is not settled by its journal."""
    base = versions.newest(connection, stack_id).deployment
    pending = [each for each in base.get("pending_operations") or () if each["type"] != "creating"]
    if not pending:
        return []
    settled = settled_by(entries(connection, update_id), base.get("resources") or ())
    return [each for each in pending if each["resource"]["urn"] not in settled]


def carry(connection: Connection, stack_id: int, operations: Iterable[Operation]) -> None:
    """Add them to the newest state, where it has their resources and does not know of them itself."""
    state = versions.newest(connection, stack_id)
    known = state.deployment.get("pending_operations") or []
    noted = {each["resource"]["urn"] for each in known}
    there = {each["urn"] for each in state.deployment.get("resources") or ()}
    carried = [each for each in operations if each["resource"]["urn"] in there - noted]
    if carried:
        changed = {**state.deployment, "pending_operations": [*known, *carried]}
        versions.save(connection, stack_id, state.version, replace(state, deployment=changed))


def settled_by(journal: Iterable[Entry], base: Iterable[Mapping[str, Any]]) -> set[str]:
    """The URNs that the journal's steps read from the world or wrote to it, begun or done."""
    urns = [each["urn"] for each in base]
    found = set()
    for entry in journal:
        if operation := entry.get("operation"):
            found.add(operation["resource"]["urn"])
        if entry["kind"] != Kind.REFRESH_SUCCESS and not entry.get("isRefresh"):
            continue
        if (state := entry.get("state")) is not None:
            found.add(state["urn"])
        elif (old := entry.get("removeOld")) is not None and old < len(urns):
            found.add(urns[old])
    return found
