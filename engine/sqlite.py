"""SQLite as tic's database: one file in the home (WAL), the embedded default.

Readers never wait. A writer takes SQLite's write lock when it begins (`BEGIN IMMEDIATE`). `synchronous=FULL`:
what was committed survives a power cut, because the state service acknowledges a journal batch after its
commit.
"""

import fcntl
import hashlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from credentials.anchor import NAME as ANCHOR
from engine import waiting
from engine.home import Home
from engine.sqlite_faults import busy, closed, damaged, explanation, is_open
from engine.sqlite_lock import holder
from engine.storage import BUSY_SECONDS, DatabaseDamaged, DatabaseUnusable, NoDatabase, Unwritable
from engine.waiting import Patience

_ALONE: Final = 64  # files


class Sqlite:
    """The database file of a home; see `engine.storage.Storage`."""

    driver_fault: type[Exception] = sqlite3.Error

    def __init__(
        self, path: Path, *, begun: bool, engine: Engine | None = None, why: Unwritable | None = None
    ) -> None:
        """`engine` reads a copy of the file, which `why` can't be written."""
        self.name = str(path)
        self.begun = begun
        self.engine = engine or _engine(path)
        self._why = why
        weakref.finalize(self, self.engine.dispose)  # at the latest when tic ends: the log goes into the file
        self._path = path
        self._queue = threading.Lock()

    @classmethod
    def of(cls, home: Home, *, create: bool) -> "Sqlite":
        """The file of `home`, made empty where there is none and `create` is true.

        Raises HomeUnusable where others could read it, NoDatabase, DatabaseDamaged.
        """
        home.check_database()
        path = home.database
        # The key is made after the first schema is committed: where it is, the database is not empty. It is
        # looked for first, because another process may be making both.
        begun = home.key_file.exists()
        left = next((one for one in (home.key_file, home.root / ANCHOR) if one.exists()), None)
        if not path.exists():
            if left is not None:
                raise _gone(home, left)
            if not create:
                raise NoDatabase(f"there is no vault in {home.root}", hint="make one: tic vault init")
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        if begun and path.stat().st_size == 0:
            raise damaged(path, "it is empty")
        return cls(path, begun=begun)

    def begin_reading(self, connection: Connection) -> None:
        """SQLite's snapshot is that of the first statement that follows."""
        connection.exec_driver_sql("BEGIN")

    def check_writable(self) -> None:
        """SQLite itself would open a file that may only be read, and fail at the first change."""
        if self._why is not None:
            raise self._why
        if not is_open(self._path):
            raise closed(self._path, "it may only be read")

    def for_reading(self, why: Unwritable) -> "Sqlite | None":
        """A copy of the file in memory, as it is now."""
        from engine.sqlite_copy import in_memory

        try:
            copy = in_memory(self._path)
        except sqlite3.Error as error:
            raise self.explanation(error) from None
        if copy is None:
            return None
        engine = create_engine("sqlite://", creator=copy.opened, poolclass=NullPool)
        return Sqlite(self._path, begun=self.begun, engine=engine, why=why)

    @contextmanager
    def queue(self) -> Iterator[None]:
        """One thread of this process at a time asks SQLite for its lock."""
        if not self._queue.acquire(timeout=BUSY_SECONDS):
            raise busy(self._path)
        try:
            yield
        finally:
            self._queue.release()

    def begin_writing(self, connection: Connection, only: str | None = None) -> None:
        """Take SQLite's one write lock, whatever is to be written.

        SQLite's own waiting asks the more seldom the longer it lasts, up to ten times a second, says nothing
        and hears no Ctrl-C; with many writers some would starve.
        """
        if self._why is not None:
            raise self._why
        connection.begin()
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - made in _engine
        patience = Patience(BUSY_SECONDS)
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            while not _begun(driver):
                if patience.is_over:
                    raise busy(self._path)
                if patience.is_to_be_told():
                    waiting.tell(f"waiting for {holder(self._path)}, which writes to {self.name}")
                time.sleep(patience.pause)
        finally:
            driver.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """A lock of the kernel's (flock(2)) on one of a few files beside the database; of two names that
        share a file, one waits.
        """
        folder = self._path.parent / "run"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / f"alone-{hashlib.sha256(name.encode()).digest()[0] % _ALONE:02}.lock"
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            patience = Patience(BUSY_SECONDS)
            while not _locked(descriptor):
                if patience.is_over:
                    raise busy(self._path)
                time.sleep(patience.pause)
            yield
        finally:
            os.close(descriptor)

    def commit(self, connection: Connection) -> None:
        """Commit; returns when it is on the disk."""
        connection.commit()

    def tables(self, connection: Connection) -> set[str]:
        """The tables of the file."""
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        return set(found.scalars())

    def check_whole(self, connection: Connection) -> None:
        """SQLite reads what is missing of the last page as zeroes. Without a log the file has all pages."""
        if self._why is not None or _size(self._path.with_name(f"{self._path.name}-wal")):
            return
        pages, size = (
            connection.exec_driver_sql(f"PRAGMA {what}").scalar_one() for what in ("page_count", "page_size")
        )
        if (found := _size(self._path)) < pages * size:
            raise self.damaged(f"its end is cut off: it has {found} of {pages * size} bytes")

    def readers(self, connection: Connection) -> list[str]:
        """Nobody: a file that others may read is not opened (`Home.check_database`)."""
        return []

    def faults(self, connection: Connection) -> list[str]:
        """What SQLite's quick check finds."""
        found = connection.exec_driver_sql("PRAGMA quick_check(5)").scalars()
        return [str(line) for line in found if line != "ok"]

    def check_empty(self, connection: Connection) -> None:
        """An empty file is a beginning only where there is no key yet."""
        if self.begun:
            raise self.damaged("it holds no table")

    def finish_schema(self, connection: Connection) -> None:
        """Nothing is left to do: SQLite compares texts by their bytes."""

    def explanation(self, error: BaseException | None) -> DatabaseUnusable:
        """What one fault of SQLite means."""
        return explanation(error, self._path)

    def damaged(self, what: str) -> DatabaseDamaged:
        """The error for a damaged file."""
        return damaged(self._path, what)

    def elsewhere(self) -> str:
        """Another file lies in another home."""
        return "set TIC_HOME to another folder"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _begun(driver: sqlite3.Connection) -> bool:
    """Whether the write lock was free, and is this connection's now."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True


def _gone(home: Home, left: Path) -> NoDatabase:
    what = "its key" if left == home.key_file else f"what this machine has seen of it ({left.name})"
    return NoDatabase(
        f"the database {home.database} is gone, {what} is still there",
        hint="put a backup back: tic vault restore FILE; where the database is a server's, name it in "
        "TIC_DATABASE_URL",
    )


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = (
            None  # transactions begin where this module says so, not where the driver guesses
        )
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
