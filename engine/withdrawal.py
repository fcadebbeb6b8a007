"""Withdrawing a challenge record by its note, whether this run published it or another one that has ended."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from credentials.errors import CredentialError
from engine.challenge_notes import Note, State, forget, leave, needed_elsewhere, values_left
from engine.errors import EngineError
from engine.events import Notice
from engine.lexicon_accounts import ways
from engine.ways_to_delete import WHOLE_NAME, client_can, console
from stacks.dns.lexicon import installed
from stacks.dns.propagation import Presence, presence, values_at, wait_gone
from stacks.errors import StackError

if TYPE_CHECKING:
    from engine.database import Database
    from engine.publishers import Publishers

GONE_SECONDS = 20.0
# What a process had sent when it was killed may reach the provider a moment later.
ON_THE_WAY_SECONDS = 1.0
FAILURES = (StackError, CredentialError, EngineError)


class StillPublished(StackError):
    """The provider took the order to withdraw a record, and the record is still there, or may be."""


class OthersThere(StackError):
    """The provider's client would delete other values with the one that is to go."""


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
        ours = values_left(connection, note.record.name, now())
    if not shared:
        own = publishers.has_published(note.credential, note.record)
        try:
            _clean(publishers, note, ours, stopped, own=own)
            if not own and note.state is State.PUBLISHING:
                _clean_late(publishers, note, ours, stopped, now)
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
        where = ", ".join(filter(None, (note.provider, console(note.provider))))
        return Notice(
            f"the TXT record {name} with the value {note.record.value} may still be published: {error}\n"
            f"  next: {error.hint}; then withdraw it: tic dns clean {note.stack}\n"
            f"  or delete it by hand in the zone {note.zone} ({where}), and tic dns clean "
            "forgets it",
            "warning",
        )
    return Notice(f"withdrew the TXT record {name} that a run of {note.stack} left")


def _clean(
    publishers: "Publishers",
    note: Note,
    ours: frozenset[str],
    stopped: Callable[[float], bool],
    *,
    own: bool,
) -> None:
    others = _others(note, ours)
    alone_can = client_can(note.provider, own=own, others=others)
    account = None if alone_can else publishers.account(note.credential)
    if account is not None:
        publishers.delete(note.credential, account, note.record, note.zone)
    elif others and not alone_can:
        raise OthersThere(
            f"the client of {note.provider} deletes every value of {note.record.name} with one, and "
            f"{len(others)} of somebody else stand{'s' if len(others) == 1 else ''} there",
            hint=_how(note),
        )
    elif publishers.cleanup(note.credential, note.record, note.resolvers):
        return
    last = wait_gone(note.place, note.record.value, seconds=GONE_SECONDS, stopped=stopped)
    if last is Presence.SEEN:
        raise StillPublished(
            f"{note.provider} can withdraw {note.record.name} only from the process that published it",
            hint=_how(note),
        )
    if last is Presence.UNKNOWN:
        raise StillPublished(
            f"whether {note.record.name} is gone can't be seen: not every name server of {note.zone} answers",
            hint="see that this machine reaches them",
        )


def _how(note: Note) -> str:
    """What a person does where neither the kind's own client nor dns-lexicon could."""
    by_hand = f"delete the value in the zone {note.zone} at {note.provider}"
    if note.provider in ways() and not installed():
        return f"install what deletes it by its value: pip install 'tic-engine[lexicon]'; or {by_hand}"
    return by_hand


def _others(note: Note, ours: frozenset[str]) -> frozenset[str]:
    """The values beside the note's that are to stay; looked for where they would not."""
    if note.provider not in WHOLE_NAME:
        return frozenset()
    return values_at(note.place) - ours - {note.record.value}


def _clean_late(
    publishers: "Publishers",
    note: Note,
    ours: frozenset[str],
    stopped: Callable[[float], bool],
    now: Callable[[], float],
) -> None:
    """Once what the dead process had sent has arrived, see whether the record is there all the same."""
    if not note.place.servers:
        return
    wait = note.noted_at + ON_THE_WAY_SECONDS - now()
    if 0 < wait <= ON_THE_WAY_SECONDS:
        stopped(wait)
        if presence(note.place, note.record.value) is Presence.SEEN:
            _clean(publishers, note, ours, stopped, own=False)
