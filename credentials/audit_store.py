"""The audit log's rows: appends, reads, and finds entries, inside the caller's transaction.

Whatever a row holds, it is either an entry or `Unreadable`: SQLite keeps any type in any column.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Integer, LargeBinary, Row, Select, String, column, or_, table
from sqlalchemy.exc import DBAPIError

from credentials.audit import (
    HASH_BYTES,
    NOTHING_YET,
    Entry,
    Event,
    Head,
    Outcome,
    Unreadable,
    entry_of,
    next_entry,
    values_of,
)
from credentials.refusals import DamagedRow

PAGE: Final = 500

AUDIT = table(
    "audit",
    column("seq", Integer),
    column("at", BigInteger),
    column("actor", String),
    column("action", String),
    column("outcome", String),
    column("credential", String),
    column("name", String),
    column("kind", String),
    column("stack", String),
    column("purpose", String),
    column("detail", String),
    column("hash", LargeBinary),
    column("mac", LargeBinary),
)
_INSERT = AUDIT.insert()
_FIRST = AUDIT.select().with_only_columns(AUDIT.c.seq).order_by(AUDIT.c.seq).limit(1)
_LAST = AUDIT.select().with_only_columns(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for; None is any.

    `credential` is a token, or a name that it has or had; `stack` is `project/stack` or the stack's own name;
    `action` is an action or its noun ("credential"); `since` is in microseconds since the epoch (UTC).
    """

    credential: str | None = None
    stack: str | None = None
    action: str | None = None
    outcome: Outcome | None = None
    since: int | None = None


def append(connection: Connection, key: bytes, vault_id: str, event: Event, *, actor: str, at: int) -> Entry:
    """Write the next entry; `at` in microseconds since the epoch (UTC). The caller holds the write lock.

    `Head(entry.seq, entry.hash)` is the end of the log from then on. Raises DamagedRow.
    """
    entry = next_entry(head(connection), key, vault_id, event, actor=actor, at=at)
    connection.execute(_INSERT, _row_of(entry))
    return entry


def head(connection: Connection) -> Head:
    """The number and the hash of the last entry; NOTHING_YET in an empty log. Raises DamagedRow."""
    return _head(connection.execute(_LAST).one_or_none())


def entries(connection: Connection, *, after: Head = NOTHING_YET) -> Iterator[Entry | Unreadable]:
    """The log, oldest first, from what follows `after` on; holds PAGE entries at a time.

    The whole log is everything in the table, whatever its numbers are.
    """
    query = AUDIT.select().order_by(AUDIT.c.seq).limit(PAGE)
    page = _read(connection, query.where(AUDIT.c.seq > after.seq) if after.seq else query)
    while page:
        yield from page
        page = _read(connection, query.where(AUDIT.c.seq > page[-1].seq))


def before(connection: Connection, at: int) -> Head:
    """The end of the log before the first entry of `at` (microseconds since the epoch) or later.

    Clocks are set back now and then, so an older one may follow. Raises DamagedRow.
    """
    first = connection.execute(_FIRST.where(AUDIT.c.at >= at)).scalar()
    if first is None:
        return head(connection)
    return _head(connection.execute(_LAST.where(AUDIT.c.seq < first)).one_or_none())


def newest(connection: Connection, wanted: Wanted, limit: int) -> list[Entry | Unreadable]:
    """The newest `limit` entries that are wanted, oldest first."""
    found = _read(connection, _where(wanted).order_by(AUDIT.c.seq.desc()).limit(limit))
    return found[::-1]


def _where(wanted: Wanted) -> Select[tuple[object, ...]]:
    query = AUDIT.select()
    if wanted.credential is not None:
        query = query.where(or_(AUDIT.c.credential == wanted.credential, AUDIT.c.name == wanted.credential))
    if wanted.stack is not None:
        last = AUDIT.c.stack.endswith(f"/{wanted.stack}", autoescape=True)
        query = query.where(or_(AUDIT.c.stack == wanted.stack, last))
    if wanted.action is not None:
        group = AUDIT.c.action.startswith(f"{wanted.action}.", autoescape=True)
        query = query.where(or_(AUDIT.c.action == wanted.action, group))
    if wanted.outcome is not None:
        query = query.where(AUDIT.c.outcome == wanted.outcome)
    if wanted.since is not None:
        query = query.where(AUDIT.c.at >= wanted.since)
    return query


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> list[Entry | Unreadable]:
    try:
        return [_entry(row) for row in connection.execute(query)]
    except DBAPIError:
        # Some row holds a text that does not decode, which ends the query; one by one, the others show.
        found = connection.execute(query.with_only_columns(AUDIT.c.seq)).scalars().all()
        return [_alone(connection, seq) for seq in found]


def _head(row: Sequence[Any] | None) -> Head:
    if row is None:
        return NOTHING_YET
    seq, digest = row
    if not (isinstance(seq, int) and seq > 0 and isinstance(digest, bytes) and len(digest) == HASH_BYTES):
        raise DamagedRow("audit")
    return Head(seq, digest)


def _alone(connection: Connection, seq: int) -> Entry | Unreadable:
    try:
        return _entry(connection.execute(AUDIT.select().where(AUDIT.c.seq == seq)).one())
    except DBAPIError:
        return Unreadable(seq, "it can't be read as text")


def _entry(row: Row[tuple[object, ...]]) -> Entry | Unreadable:
    values: dict[str, object] = dict(row._mapping)
    return entry_of({**values, "detail": _detail(values["detail"])})


def _detail(text: object) -> object:
    """What the column says; None unless it says it as `_row_of` does, letter by letter."""
    try:
        detail = json.loads(text) if isinstance(text, str) else None
        return detail if _packed(detail) == text else None
    except (ValueError, RecursionError):
        return None


def _packed(detail: object) -> str:
    return json.dumps(detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _row_of(entry: Entry) -> dict[str, object]:
    return {**values_of(entry), "detail": _packed(dict(entry.event.detail))}
