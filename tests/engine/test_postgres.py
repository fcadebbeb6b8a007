"""PostgreSQL as tic's database keeps what SQLite keeps."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from engine import waiting
from engine.database import BUSY_SECONDS, Database, DatabaseUnusable, NoDatabase
from engine.home import Home
from tests.engine.postgres_home import home_at, refusal, stacks
from tests.engine.state.waiting import wait_for
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.server

STACK = (
    "INSERT INTO stack (org, project, name, folder, version, tags, created_at)"
    " VALUES ('tic', 'site', '{}', '', 0, '', 0)"
)

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def home(tmp_path: Path, postgres_url: str) -> Home:
    return home_at(tmp_path, postgres_url)


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    found = Database.open(home)
    yield found
    found.close()


def test_an_empty_database_gets_its_schema_once_however_many_begin(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    home = home_at(tmp_path, empty_postgres_url)
    start = threading.Barrier(4)

    def begin(_number: int) -> int:
        start.wait()
        database = Database.open(home, create=True)
        with database.read() as connection:
            found = connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one()
        database.close()
        return int(found)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(begin, range(4))) == [1, 1, 1, 1]


def test_only_init_makes_a_schema(tmp_path: Path, empty_postgres_url: str) -> None:
    home = home_at(tmp_path, empty_postgres_url)
    refused = refusal(home)
    assert isinstance(refused, NoDatabase)
    assert refused.hint.startswith("make one: tic vault init")
    assert not home.root.exists()
    Database.open(home, create=True).close()
    Database.open(home).close()


def test_a_reader_sees_one_moment_and_waits_for_nobody(database: Database) -> None:
    with database.read() as reading:
        assert stacks(reading) == []
        with database.write() as writing:
            writing.exec_driver_sql(STACK.format("dev"))
            assert stacks(reading) == []
        assert stacks(reading) == []
    with database.read() as reading:
        assert stacks(reading) == ["dev"]


def test_a_reader_can_write_nothing(database: Database) -> None:
    with pytest.raises(DatabaseUnusable, match="can only be read"), database.read() as connection:
        connection.exec_driver_sql(STACK.format("dev"))


def test_a_failed_writer_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.exec_driver_sql(STACK.format("dev"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.read() as connection:
        assert stacks(connection) == []


def test_a_second_writer_waits_and_sees_what_the_first_wrote(
    database: Database, shared_postgres: Postgres
) -> None:
    def second() -> list[str]:
        with database.write() as connection:
            return stacks(connection)

    with ThreadPoolExecutor(1) as pool:
        with database.write() as connection:
            connection.exec_driver_sql(STACK.format("dev"))
            waiting = pool.submit(second)
            wait_for(lambda: shared_postgres.run(WAITING) == [(1,)])
        assert waiting.result() == ["dev"]


def test_a_writer_says_for_whom_it_waits(
    home: Home, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.postgres.NOTICE_SECONDS", 1)
    done = threading.Event()
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        done.set()

    def first() -> None:
        with database.write() as connection:
            connection.exec_driver_sql(STACK.format("dev"))
            begun.set()
            done.wait(60)

    begun = threading.Event()
    second = Database.open(home)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(first)
        begun.wait(60)
        with waiting.heard(hear), second.write() as connection:
            assert stacks(connection) == ["dev"]
        writing.result()
    second.close()
    who = f"tic {os.getpid()} on {socket.gethostname()}"
    assert heard == [f"waiting for {who}, which writes to {database.name}"]


def test_what_is_one_updates_alone_is_written_beside_the_others(
    database: Database, shared_postgres: Postgres
) -> None:
    """No deadlock: whoever names one thing has its share of the common lock first."""

    def write(only: str | None) -> str:
        with database.write(only):
            return str(only)

    with ThreadPoolExecutor(2) as pool:
        with database.write("one"):
            assert pool.submit(write, "another").result(60) == "another"
            waiting_ones = [pool.submit(write, "one"), pool.submit(write, None)]
            wait_for(lambda: shared_postgres.run(WAITING) == [(2,)])
            assert not any(each.done() for each in waiting_ones)
        assert {each.result(60) for each in waiting_ones} == {"one", "None"}
        with database.write():
            waiting_one = pool.submit(write, "one")
            wait_for(lambda: shared_postgres.run(WAITING) == [(1,)])
        assert waiting_one.result(60) == "one"


def test_what_was_read_is_still_true_when_it_is_written(database: Database) -> None:
    """Nothing is lost of 80 increments by four writers, each of which reads first."""
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE tally (n integer)")
        connection.exec_driver_sql("INSERT INTO tally VALUES (0)")

    def count(_number: int) -> None:
        for _ in range(20):
            with database.write() as connection:
                before = connection.exec_driver_sql("SELECT n FROM tally").scalar_one()
                connection.exec_driver_sql(f"UPDATE tally SET n = {before + 1}")  # noqa: S608

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT n FROM tally").scalar_one() == 80


def test_a_writer_is_durable_and_never_holds_others_up_for_ever(
    tmp_path: Path, shared_postgres: Postgres, postgres_url: str
) -> None:
    shared_postgres.run("ALTER ROLE tic SET synchronous_commit = off")
    database = Database.open(home_at(tmp_path, postgres_url))
    try:
        with database.write() as connection:
            settings = [
                connection.exec_driver_sql(f"SHOW {name}").scalar_one()
                for name in ("synchronous_commit", "lock_timeout", "idle_in_transaction_session_timeout")
            ]
    finally:
        shared_postgres.run("ALTER ROLE tic RESET synchronous_commit")
        database.close()
    assert settings == ["on", f"{BUSY_SECONDS}s", "2min"]


def test_texts_are_in_the_order_of_their_bytes_whatever_the_servers_language(
    database: Database, shared_postgres: Postgres
) -> None:
    """The vault's digest reads rows in order, and a backup may go to the other database."""
    names = ["B", "a", "Z", "é", "~", "_"]
    with database.write() as connection:
        for name in names:
            connection.exec_driver_sql(STACK.format(name))
    with database.read() as connection:
        assert stacks(connection) == sorted(names)
    assert shared_postgres.run("SELECT 'a' < 'B', 'a' < 'B' COLLATE \"C\"") == [(True, False)]


def test_a_killed_writer_leaves_nothing_and_blocks_nobody(home: Home, database: Database) -> None:
    """C3: the server ends the transaction of a client that is gone."""
    assert home.database_url is not None
    script = (
        "import sys\nfrom engine.database import Database\nfrom engine.home import Home\n"
        "with Database.open(Home.find()).write() as connection:\n"
        "    connection.exec_driver_sql(sys.argv[1])\n"
        "    print('written', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, STACK.format("dev")],
        env={**os.environ, "TIC_HOME": str(home.root), "TIC_DATABASE_URL": home.database_url},
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.kill()
    with database.write() as connection:
        assert stacks(connection) == []


def test_what_breaks_a_guard_stays_an_integrity_error(database: Database) -> None:
    twice = f"{STACK.format('aws')}; {STACK.format('aws')}"
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.exec_driver_sql(twice)


def test_a_connection_that_the_server_ended_is_made_anew(
    database: Database, shared_postgres: Postgres
) -> None:
    with database.read() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    shared_postgres.run(f"SELECT pg_terminate_backend({pid})")
    with database.read() as connection:
        assert stacks(connection) == []
