"""Two writers of one database: the second says for whom it waits, and can be interrupted."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import waiting
from engine.database import Database, DatabaseUnusable
from engine.home import Home
from engine.sqlite_lock import holder
from engine.waiting import NOTICE_SECONDS, Patience

HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home", tmp_path / "cache")
    Database.open(found, create=True).close()
    return found


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    found = Database.open(home)
    yield found
    found.close()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person wonders from the first moment."""
    monkeypatch.setattr("engine.waiting.NOTICE_SECONDS", 0.0)


@contextmanager
def held(home: Home) -> Iterator["subprocess.Popen[bytes]"]:
    """Another program writes while the block runs."""
    command = [sys.executable, "-c", HOLD, str(home.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        try:
            yield other
        finally:
            other.kill()


def test_a_wait_is_told_once_and_ends() -> None:
    now = 0.0
    patience = Patience(30, clock=lambda: now)
    assert not patience.is_to_be_told()
    assert patience.pause < 0.002
    now = NOTICE_SECONDS
    assert [patience.is_to_be_told() for _ in range(3)] == [True, False, False]
    assert 0.004 < patience.pause < 0.016
    now = 29.9
    assert not patience.is_over
    now = 30.0
    assert patience.is_over


@pytest.mark.usefixtures("at_once")
def test_a_writer_says_for_whom_it_waits_and_goes_on(home: Home, database: Database) -> None:
    heard: list[str] = []
    with held(home) as other:

        def hear(line: str) -> None:
            heard.append(line)
            other.kill()

        with waiting.heard(hear), database.write() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM stack").scalar_one() == 0
    told = f"waiting for process {other.pid} (python"
    assert [line[: len(told)] for line in heard] == [told]
    assert heard[0].endswith(f"which writes to {home.database}")


def test_a_writer_gives_up_and_names_who_writes(
    home: Home, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sqlite.BUSY_SECONDS", 0)
    with held(home) as other, pytest.raises(DatabaseUnusable) as refused, database.write():
        pass
    assert f"is being written by process {other.pid} (" in str(refused.value)
    assert "run the command again" in refused.value.hint
    with database.write():
        pass


@pytest.mark.usefixtures("at_once")
def test_ctrl_c_ends_the_wait(home: Home, database: Database) -> None:
    def interrupt(_line: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with held(home), waiting.heard(interrupt), pytest.raises(KeyboardInterrupt), database.write():
        pass
    with database.write():
        pass


def test_a_reader_waits_for_no_writer(home: Home, database: Database) -> None:
    with held(home), database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM stack").scalar_one() == 0


def test_who_holds_nothing_is_not_named(home: Home, database: Database) -> None:
    with database.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM stack").scalar_one()
        assert holder(home.database) == "another program"
    with database.write():
        assert holder(home.database).startswith(f"process {os.getpid()} (")
        assert holder(home.root / "no.db") == "another program"


def test_the_locks_of_this_process_outlast_a_look_at_them(home: Home, database: Database) -> None:
    """Closing a file that SQLite has locked would drop its locks (fcntl(2))."""
    with database.write():
        holder(home.database)
        with (
            sqlite3.connect(home.database, timeout=0) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_threads_of_one_process_write_one_after_the_other(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE tally (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO tally VALUES (0)")
    start = threading.Barrier(20)  # more than the pool has connections

    def count(_number: int) -> None:
        start.wait()
        for _ in range(5):
            with database.write() as connection:
                before = connection.exec_driver_sql("SELECT n FROM tally").scalar_one()
                connection.exec_driver_sql(f"UPDATE tally SET n = {before + 1}")  # noqa: S608

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(count, range(20)))
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT n FROM tally").scalar_one() == 100


def test_a_transaction_in_which_nothing_was_said_ends_too(database: Database) -> None:
    with database.write():
        pass
    with Database.open(Home(Path(database.name).parent, Path(database.name).parent)).write() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM stack").scalar_one() == 0
