"""The audit log's rows: appends, reads, and finds entries, inside the caller's transaction.

Whatever a row holds, it is either an entry or `Unreadable`: SQLite keeps any type in any column.
"""

import json
from collections.abc import Iterator
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, LargeBinary, Row, String, column, table
from sqlalchemy.exc import DBAPIError

from credentials.audit import HASH_BYTES, NOTHING_YET, Entry, Event, Head, Unreadable, entry_of, next_entry
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
_LAST = AUDIT.select().with_only_columns(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)


def append(connection: Connection, key: bytes, vault_id: str, event: Event, *, actor: str, at: int) -> Entry:
    """Write the next entry; `at` in microseconds since the epoch (UTC). The caller holds the write lock.

    `Head(entry.seq, entry.hash)` is the end of the log from then on. Raises DamagedRow.
    """
    entry = next_entry(head(connection), key, vault_id, event, actor=actor, at=at)
    connection.execute(_INSERT, _row_of(entry))
    return entry


def head(connection: Connection) -> Head:
    """The number and the hash of the last entry; NOTHING_YET in an empty log. Raises DamagedRow."""
    row = connection.execute(_LAST).one_or_none()
    if row is None:
        return NOTHING_YET
    seq, digest = row
    if not (isinstance(seq, int) and seq > 0 and isinstance(digest, bytes) and len(digest) == HASH_BYTES):
        raise DamagedRow("audit")
    return Head(seq, digest)


def entries(connection: Connection) -> Iterator[Entry | Unreadable]:
    """The whole log, oldest first; holds PAGE entries at a time."""
    after: ColumnElement[bool] | None = None
    while page := _page(connection, after):
        yield from page
        after = AUDIT.c.seq > page[-1].seq


def _page(connection: Connection, after: ColumnElement[bool] | None) -> list[Entry | Unreadable]:
    query = AUDIT.select().order_by(AUDIT.c.seq).limit(PAGE)
    if after is not None:
        query = query.where(after)
    try:
        return [_entry(row) for row in connection.execute(query)]
    except DBAPIError:
        # Some row holds a text that does not decode, which ends the query; one by one, the others show.
        found = connection.execute(query.with_only_columns(AUDIT.c.seq)).scalars().all()
        return [_alone(connection, seq) for seq in found]


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
    event = entry.event
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "action": event.action,
        "outcome": event.outcome,
        "credential": event.credential,
        "name": event.name,
        "kind": event.kind,
        "stack": event.stack,
        "purpose": event.purpose,
        "detail": _packed(dict(event.detail)),
        "hash": entry.hash,
        "mac": entry.mac,
    }
