"""What ended runs left published, found by their notes; a run without any pays one query for it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from engine.challenge_notes import Note, open_notes

if TYPE_CHECKING:
    from credentials.scopes import Place
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
    from engine.leases import lessee
    from engine.publishers import Publishers
    from engine.withdrawal import settle

    purpose, opened = "withdrawing what an ended run left", {}
    with ExitStack() as open_until_done:
        for note in left:
            if note.stack not in opened:
                one = open_until_done.enter_context(
                    lessee(vault, place=_place(database, note), stack=note.stack)
                )
                opened[note.stack] = Publishers(one, purpose, alone=database.alone)
                open_until_done.callback(opened[note.stack].close)
        return [settle(database, opened[note.stack], note, stopped=Event().wait) for note in left]


def _place(database: "Database", note: Note) -> "Place":
    """Where the stack of a note is; only its project where the stack is gone."""
    from engine import place
    from engine.state import stacks

    project, _, name = note.stack.partition("/")
    with database.read() as connection:
        stack = stacks.find(connection, project, name)
    return place.of_stack(project, Path(stack.folder) if stack is not None else None)
