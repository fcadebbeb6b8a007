"""C3: one operation per stack at a time, and nothing left by a holder that was killed."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from engine.home import Home
from engine.leftovers import private_folder, sweep
from engine.state.stacks import Stack
from engine.turn import StackBusy, holder, turn
from tests.engine.state.waiting import wait_for

STACK = Stack(7, "tic", "shop", "dev", "", 0, {}, 0.0)
HOLDER = """
import sys
sys.path.insert(0, {source!r})
from pathlib import Path
from engine.home import Home
from engine.leftovers import private_folder
from engine.turn import turn
from tests.engine.test_turn import STACK
home = Home(Path({root!r}), Path({root!r}))
with turn(home, STACK, "up"), private_folder(home) as folder:
    (folder / "credentials.json").write_text("a token")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home", tmp_path / "cache")
    made.make()
    return made


def test_a_second_one_is_told_who_runs_and_a_killed_holder_blocks_nobody(home: Home) -> None:
    code = HOLDER.format(source=str(Path(__file__).parents[2]), root=str(home.root))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(StackBusy, match=f"up by process {holder.pid}") as refused,
            turn(home, STACK, "up"),
        ):
            pass
        assert refused.value.hint.endswith("tic stack cancel shop/dev")
        sweep(home)
        assert [path.name for path in (home.root / "run").rglob("credentials.json")] == ["credentials.json"]
        holder.kill()
    with turn(home, STACK, "destroy"):
        sweep(home)
    assert list((home.root / "run").rglob("credentials.json")) == []


def test_a_folder_of_a_run_is_gone_after_it_also_when_it_fails(home: Home) -> None:
    with pytest.raises(LookupError), private_folder(home) as folder:  # noqa: PT012 - the block is what fails
        (folder / "file").touch()
        raise LookupError
    assert not folder.exists()


def test_of_pulumis_logs_the_newest_are_kept(home: Home) -> None:
    logs = home.pulumi / "logs"
    logs.mkdir(parents=True)
    for number in range(50):
        (logs / f"log-{number:03}").touch()
    sweep(home)
    assert sorted(path.name for path in logs.iterdir()) == [f"log-{number:03}" for number in range(30, 50)]


WAITER = """
import sys
sys.path.insert(0, {source!r})
from pathlib import Path
from engine.home import Home
from engine.turn import turn
from tests.engine.test_turn import STACK
with turn(Home(Path({root!r}), Path({root!r})), STACK, "up", lambda who: 60.0):
    print("had", flush=True)
    sys.stdin.read()
"""


@contextmanager
def process(home: Home, code: str) -> "Iterator[subprocess.Popen[str]]":
    words = [sys.executable, "-c", code.format(source=str(Path(__file__).parents[2]), root=str(home.root))]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def in_line(home: Home) -> int:
    """How many wait for the turn, as the kernel knows."""
    inode = (home.root / "run" / f"stack-{STACK.id}.lock").stat().st_ino
    lines = Path("/proc/locks").read_text().splitlines()
    return sum("->" in line and f":{inode} " in line for line in lines)


def test_who_waits_has_the_turn_in_the_order_of_coming(home: Home) -> None:
    with process(home, HOLDER) as first, ExitStack() as stack:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        waiters = []
        for number in range(3):
            waiters.append(stack.enter_context(process(home, WAITER)))
            wait_for(lambda expected=number + 1: in_line(home) == expected)  # type: ignore[misc]
        first.kill()
        for number, waiter in enumerate(waiters):
            assert waiter.stdout is not None
            assert waiter.stdout.readline() == "had\n"
            assert in_line(home) == 2 - number
            waiter.kill()
            waiter.wait()


def test_a_wait_that_was_given_up_leaves_nobody_in_the_line(home: Home) -> None:
    class Enough(Exception):
        pass

    def waits(who: str) -> float:
        assert who.startswith(f"up by process {first.pid}, since ")
        raise Enough

    with process(home, HOLDER) as first:
        assert first.stdout is not None
        first.stdout.readline()
        with pytest.raises(Enough), turn(home, STACK, "up", waits):
            pass
        first.kill()
        first.wait()
        wait_for(lambda: in_line(home) == 0)
        with turn(home, STACK, "up"):
            pass


def test_who_has_the_turn_may_take_it_again_in_the_same_thread_alone(home: Home) -> None:
    def other() -> None:
        with pytest.raises(StackBusy), turn(home, STACK, "up"):
            pass

    with turn(home, STACK, "up"):
        with turn(home, STACK, "destroy"):
            pass
        with ThreadPoolExecutor(1) as pool:
            pool.submit(other).result()
    with turn(home, STACK, "up"):
        pass


def test_a_look_at_who_has_the_turn_takes_it_from_nobody(home: Home) -> None:
    with turn(home, STACK, "up"):
        pass
    looks = threading.Event()

    def look() -> None:
        while not looks.wait(0.001):
            holder(home, STACK)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(look)
        for _ in range(200):
            with turn(home, STACK, "up"):
                pass
        looks.set()
        asking.result()
