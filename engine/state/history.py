"""The history of a stack: its updates, newest first."""

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, select

from engine.state.tables import UPDATE
from engine.state.versions import resource_count, resource_counts

_SHORTEST_ID = 10  # characters


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """One update; times are seconds since the epoch. `config`: key -> `apitype.ConfigValue`, secrets sealed.

    `status` is running, succeeded, failed, cancelled, or interrupted (its process died).
    """

    id: str
    version: int
    kind: str
    status: str
    user: str
    message: str
    started_at: float
    completed_at: float | None
    environment: dict[str, str]
    config: dict[str, Any]
    resource_changes: dict[str, int]
    resource_count: int


def history(
    connection: Connection, stack_id: int, *, limit: int | None = None, offset: int = 0
) -> list[UpdateRecord]:
    """The updates of the stack that were started, newest first; dry runs leave none.

    At most `limit` of them, after the `offset` newest; no other row is read.
    """
    query = select(UPDATE).where(UPDATE.c.stack_id == stack_id, UPDATE.c.version > 0)
    rows = connection.execute(query.order_by(UPDATE.c.version.desc()).limit(limit).offset(offset)).all()
    counts = resource_counts(connection, stack_id, rows[-1].version, rows[0].version) if rows else {}
    return [_record(row, counts.get(row.version, 0)) for row in rows]


def of_version(connection: Connection, stack_id: int, version: int) -> UpdateRecord | None:
    """The update that made this version of the stack."""
    query = select(UPDATE).where(UPDATE.c.stack_id == stack_id, UPDATE.c.version == version)
    row = connection.execute(query.where(UPDATE.c.version > 0)).one_or_none()
    if row is None:
        return None
    return _record(row, resource_counts(connection, stack_id, version, version).get(version, 0))


def last_update(connection: Connection, stack_id: int) -> UpdateRecord | None:
    """The newest of them."""
    query = select(UPDATE).where(UPDATE.c.stack_id == stack_id, UPDATE.c.version > 0)
    row = connection.execute(query.order_by(UPDATE.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else _record(row, resource_count(connection, stack_id))


def named(connection: Connection, stack_id: int, name: str) -> UpdateRecord | None:
    """The update of this id, dry run or not, or of this version: people know an update by that."""
    if name.isdecimal() and len(name) < _SHORTEST_ID:
        return of_version(connection, stack_id, int(name))
    query = select(UPDATE).where(UPDATE.c.stack_id == stack_id, UPDATE.c.id == name)
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row, resource_count(connection, stack_id))


def last_dry_run(connection: Connection, stack_id: int) -> str | None:
    """The id of the stack's last dry run."""
    query = select(UPDATE.c.id).where(UPDATE.c.stack_id == stack_id, UPDATE.c.dry_run)
    found = connection.execute(query.order_by(UPDATE.c.created_at.desc()).limit(1)).scalar_one_or_none()
    return None if found is None else str(found)


def status_of(connection: Connection, stack_id: int, update_id: str) -> str | None:
    """The status of one update of the stack, dry run or not; None where there is no such update."""
    query = select(UPDATE.c.status).where(UPDATE.c.stack_id == stack_id, UPDATE.c.id == update_id)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else str(found)


def _record(row: Any, resource_count: int) -> UpdateRecord:
    return UpdateRecord(
        id=row.id,
        version=row.version,
        kind=row.kind,
        status=row.status,
        user=row.user,
        message=row.message,
        started_at=row.started_at,
        completed_at=row.completed_at,
        environment=orjson.loads(row.environment),
        config=orjson.loads(row.config),
        resource_changes=orjson.loads(row.resource_changes),
        resource_count=resource_count,
    )
