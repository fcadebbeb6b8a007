"""The older batches of a running update's journal, put together: it keeps few rows, and small
ones, however long it runs.

A pack lies in the row of the first of its batches: it begins with a byte that no compressed batch begins
with. Every batch is packed once, so the cost stays in proportion to the journal.
"""

import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final, Protocol

from sqlalchemy import Connection, delete, func, select, update

from engine.errors import EngineError
from engine.state.compaction import compacted
from engine.state.compression import QUICK, packed, unpacked
from engine.state.replay import Entry
from engine.state.tables import JOURNAL

logger = logging.getLogger(__name__)

BATCHES: Final = 128  # about as many as come before they are packed; fewer than a statement's parameters
_MARK: Final = b"\0"


class Transactions(Protocol):
    """Where a journal is kept."""

    def read(self) -> AbstractContextManager[Connection]:
        """A snapshot."""

    def write(self, only: str | None = None) -> AbstractContextManager[Connection]:
        """A transaction that alone may write, or with others that name another update."""


def content(body: bytes) -> list[Entry]:
    """The entries of a batch, or of a pack."""
    found: list[Entry] = unpacked(body.removeprefix(_MARK))["entries"]
    return found


def is_due(row: int) -> bool:
    """Whether a journal is to be packed when the batch in this row has come."""
    return row % BATCHES == 0


def pack(place: Transactions, update_id: str) -> None:
    """Put the update's batches together, if they are still there when it is done; no lock is held meanwhile.

    Nothing depends on it: where it fails, the log says so, and the batches stay.
    """
    try:
        with place.read() as connection:
            batches = _batches(connection, update_id)
        if len(batches) < 2:
            return
        one = _together(batches.values())
        with place.write(update_id) as connection:
            # A row's id may have been given again, so what is replaced is compared.
            if _batches(connection, update_id, up_to=max(batches)) == batches:
                _replace(connection, sorted(batches), one)
    except EngineError as error:
        logger.warning("the journal of update %s was not packed: %s", update_id, error)


def _together(batches: Iterable[bytes]) -> bytes:
    entries = compacted(entry for body in batches for entry in content(body))
    return _MARK + packed({"entries": entries}, QUICK)


def _batches(connection: Connection, update_id: str, *, up_to: int | None = None) -> dict[int, bytes]:
    """The oldest batches that are in no pack, by the ids of their rows."""
    is_batch = func.substr(JOURNAL.c.body, 1, 1) != _MARK
    query = select(JOURNAL.c.id, JOURNAL.c.body).where(JOURNAL.c.update_id == update_id, is_batch)
    if up_to is not None:
        query = query.where(JOURNAL.c.id <= up_to)
    rows = connection.execute(query.order_by(JOURNAL.c.id).limit(2 * BATCHES))
    return {row.id: bytes(row.body) for row in rows}


def _replace(connection: Connection, rows: list[int], one: bytes) -> None:
    connection.execute(update(JOURNAL).where(JOURNAL.c.id == rows[0]).values(body=one))
    connection.execute(delete(JOURNAL).where(JOURNAL.c.id.in_(rows[1:])))
