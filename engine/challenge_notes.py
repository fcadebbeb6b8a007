"""The write-ahead notes: what a run published, or was about to, and has not withdrawn.

A note is written before the provider is called and deleted after the record is withdrawn, so a record
without a note is not tic's, and a note may be without its record. Each function works inside the caller's
transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, column, delete, insert, select, table, update

from engine.state.owner import Owner, is_gone, this_process

if TYPE_CHECKING:
    from stacks.dns.publisher import Record
    from stacks.dns.zones import Place

# Of a process on another host nothing is sure, but no run keeps a challenge record this long.
FOREIGN_OWNER_SECONDS = 3600.0

# The table of `challenge_rows.py`, named for statements: importing SQLModel takes longer than most commands.
COLUMNS = (
    "id", "stack_id", "stack_name", "credential", "provider", "identifier", "challenge_token",
    "key_authorization", "record_name", "record_value", "zone", "nameservers", "resolvers", "state",
    "noted_at", "published_at",
    "owner_host", "owner_pid", "owner_started", "problem",
)  # fmt: skip
_challenge = table("challenge", *map(column, COLUMNS))


class State(Enum):
    """PUBLISHING: the provider was perhaps called; PUBLISHED: every authoritative server had the record."""

    PUBLISHING = "publishing"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Author:
    """Who publishes: the stack (id, `project/stack`), the credential's token and kind, the run's process."""

    stack_id: int
    stack: str
    credential: str
    provider: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class Note:
    """One note; its times are seconds since the epoch (UTC).

    `nameservers` (`ip:port`) are the servers that must have the record, `resolvers` what lego was given to
    find the zone by (none: this machine's). `stack_id` is None where the stack is gone, `owner` where the
    run gave the record up; `problem` says why.
    """

    id: int
    stack_id: int | None
    stack: str
    credential: str
    provider: str
    record: "Record"
    zone: str
    nameservers: tuple[str, ...]
    resolvers: tuple[str, ...]
    state: State
    noted_at: float
    published_at: float | None
    owner: Owner | None
    problem: str | None

    @property
    def place(self) -> "Place":
        """Where the record is, as it was found when it was published."""
        from stacks.dns.asking import given
        from stacks.dns.zones import Place

        return Place(self.record.name, self.zone, tuple(given(each) for each in self.nameservers))

    def is_left(self, now: float) -> bool:
        """Whether no run looks after the record any more."""
        if self.owner is None or is_gone(self.owner):
            return True
        return self.owner.host != this_process().host and now - self.noted_at > FOREIGN_OWNER_SECONDS


def write(
    connection: Connection,
    author: Author,
    record: "Record",
    place: "Place",
    resolvers: Sequence[str],
    now: float,
) -> int:
    """Note that a record is about to be published; an earlier note of it is taken over. Returns its id."""
    values = {
        "stack_name": author.stack,
        "provider": author.provider,
        "identifier": record.challenge.identifier,
        "challenge_token": record.challenge.token,
        "key_authorization": record.challenge.key_authorization,
        "zone": place.zone,
        "nameservers": orjson.dumps([server.endpoint for server in place.servers]).decode(),
        "resolvers": orjson.dumps(list(resolvers)).decode(),
        "state": State.PUBLISHING.value,
        "noted_at": now,
        "published_at": None,
        "owner_host": author.owner.host,
        "owner_pid": author.owner.pid,
        "owner_started": author.owner.started,
        "problem": None,
    }
    key = {
        "stack_id": author.stack_id,
        "credential": author.credential,
        "record_name": record.name,
        "record_value": record.value,
    }
    same = [_challenge.c[name] == value for name, value in key.items()]
    known = connection.execute(select(_challenge.c.id).where(*same)).scalar_one_or_none()
    if known is None:
        query = insert(_challenge).values(**key, **values).returning(_challenge.c.id)
        return int(connection.execute(query).scalar_one())
    connection.execute(update(_challenge).where(_challenge.c.id == known).values(**values))
    return int(known)


def published(connection: Connection, note_id: int, now: float) -> None:
    """Note that every server that must have the record has it."""
    values = {"state": State.PUBLISHED.value, "published_at": now}
    connection.execute(update(_challenge).where(_challenge.c.id == note_id).values(**values))


def forget(connection: Connection, note_id: int) -> None:
    """The record is withdrawn: delete its note."""
    connection.execute(delete(_challenge).where(_challenge.c.id == note_id))


def leave(connection: Connection, note_id: int, problem: str) -> None:
    """The record could not be withdrawn: from now on it is anybody's to withdraw."""
    values = {"owner_host": None, "owner_pid": None, "owner_started": None, "problem": problem}
    connection.execute(update(_challenge).where(_challenge.c.id == note_id).values(**values))


def open_notes(connection: Connection, stack_id: int | None = None) -> list[Note]:
    """The notes of a stack, or of all stacks and of none, oldest first."""
    query = select(_challenge).order_by(_challenge.c.id)
    if stack_id is not None:
        query = query.where(_challenge.c.stack_id == stack_id)
    return [_value(row) for row in connection.execute(query)]


def needed_elsewhere(connection: Connection, note: Note, now: float) -> bool:
    """Whether a living run of another stack holds the same record: one account's stacks may share it."""
    query = select(_challenge).where(
        _challenge.c.record_name == note.record.name,
        _challenge.c.record_value == note.record.value,
        _challenge.c.id != note.id,
    )
    return any(not _value(row).is_left(now) for row in connection.execute(query))


def values_left(connection: Connection, name: str, now: float) -> frozenset[str]:
    """The values at a name that ended runs left: tic's own, so any run may withdraw them."""
    query = select(_challenge).where(_challenge.c.record_name == name)
    notes = [_value(row) for row in connection.execute(query)]
    return frozenset(note.record.value for note in notes if note.is_left(now))


def _value(row: Any) -> Note:
    from stacks.dns.publisher import Record
    from stacks.dns.record import Challenge

    owner = None
    if row.owner_pid is not None:
        owner = Owner(row.owner_pid, row.owner_host, row.owner_started)
    challenge = Challenge(row.identifier, row.challenge_token, row.key_authorization)
    return Note(
        id=row.id,
        stack_id=row.stack_id,
        stack=row.stack_name,
        credential=row.credential,
        provider=row.provider,
        record=Record(challenge, row.record_name),
        zone=row.zone,
        nameservers=tuple(orjson.loads(row.nameservers)),
        resolvers=tuple(orjson.loads(row.resolvers)),
        state=State(row.state),
        noted_at=row.noted_at,
        published_at=row.published_at,
        owner=owner,
        problem=row.problem,
    )
