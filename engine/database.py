"""The one database that holds vault and state: SQLite when embedded, PostgreSQL for a team.

Whichever it is, a reader sees one moment and waits for nobody, and what a transaction that writes has read is
still true when it writes: one at a time may. A second writer waits up to BUSY_SECONDS, and says for whom.
What was committed survives a power cut.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from engine.home import Home
from engine.storage import (
    BUSY_SECONDS,
    DatabaseDamaged,
    DatabaseUnusable,
    DiskFull,
    NoDatabase,
    Storage,
    Unwritable,
)

__all__ = ["BUSY_SECONDS", "Database", "DatabaseDamaged", "DatabaseUnusable", "NoDatabase"]

MIGRATIONS = Path(__file__).parent / "migrations"
_REVISION: Final = re.compile(r"\d{4}_\w+")


class Database:
    """Transactions on the database, and its schema at the version that this program knows."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._when_full: Callable[[], None] = _nothing

    @classmethod
    def open(cls, home: Home, *, create: bool = False) -> "Database":
        """Open the database of `home` and bring its schema up to date.

        Where it can't be written (a full disk, a folder that may only be read), it is opened to read from.
        Raises HomeUnusable where other users could read it, NoDatabase (unless it may `create` one),
        DatabaseUnusable where a newer tic wrote it, DatabaseDamaged; for PostgreSQL also UrlRefused and
        DriverMissing.
        """
        home.make() if create else home.check_folder()
        storage = _storage(home, create=create)
        try:
            storage.check_writable()
            return cls._opened(storage)
        except Unwritable as why:
            reading = None if create else storage.for_reading(why)
            if reading is None:
                raise
            return cls._opened(reading)

    @classmethod
    def _opened(cls, storage: Storage) -> "Database":
        database = cls(storage)
        try:
            with database.explained():
                database._migrate()
        except BaseException:
            database.close()
            raise
        return database

    @property
    def name(self) -> str:
        """How a message names it: the path of SQLite's file, or PostgreSQL's address without a password."""
        return self._storage.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot to read from."""
        with self.explained(), self._storage.engine.connect() as connection:
            self._storage.begin_reading(connection)
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def write(self, only: str | None = None) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start; committed at the end, rolled back on an
        exception.

        `only` (the id of an update) says that it decides and writes nothing but what is that update's:
        PostgreSQL then lets others that say the same of theirs write at the same time. One that does not say
        so waits for all of them, and they for it.
        """
        with self.explained(), self._storage.queue(), self._storage.engine.connect() as connection:
            self._storage.begin_writing(connection, only)
            try:
                yield connection
                self._storage.commit(connection)
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Hold what is named so, which is not in the database: no other process with this database has it
        while the block runs.
        """
        held = self._storage.alone(name)
        with self.explained():
            held.__enter__()
        try:
            yield
        finally:
            with self.explained():
                held.__exit__(None, None, None)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the driver's faults into DatabaseUnusable, and content that does not decode into
        DatabaseDamaged; SQLAlchemy's text holds parameters, so it is dropped.
        """
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise self._explained(error.orig) from None
        except self._storage.driver_fault as error:
            raise self._explained(error) from None
        except NoFreeConnection:
            raise DatabaseUnusable(
                f"the database {self.name} has no connection free for this process",
                hint="run the command again when less is going on",
            ) from None
        except (zlib.error, ValueError) as error:
            if not _of_content(error):
                raise
            # The exception carries the content, which may be anything.
            told = f"something in it does not decode ({type(error).__name__})"
            raise self.damaged(told) from None

    @contextmanager
    def when_full(self, act: Callable[[], None]) -> Iterator[None]:
        """While the block runs, call `act` whenever the disk was found full; from any thread."""
        self._when_full = act
        try:
            yield
        finally:
            self._when_full = _nothing

    def check_writable(self) -> None:
        """Raise Unwritable where it was opened only to read from."""
        self._storage.check_writable()

    def readers(self) -> list[str]:
        """Who may read it besides its owner, as far as it knows: users by name, or EVERYBODY."""
        with self.read() as connection:
            return self._storage.readers(connection)

    def faults(self) -> list[str]:
        """What the database finds wrong with all of itself, in its words; reads all of it."""
        with self.read() as connection:
            return self._storage.faults(connection)

    def damaged(self, what: str) -> DatabaseDamaged:
        """The error for damage of this database, with how to mend it."""
        return self._storage.damaged(what)

    def close(self) -> None:
        """Close every connection; SQLite then folds its write-ahead log into the file."""
        self._storage.engine.dispose()

    def _explained(self, fault: BaseException | None) -> DatabaseUnusable:
        meaning = self._storage.explanation(fault)
        if isinstance(meaning, DiskFull):
            self._when_full()
        return meaning

    def _migrate(self) -> None:
        """Bring the schema up to date."""
        known = sorted(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
        with self._storage.engine.connect() as connection:
            self._storage.check_whole(connection)
            tables = self._storage.tables(connection)
            if not tables:
                self._storage.check_empty(connection)
            current = None
            if "alembic_version" in tables:
                current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if current == known[-1]:
            return
        if tables and current is None:
            raise self.damaged("it does not say which schema it has, so it is none of tic's")
        if isinstance(current, str) and _REVISION.fullmatch(current) and current > known[-1]:
            raise DatabaseUnusable(
                f"{self.name} was written by a newer tic (schema {current}; this one knows {known[-1]})",
                hint=f"upgrade this tic, or {self._storage.elsewhere()}",
            )
        if current not in (None, *known):
            raise self.damaged("it names a schema that no tic has made")
        from engine.migrations.upgrade import upgrade

        upgrade(self._storage)


def _nothing() -> None:
    """What is done where nobody has said what to do."""


def _storage(home: Home, *, create: bool) -> Storage:
    if home.database_url is not None:
        from engine.postgres import Postgres

        return Postgres.of(home.database_url, create=create)
    from engine.sqlite import Sqlite

    return Sqlite.of(home, create=create)


def _of_content(error: Exception) -> bool:
    """Whether something in the database did not decode: a packed value, its JSON, or what SQLite told its
    driver; a file of the user's that is not UTF-8, or not JSON, is another matter.
    """
    if not isinstance(error, UnicodeDecodeError):
        import orjson  # what packs values uses it; most commands unpack none

        return isinstance(error, zlib.error | orjson.JSONDecodeError)
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    module = str(innermost.tb_frame.f_globals.get("__name__", "")) if innermost else ""
    return module.startswith(("engine.database", "engine.sqlite", "sqlalchemy."))
