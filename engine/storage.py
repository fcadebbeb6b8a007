"""What tic asks of the database that it lives in, and what it says where that database can't serve."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine

from engine.errors import EngineError

EVERYBODY = "everybody"
BUSY_SECONDS = 30  # how long a writer waits for the one before it


class DatabaseUnusable(EngineError):
    """The database can't be opened, read or written: disk, permission, damage, or another version's."""

    exit_code = 5


class Unwritable(DatabaseUnusable):
    """Its disk is full, or its place may only be read; what is in it may still be readable."""


class DiskFull(Unwritable):
    """What failed changed nothing, and may be tried again when there is space."""


class NoDatabase(DatabaseUnusable):
    """There is nothing of tic's yet; `tic vault init` makes it."""


class DatabaseDamaged(DatabaseUnusable):
    """What is in the database is not what tic has put there."""

    def __init__(self, name: str, what: str, *, hint: str) -> None:
        super().__init__(f"the database {name} is damaged: {what}", hint=hint)


class Storage(Protocol):
    """What differs between SQLite and PostgreSQL; `engine.database` holds what does not.

    `name` is how messages name the database, without a password. `driver_fault` is the root of what the
    driver raises. Where the schema must be there already, `begun` is true: an empty database is no beginning.
    """

    name: str
    engine: Engine
    driver_fault: type[Exception]
    begun: bool

    def begin_reading(self, connection: Connection) -> None:
        """Begin a snapshot: what is read until it ends is of one moment, and nothing can be written."""

    def queue(self) -> AbstractContextManager[None]:
        """Where threads of this process stand that want to write, if the database has no queue of its own."""

    def begin_writing(self, connection: Connection, only: str | None = None) -> None:
        """Begin a transaction that alone may write; waits up to BUSY_SECONDS for the one that may now.

        `only` names the one thing that it reads for a decision and changes: others that name other things may
        then write beside it. Says through `engine.waiting` that it waits.
        """

    def commit(self, connection: Connection) -> None:
        """Commit durably."""

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Hold what is named so, outside the database, for the block: no other process that uses this
        database has it then. Ends with its process. Waits up to BUSY_SECONDS, then raises DatabaseUnusable.
        """

    def check_writable(self) -> None:
        """Raise Unwritable where it shows without a try that nothing can be written."""

    def for_reading(self, why: Unwritable) -> "Storage | None":
        """Another way to read what is there; whoever would write gets `why`. None where there is none."""

    def tables(self, connection: Connection) -> set[str]:
        """The names of the tables that are there."""

    def check_whole(self, connection: Connection) -> None:
        """Raise DatabaseDamaged where a quick look shows that a part is missing."""

    def readers(self, connection: Connection) -> list[str]:
        """Who may read it besides its owner and the server's superusers: users by name, or EVERYBODY."""

    def faults(self, connection: Connection) -> list[str]:
        """What the database finds wrong with itself, in its words; reads all of it."""

    def check_empty(self, connection: Connection) -> None:
        """Raise DatabaseUnusable unless the database, which has no table, may get its schema."""

    def finish_schema(self, connection: Connection) -> None:
        """Put right, after migrations and in their transaction, what migrations can't say."""

    def explanation(self, error: BaseException | None) -> DatabaseUnusable:
        """What one fault of the driver means, and what to do about it; repeats nothing that is stored."""

    def damaged(self, what: str) -> DatabaseDamaged:
        """The error for damage of this database."""

    def elsewhere(self) -> str:
        """How to name another database, as the end of a hint."""
