"""PostgreSQL as tic's database, for a team: `TIC_DATABASE_URL=postgresql://USER@HOST/DATABASE`.

A reader gets a REPEATABLE READ snapshot. A writer first takes an advisory lock of the whole database, held
until its transaction ends (PostgreSQL's manual, 13.3.5): the same promise as SQLite's `BEGIN IMMEDIATE`. READ
COMMITTED is enough behind it, because nobody else writes; a snapshot for the whole transaction would be one
from before the lock. The server ends the transaction of a client that is gone, and so frees the lock.
"""

import hashlib
import os
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError

from engine import waiting
from engine.postgres_faults import NOT_HAD_IN_TIME, busy, commit_lost, damaged, explanation
from engine.postgres_url import Address, address
from engine.storage import BUSY_SECONDS, EVERYBODY, DatabaseDamaged, DatabaseUnusable, NoDatabase, Unwritable
from engine.waiting import NOTICE_SECONDS

_LOCK: Final = 0x746963  # "tic"; advisory locks are each database's own
_CONNECT_SECONDS: Final = 10
_WRITERS: Final = 8  # connections of one process that may wait to write; its pool has 15
_IDLE_SECONDS: Final = 120  # a writer whose machine is gone blocks the others no longer than this
_BEGIN_WRITING: Final = f"""
SET LOCAL lock_timeout = '{{seconds}}s';
SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s';
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
{{lock}};
SET LOCAL lock_timeout = '{BUSY_SECONDS}s'
"""
_ALONE: Final = f"""
SET LOCAL lock_timeout = '{{seconds}}s';
SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s';
{{lock}}
"""
_ALL: Final = f"SELECT pg_advisory_xact_lock({_LOCK})"
_ONE: Final = f"SELECT pg_advisory_xact_lock_shared({_LOCK}); SELECT pg_advisory_xact_lock({{key}})"
_HOLDER: Final = f"""
SELECT application_name, pid, usename, client_hostname, client_addr
  FROM pg_locks JOIN pg_stat_activity USING (pid)
 WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = {_LOCK} AND objsubid = 1
   AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND pid <> pg_backend_pid()
 ORDER BY xact_start LIMIT 1
"""  # noqa: S608 - of constants
_INVALID: Final = """
SELECT 'the index ' || indexrelid::regclass || ' is not valid' FROM pg_index
 WHERE NOT indisvalid AND indrelid IN
   (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
UNION ALL
SELECT 'the constraint ' || conname || ' is not valid' FROM pg_constraint
 WHERE NOT convalidated AND connamespace = current_schema()::regnamespace
UNION ALL
SELECT checksum_failures || ' of its pages failed their checksum' FROM pg_stat_database
 WHERE datname = current_database() AND checksum_failures > 0
"""
_READERS: Final = f"""
SELECT DISTINCT CASE grantee WHEN 0 THEN '{EVERYBODY}' ELSE grantee::regrole::text END AS name
  FROM pg_class, aclexplode(relacl)
 WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND privilege_type = 'SELECT'
   AND grantee <> relowner
 ORDER BY 1
"""  # noqa: S608 - of constants
_BY_BYTES: Final = """
DO $$ DECLARE found record; BEGIN
  FOR found IN
    SELECT attrelid::regclass AS place, attname AS name, format_type(atttypid, atttypmod) AS type
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND NOT attisdropped
       AND attnum > 0 AND attcollation NOT IN (0, '"C"'::regcollation)
  LOOP
    EXECUTE 'ALTER TABLE ' || found.place || ' ALTER COLUMN ' || quote_ident(found.name)
      || ' TYPE ' || found.type || ' COLLATE "C"';
  END LOOP;
END $$
"""


class Postgres:
    """A database of a PostgreSQL server; see `engine.storage.Storage`."""

    def __init__(self, where: Address, *, create: bool) -> None:
        import psycopg

        self.driver_fault: type[Exception] = psycopg.Error
        self.name = where.name
        self.begun = not create
        self.engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(where.url, **_settings(where)),
            pool_pre_ping=True,  # a server that was started anew is no fault of the next command
            use_native_hstore=False,
        )
        weakref.finalize(self, self.engine.dispose)  # the server is told that its clients leave
        self._where = where
        self._writers = threading.BoundedSemaphore(_WRITERS)

    @classmethod
    def of(cls, url: str, *, create: bool) -> "Postgres":
        """The database at `url`, not connected to yet; raises UrlRefused, DriverMissing."""
        return cls(address(url), create=create)

    def begin_reading(self, connection: Connection) -> None:
        """PostgreSQL's snapshot is that of the first statement that follows."""
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    @contextmanager
    def queue(self) -> Iterator[None]:
        """The server has the queue, first come first served; of this process's connections some are left to
        those who read.
        """
        if not self._writers.acquire(timeout=BUSY_SECONDS):
            raise busy(self._where)
        try:
            yield
        finally:
            self._writers.release()

    def begin_writing(self, connection: Connection, only: str | None = None) -> None:
        """Begin, and take the one lock of all writers; or share it, and take that of `only`."""
        lock = _ALL if only is None else _ONE.format(key=_key(only))
        try:
            connection.exec_driver_sql(_BEGIN_WRITING.format(seconds=int(NOTICE_SECONDS), lock=lock))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != NOT_HAD_IN_TIME:
                raise
            connection.rollback()
            waiting.tell(f"waiting for {self._holder(connection)}, which writes to {self.name}")
            connection.exec_driver_sql(_BEGIN_WRITING.format(seconds=BUSY_SECONDS, lock=lock))

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """An advisory lock of the server's, held by a transaction that does nothing else."""
        lock = f"SELECT pg_advisory_xact_lock({_key(f'alone {name}')})"
        with self.engine.connect() as connection:
            connection.exec_driver_sql(_ALONE.format(seconds=BUSY_SECONDS, lock=lock))
            try:
                yield
            finally:
                connection.rollback()

    def _holder(self, connection: Connection) -> str:
        """Who has the lock, as far as the server tells this user."""
        found = connection.exec_driver_sql(_HOLDER).one_or_none()
        connection.rollback()
        if found is None:
            return "another tic"
        if found.application_name and found.application_name.startswith("tic "):
            return str(found.application_name)
        host = found.client_hostname or found.client_addr or "the server's machine"
        return f"{found.usename or 'another user'} on {host} (server process {found.pid})"

    def commit(self, connection: Connection) -> None:
        """Commit; returns when the server has it on its disk. Raises DatabaseUnusable where it can't be
        known.
        """
        try:
            connection.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise commit_lost(self._where) from None
            raise

    def check_writable(self) -> None:
        """Only the server knows, and says so when something is written."""

    def for_reading(self, why: Unwritable) -> None:
        """There is no other way: a standby is read as it is."""

    def tables(self, connection: Connection) -> set[str]:
        """The tables of the schema that new ones would be made in."""
        found = connection.exec_driver_sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        )
        return set(found.scalars())

    def check_whole(self, connection: Connection) -> None:
        """The server looks after its files."""

    def readers(self, connection: Connection) -> list[str]:
        """Whom a table of the schema has been granted to."""
        return [str(name) for name in connection.exec_driver_sql(_READERS).scalars()]

    def faults(self, connection: Connection) -> list[str]:
        """Guards that do not hold, checksums that failed, and tables that can't be read to their end."""
        found = [str(line) for line in connection.exec_driver_sql(_INVALID).scalars()]
        for table in sorted(self.tables(connection)):
            quoted = connection.dialect.identifier_preparer.quote(table)
            connection.exec_driver_sql(f"SELECT count(md5(one::text)) FROM {quoted} AS one")  # noqa: S608
        return found

    def check_empty(self, connection: Connection) -> None:
        """Only `tic vault init` begins; what it begins in must be able to keep every text."""
        if self.begun:
            raise NoDatabase(
                f"there is no vault in the database {self.name}",
                hint="make one: tic vault init; or name the right database in TIC_DATABASE_URL",
            )
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise DatabaseUnusable(
                f"the database {self.name} keeps texts as {encoding}, which lacks most characters",
                hint=f"make another: createdb{self._where.server} --encoding UTF8 --template template0 NAME",
            )

    def finish_schema(self, connection: Connection) -> None:
        """Have every text compared by its bytes, as SQLite does.

        The order of a language differs between servers, and changes with a server's system library: the
        vault's digest and unique indexes would not survive that.
        """
        connection.exec_driver_sql(_BY_BYTES)

    def explanation(self, error: BaseException | None) -> DatabaseUnusable:
        """What one fault of the driver means."""
        return explanation(error, self._where)

    def damaged(self, what: str) -> DatabaseDamaged:
        """The error for what tic has not put there."""
        return damaged(self._where, what)

    def elsewhere(self) -> str:
        """Another database has another URL."""
        return "name another database in TIC_DATABASE_URL"


def _key(only: str) -> int:
    """The advisory lock of one thing: 64 bits, and never that of all. Two things that share one just wait."""
    number = int.from_bytes(hashlib.sha256(only.encode()).digest()[:8], "big", signed=True)
    return number if number != _LOCK else _LOCK + 1


def _settings(where: Address) -> dict[str, Any]:
    """What tic sets where the URL does not.

    No statement is prepared on the server: a pool between the two (PgBouncer) may change servers between
    transactions, and another tic may change the schema.
    """
    name = f"tic {os.getpid()} on {socket.gethostname()}"[:63]  # NAMEDATALEN; how others see who writes
    own = {"connect_timeout": _CONNECT_SECONDS, "application_name": name, "client_encoding": "UTF8"}
    missing = {name: value for name, value in own.items() if name not in where.settings}
    return {**missing, "prepare_threshold": None}
