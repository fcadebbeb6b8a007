"""The one database that holds vault and state: SQLite (WAL) when embedded.

Readers never wait. A writer takes SQLite's write lock when it begins (`BEGIN IMMEDIATE`), so what it
read is still true when it writes; a second writer waits up to `BUSY_SECONDS`. `synchronous=FULL`: what was
committed survives a power cut, because the state service acknowledges a journal batch after its commit.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from engine.errors import EngineError
from engine.home import Home

BUSY_SECONDS = 30
MIGRATIONS = Path(__file__).parent / "migrations"
NEARLY_NOTHING: Final = 1024 * 1024  # bytes; SQLite needs this much for its log and its shared memory


class DatabaseUnusable(EngineError):
    """The database can't be opened, read or written: disk, permission, damage or another version's file."""

    exit_code = 5


class DatabaseDamaged(DatabaseUnusable):
    """What is in the database's file is not what tic has put there."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"the database {name} is damaged: {what}",
            hint=f"put a backup of the file back: cp BACKUP {name} (and remove {name}-wal and {name}-shm); "
            "vault.key stays as it is",
        )


class Database:
    """Connections to the database, and its schema at the version that this program knows."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    @classmethod
    def open(cls, home: Home, *, create: bool = False) -> "Database":
        """Open the database of `home` and bring its schema up to date.

        Raises HomeUnusable where other users could read it, DatabaseUnusable where there is none (unless
        `create`) or a newer tic wrote it, DatabaseDamaged.
        """
        home.check_folder()
        home.check_database()
        path = home.database
        if not path.exists():
            if not create:
                raise DatabaseUnusable(f"there is no vault in {home.root}", hint="make one: tic vault init")
            home.make()
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # The key is made after the first schema is committed: where it is, the database is not empty. It is
        # looked for first, because another process may be making both.
        begun = home.key_file.exists()
        if begun and path.stat().st_size == 0:
            raise DatabaseDamaged(str(path), "it is empty")
        database = cls(_sqlite(path), str(path))
        with database.explained():
            database._migrate(begun=begun)
        return database

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot to read from."""
        with self.explained(), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start; committed at the end, rolled back on an
        exception.
        """
        with self.explained(), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the driver's faults into DatabaseUnusable, and content that does not decode into
        DatabaseDamaged; SQLAlchemy's text holds parameters, so it is dropped.
        """
        try:
            yield
        except DBAPIError as error:
            if isinstance(error.orig, sqlite3.IntegrityError):
                raise
            raise self._explanation(error.orig) from None
        except sqlite3.Error as error:
            raise self._explanation(error) from None
        except (zlib.error, ValueError) as error:
            if not _of_content(error):
                raise
            # The exception carries the content, which may be anything.
            told = f"something in it does not decode ({type(error).__name__})"
            raise DatabaseDamaged(self.name, told) from None

    def faults(self) -> list[str]:
        """What SQLite finds wrong with the whole file, in its words; reads all of it."""
        with self.read() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(5)").scalars()
            return [str(line) for line in found if line != "ok"]

    def close(self) -> None:
        """Close every connection; SQLite then folds its write-ahead log into the file."""
        self.engine.dispose()

    def _migrate(self, *, begun: bool) -> None:
        """Bring the schema up to date; a database that has been `begun` has one."""
        known = sorted(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
        with self.engine.connect() as connection:
            tables = set(
                connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
            )
            if not tables and begun:
                raise DatabaseDamaged(self.name, "it holds no table")
            current = None
            if "alembic_version" in tables:
                current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if current == known[-1]:
            return
        if tables and current is None:
            raise DatabaseDamaged(self.name, "it does not say which schema it has, so it is none of tic's")
        if isinstance(current, str) and current > known[-1]:
            raise DatabaseUnusable(
                f"{self.name} was written by a newer tic (schema {current}; this one knows {known[-1]})",
                hint="upgrade this tic, or set TIC_HOME to another folder",
            )
        if current not in (None, *known):
            raise DatabaseDamaged(self.name, "it names a schema that no tic has made")
        from engine.migrations.upgrade import upgrade

        upgrade(self.engine)

    def _explanation(self, error: BaseException | None) -> DatabaseUnusable:
        """What one fault of SQLite means, and what to do about it."""
        code = getattr(error, "sqlite_errorcode", None)  # absent where Python's own driver complains
        kind = None if code is None else code & 0xFF  # the rest says where it happened
        if kind is None and "decode" in str(error):
            return DatabaseDamaged(self.name, "a text in it is not UTF-8")
        if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return DatabaseDamaged(self.name, str(error))
        folder = Path(self.name).parent
        if kind == sqlite3.SQLITE_FULL or (
            kind in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_full(folder)
        ):
            return DatabaseUnusable(
                f"the database {self.name} failed, because its disk is full ({error})",
                hint=f"free some space on the disk of {folder} and run the command again",
            )
        return DatabaseUnusable(f"the database {self.name} failed: {error}", hint=_hint(kind, self.name))


def _sqlite(path: Path) -> Engine:
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
    return module == __name__ or module.startswith("sqlalchemy.")


def _is_full(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < NEARLY_NOTHING


def _hint(kind: int | None, name: str) -> str:
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another tic is writing; run the command again when it is done"
    if kind in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return f"make the folder and the file yours to write: ls -la {Path(name).parent}"
    if kind == sqlite3.SQLITE_IOERR:
        return f"check the disk of {Path(name).parent}, then run the command again"
    return (
        f"run the command again; if it fails again, put a backup back: cp BACKUP {name}; "
        "vault.key stays as it is"
    )
