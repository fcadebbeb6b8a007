"""The one database that holds vault and state: SQLite (WAL) when embedded.

Readers never wait. A writer takes SQLite's write lock when it begins (`BEGIN IMMEDIATE`), so what it
read is still true when it writes; a second writer waits up to `BUSY_SECONDS`. `synchronous=FULL`: what was
committed survives a power cut, because the state service acknowledges a journal batch after its commit.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from engine.errors import EngineError
from engine.home import Home

BUSY_SECONDS = 30
MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseUnusable(EngineError):
    """The database can't be opened, read or written: disk, permission, damage or another version's file."""

    exit_code = 5


class Database:
    """Connections to the database, and its schema at the version that this program knows."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    @classmethod
    def open(cls, home: Home, *, create: bool = False) -> "Database":
        """Open the database of `home` and bring its schema up to date.

        Raises DatabaseUnusable where there is none (unless `create`), or where a newer tic wrote it.
        """
        path = home.database
        if not path.exists():
            if not create:
                raise DatabaseUnusable(f"there is no vault in {home.root}", hint="make one: tic vault init")
            home.make()
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        database = cls(_sqlite(path), str(path))
        with database.explained():
            database._migrate()
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
        """Turn the driver's faults into DatabaseUnusable; SQLAlchemy's text holds parameters, so it is
        dropped.
        """
        try:
            yield
        except DBAPIError as error:
            if isinstance(error.orig, sqlite3.IntegrityError):
                raise
            raise DatabaseUnusable(
                f"the database {self.name} failed: {error.orig}", hint=_hint(error)
            ) from None

    def close(self) -> None:
        """Close every connection; SQLite then folds its write-ahead log into the file."""
        self.engine.dispose()

    def _migrate(self) -> None:
        newest = max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
        with self.engine.connect() as connection:
            tables = set(
                connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
            )
            current = (
                connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                if "alembic_version" in tables
                else None
            )
        if current == newest:
            return
        if current is not None and current > newest:
            raise DatabaseUnusable(
                f"{self.name} was written by a newer tic (schema {current}; this one knows {newest})",
                hint="upgrade this tic, or set TIC_HOME to another folder",
            )
        from engine.migrations.upgrade import upgrade

        upgrade(self.engine)


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


def _hint(error: DBAPIError) -> str:
    said = str(error.orig)
    if "locked" in said:
        return "another tic is writing; run the command again when it is done"
    if "full" in said:
        return "free some disk space and run the command again; nothing was half written"
    if "readonly" in said or "unable to open" in said:
        return "check who owns the folder and that it is writable: tic doctor"
    return "run: tic doctor"
