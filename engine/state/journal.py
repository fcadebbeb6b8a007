"""The journal of a running update: batches kept as they came, and folded into a checkpoint at the end."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from engine.state.integrity import mended
from engine.state.packing import content
from engine.state.replay import Entry, Kind, Replayed, replay
from engine.state.tables import JOURNAL, UPDATE
from engine.state.versions import Prepared, newest, prepared, put
from engine.state.wellformed import is_entry

logger = logging.getLogger(__name__)

_KINDS = frozenset(Kind)


class BatchRefused(ValueError):
    """A batch that could never be replayed."""


def checked(batch: Any) -> list[dict[str, Any]]:
    """The entries of a batch as it was sent; raises BatchRefused where replay could not read one."""
    entries = batch.get("entries") if isinstance(batch, dict) else None
    if not isinstance(entries, list):
        raise BatchRefused("a batch of journal entries is an object with a list named entries")
    for entry in entries:
        _check(entry)
    return entries


def _check(entry: Any) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("sequenceID"), int):
        raise BatchRefused("a journal entry has no sequence number")
    if not is_entry(entry):
        raise BatchRefused("a journal entry is not in shape")
    version, kind = entry.get("version"), entry.get("kind")
    if version != 1 or kind not in _KINDS:
        raise BatchRefused(f"journal entries of version {version} and kind {kind} are not known here")
    if not isinstance(entry.get("operationID"), int):
        raise BatchRefused("a journal entry has no operation number")
    if kind == Kind.EXTENSION_PARAMETERIZE and not {"extension", "extensionRef"} <= entry.keys():
        raise BatchRefused("a journal entry holds no extension")


def append(connection: Connection, update_id: str, body: bytes) -> int:
    """Keep a checked batch, as compressed JSON; returns its row. The same batch may come again: replay counts
    it once.
    """
    row = insert(JOURNAL).values(update_id=update_id, body=body).returning(JOURNAL.c.id)
    return int(connection.execute(row).scalar_one())


def entries(connection: Connection, update_id: str) -> Iterator[Entry]:
    """Every entry that is kept for the update, in the order of arrival."""
    query = select(JOURNAL.c.body).where(JOURNAL.c.update_id == update_id).order_by(JOURNAL.c.id)
    for body in connection.execute(query).scalars():
        yield from content(body)


def replayed(connection: Connection, stack_id: int, update_id: str, engine: str) -> Replayed:
    """The stack's state as the update's journal has it so far."""
    base = newest(connection, stack_id).deployment
    kind = connection.execute(select(UPDATE.c.kind).where(UPDATE.c.id == update_id)).scalar_one()
    return replay(
        base,
        entries(connection, update_id),
        now=datetime.now(UTC),
        engine=engine,
        refresh_alone=kind == "refresh",
    )


@dataclass(frozen=True, slots=True)
class Folded:
    """What a journal of so many rows, of which this is the last, means: ready to be written."""

    rows: tuple[int, int | None]
    state: Prepared
    oddities: tuple[str, ...]


def folded(connection: Connection, stack_id: int, update_id: str, engine: str) -> Folded | None:
    """What the update's journal means, made ready while no lock is held; None where there is no journal."""
    rows = _rows(connection, update_id)
    if rows == _NO_ROWS:
        return None
    state = mended(replayed(connection, stack_id, update_id, engine))
    return Folded(rows, prepared(connection, stack_id, state), state.oddities)


def fold(
    connection: Connection,
    stack_id: int,
    update_id: str,
    version: int,
    engine: str,
    ready: Folded | None = None,
) -> None:
    """Make what the journal means the checkpoint of `version`, and forget the journal, if there is one.

    `ready` is what it meant before the lock was held, and counts if nothing came since.
    """
    if ready is None or ready.rows != _rows(connection, update_id):
        ready = folded(connection, stack_id, update_id, engine)
    if ready is None:
        return
    for oddity in ready.oddities:
        logger.warning("update %s: %s", update_id, oddity)
    put(connection, stack_id, version, ready.state)
    connection.execute(delete(JOURNAL).where(JOURNAL.c.update_id == update_id))


_NO_ROWS = (0, None)


def _rows(connection: Connection, update_id: str) -> tuple[int, int | None]:
    query = select(func.count(), func.max(JOURNAL.c.id)).where(JOURNAL.c.update_id == update_id)
    count, last = connection.execute(query).one()
    return count, last
