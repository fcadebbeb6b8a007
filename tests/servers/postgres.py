"""PostgreSQL on a socket of its own: one server for the session, a database for each test."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from engine.database import Database
from engine.home import Home
from tests.servers.debian import Program
from tests.servers.install import postgres as program
from tests.servers.process import Process, running

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
ACCESS = """local all postgres trust
local all all scram-sha-256
"""
INITIAL = (
    "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--wal-segsize=1",
    "--locale-provider=icu", "--icu-locale=en-US",  # "a" before "B", as most servers have it
)  # fmt: skip
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # what a test writes needs to outlive nothing
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "jit": "off",
}


@dataclass(frozen=True)
class Postgres:
    """A running server. Its superuser `postgres` needs no password, its user `tic` has a random one."""

    process: Process
    folder: Path
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)

    def url(self, database: str, *, user: str = "tic", password: str | None = None) -> str:
        """What TIC_DATABASE_URL takes; by default with the password of `tic`."""
        given = self.password if password is None else password
        return f"postgresql://{user}{given and ':'}{given}@/{database}?host={self.folder}"

    def run(self, statement: LiteralString, *names: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser; `{}` in it stands for a name. Returns its rows."""
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname=database, autocommit=True
        ) as connection:
            done = connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
            return done.fetchall() if done.description else []

    def empty(self) -> str:
        """A new database without tables; returns its name."""
        return self._made("template0")

    def fresh(self) -> str:
        """A new database at the newest schema; returns its name."""
        return self._made(self._template)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def _made(self, template: str) -> str:
        name = f"test_{secrets.token_hex(6)}"
        self.run("CREATE DATABASE {} OWNER tic TEMPLATE {} ENCODING 'UTF8'", name, template)
        return name

    @cached_property
    def _template(self) -> str:
        """Running the migrations once for the session, and not for each test."""
        name = self.empty()
        Database.open(Home(self.folder / "home", self.folder / "cache", self.url(name)), create=True).close()
        return name


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Make a cluster in a temporary folder, and serve it while the block runs.

    The folder is /tmp's own: pytest's folders are closed to other users, and a socket's path is short.
    """
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="tic-postgres-", dir="/tmp"))
    try:
        if user is not None:
            owner = pwd.getpwnam(user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        with _served(program(), folder, user) as process:
            server = Postgres(process, folder)
            server.run(f"CREATE ROLE tic LOGIN PASSWORD '{server.password}'")
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def _served(found: Program, folder: Path, user: str | None) -> Iterator[Process]:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", **found.environment()}
    data = folder / "data"
    subprocess.run(
        [found.path.with_name("initdb"), *INITIAL, "-D", data],
        cwd=folder,
        env=environment,
        user=user,
        group=folder.stat().st_gid if user else None,
        extra_groups=() if user else None,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    (data / "pg_hba.conf").write_text(ACCESS)
    with _started(found, folder, user) as process:
        yield process


@contextmanager
def again(server: Postgres) -> Iterator[None]:
    """Serve what a server that was killed has left, while the block runs."""
    with _started(program(), server.folder, UNPRIVILEGED if os.geteuid() == 0 else None):
        yield


@contextmanager
def _started(found: Program, folder: Path, user: str | None) -> Iterator[Process]:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", **found.environment()}
    data = folder / "data"
    begun = (folder / "postgres.log").stat().st_size if (folder / "postgres.log").exists() else 0
    settings = {**SETTINGS, "unix_socket_directories": str(folder)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command: list[str | Path] = [found.path, "-D", data, *options]
    with running(
        "postgres", command, folder=folder, environment=environment, user=user, end=signal.SIGQUIT
    ) as process:
        process.wait_until(lambda: "ready to accept connections" in process.log.read_text()[begun:])
        yield process
