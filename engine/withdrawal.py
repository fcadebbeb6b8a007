"""Withdrawing a challenge record by its note, whether this run published it or another one that has ended."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from credentials.errors import CredentialError
from engine.challenge_notes import Note, forget, leave, needed_elsewhere
from engine.errors import EngineError
from engine.events import Notice
from stacks.dns.propagation import Presence, presence, wait_gone
from stacks.errors import StackError

if TYPE_CHECKING:
    from engine.database import Database
    from engine.publishers import Publishers

GONE_SECONDS = 20.0
FAILURES = (StackError, CredentialError, EngineError)


class StillPublished(StackError):
    """The provider took the order to withdraw a record, and the record is still there."""


def withdraw(
    database: "Database",
    publishers: "Publishers",
    note: Note,
    *,
    stopped: Callable[[float], bool],
    now: Callable[[], float] = time.time,
) -> None:
    """Withdraw the note's record and delete the note; a record that another stack's run needs too stays.

    Raises what kept the record from being withdrawn; then the note stays.
    """
    with database.read() as connection:
        shared = needed_elsewhere(connection, note, now())
    if not shared:
        try:
            _clean(publishers, note, stopped)
        except FAILURES:
            if presence(note.place, note.record.value) is not Presence.ABSENT:
                raise
    with database.write() as connection:
        forget(connection, note.id)


def settle(
    database: "Database", publishers: "Publishers", note: Note, stopped: Callable[[float], bool]
) -> Notice:
    """Withdraw the note's record, or leave it to the next run; never raises for what the provider does."""
    name = note.record.name
    try:
        withdraw(database, publishers, note, stopped=stopped)
    except FAILURES as error:
        with database.write() as connection:
            leave(connection, note.id, str(error))
        return Notice(
            f"the TXT record {name} with the value {note.record.value} may still be published: {error}\n"
            f"  next: {error.hint}; then withdraw it: tic dns clean {note.stack}\n"
            f"  or delete it by hand in the zone {note.zone} ({note.provider}), and tic dns clean forgets it",
            "warning",
        )
    return Notice(f"withdrew the TXT record {name} that a run of {note.stack} left")


def _clean(publishers: "Publishers", note: Note, stopped: Callable[[float], bool]) -> None:
    if publishers.cleanup(note.credential, note.record, note.resolvers):
        return
    if wait_gone(note.place, note.record.value, seconds=GONE_SECONDS, stopped=stopped) is Presence.SEEN:
        raise StillPublished(
            f"{note.provider} can withdraw {note.record.name} only from the process that published it",
            hint=f"delete the value in the zone {note.zone} at {note.provider}",
        )
