"""What ended runs left published, found by their notes; a run without any pays one query for it."""

import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING

from engine.challenge_notes import Note, open_notes

if TYPE_CHECKING:
    from credentials.vault import Vault
    from engine.database import Database
    from engine.events import Notice

__all__ = ["Note", "open_notes", "withdraw_left_over"]


def withdraw_left_over(
    database: "Database",
    vault: "Vault",
    stack_id: int | None,
    *,
    now: Callable[[], float] = time.time,
) -> "list[Notice]":
    """Withdraw what ended runs of this stack (None: of every stack) left published, and say what was done.

    What can't be withdrawn keeps its note and is named with its zone. Records of living runs are left alone.
    """
    with database.read() as connection:
        left = [note for note in open_notes(connection, stack_id) if note.is_left(now())]
    if not left:
        return []
    from engine.publishers import Publishers
    from engine.withdrawal import settle

    publishers = Publishers(vault, "withdrawing what an ended run left")
    try:
        return [settle(database, publishers, note, stopped=Event().wait) for note in left]
    finally:
        publishers.close()
