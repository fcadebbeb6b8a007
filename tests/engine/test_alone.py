"""What one process of a database holds alone, no other one has: with SQLite, and with PostgreSQL."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from engine.database import Database
from engine.home import Home

HOLDING = """
import sys
from pathlib import Path
from threading import Event
from engine.database import Database
from engine.home import Home
with Database.open(Home(Path(sys.argv[1]), Path(sys.argv[1]))).alone(sys.argv[2]):
    print("held", flush=True)
    Event().wait()
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    if request.param == "postgresql":
        monkeypatch.setenv("TIC_DATABASE_URL", request.getfixturevalue("postgres_url"))
    return Home(tmp_path, tmp_path)


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    made = Database.open(home, create=True)
    yield made
    made.close()


def waiting(act: Callable[[], None]) -> tuple[Thread, Event]:
    """A thread that does it, and the event that says that it has."""
    done = Event()

    def run() -> None:
        act()
        done.set()

    thread = Thread(target=run)
    thread.start()
    return thread, done


def test_who_holds_a_thing_is_waited_for_and_other_things_are_free(database: Database, home: Home) -> None:
    another = Database.open(home)

    def take() -> None:
        with another.alone("a name"):
            pass

    with database.alone("a name"):
        thread, done = waiting(take)
        with database.alone("another name"):  # of 64 names of files, these two have two
            assert not done.wait(0.2)
    thread.join(30)
    assert done.is_set()
    another.close()


def test_a_killed_process_holds_nothing_any_more(database: Database, home: Home) -> None:
    command = [sys.executable, "-c", HOLDING, str(home.root), "a name"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
    with database.alone("a name"):
        pass


def test_what_goes_wrong_inside_is_no_fault_of_the_database(database: Database) -> None:
    with pytest.raises(ValueError, match="mine"), database.alone("a name"):
        raise ValueError("mine")
    with database.alone("a name"):
        pass
