"""C3: what runs on a stack can be ended from elsewhere, whether it hears or not; nobody else is signalled."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from engine import cancellation
from engine.cancellation import OwnerElsewhere, cancel
from engine.database import Database
from engine.home import Home
from engine.installation import Installation
from engine.state import history, stacks, updates
from engine.state.owner import CLIENT, Owner, this_process
from engine.state.stacks import Stack
from tests.engine.state.test_updates import LEASE, request
from tests.engine.state.waiting import wait_for

HOLDER = """
import os, signal, sys, time
sys.path.insert(0, {source!r})
from pathlib import Path
from engine.database import Database
from engine.home import Home
from engine.state import stacks
from engine.turn import turn
home = Home(Path({root!r}), Path({root!r}))
database = Database.open(home)
with database.read() as connection:
    stack = stacks.find(connection, "shop", "dev")
if {stubborn}:
    signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGSTOP))
with turn(home, stack, "up"):
    print("held", flush=True)
    while True:
        time.sleep(60)
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    home = Home(tmp_path, tmp_path)
    home.make()
    Database.open(home, create=True).close()
    made = Installation(home)
    yield made
    made.database.close()


@pytest.fixture
def stack(installation: Installation) -> Stack:
    with installation.database.write() as connection:
        return stacks.create(connection, "shop", "dev", "")


@contextmanager
def held(home: Home, *, stubborn: bool = False) -> Iterator["subprocess.Popen[str]"]:
    """A process that has the stack's turn; a stubborn one stops itself when it is asked to end."""
    code = HOLDER.format(source=str(Path(__file__).parents[2]), root=str(home.root), stubborn=stubborn)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


def stopped(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


def runs(installation: Installation, stack: Stack, owner: Owner) -> None:
    with installation.database.write() as connection:
        update = updates.create(connection, stack.id, request(owner=owner))
        updates.start(connection, stack.id, update, LEASE, time.time(), access=1 if owner.is_client else None)


def statuses(installation: Installation, stack: Stack) -> list[str]:
    with installation.database.read() as connection:
        return [each.status for each in history.history(connection, stack.id)]


def test_nothing_runs(installation: Installation, stack: Stack) -> None:
    assert cancel(installation, stack) == "nothing runs on shop/dev"
    assert cancel(installation, stack, force=True) == "nothing runs on shop/dev"


def test_a_run_that_hears_is_asked(installation: Installation, stack: Stack) -> None:
    """Also before it has begun an update."""
    with held(installation.home) as holder:
        assert "was asked to stop" in cancel(installation, stack)
        assert holder.wait(timeout=30) == -signal.SIGINT


def test_a_stopped_one_is_woken(installation: Installation, stack: Stack) -> None:
    with held(installation.home) as holder:
        os.kill(holder.pid, signal.SIGSTOP)
        wait_for(lambda: stopped(holder.pid))
        assert "it was woken, and has ended" in cancel(installation, stack)
        assert holder.wait(timeout=30) == -signal.SIGINT


def test_one_that_stops_again_is_killed(
    installation: Installation, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancellation, "WOKEN_SECONDS", 0.5)
    with held(installation.home, stubborn=True) as holder:
        os.kill(holder.pid, signal.SIGSTOP)
        wait_for(lambda: stopped(holder.pid))
        assert "was killed" in cancel(installation, stack)
        assert holder.wait(timeout=30) == -signal.SIGKILL
    assert cancel(installation, stack) == "nothing runs on shop/dev"


def test_by_force_it_is_killed_and_its_update_ended(installation: Installation, stack: Stack) -> None:
    with held(installation.home) as holder:
        runs(installation, stack, Owner(holder.pid, socket.gethostname(), "another start"))
        assert "the next run sees to what was under way" in cancel(installation, stack, force=True)
        assert holder.wait(timeout=30) == -signal.SIGKILL
    assert statuses(installation, stack) == ["interrupted"]


def test_a_dead_ones_update_is_ended(installation: Installation, stack: Stack) -> None:
    runs(installation, stack, Owner(2**22 + 1, socket.gethostname(), "never"))
    assert "had no process" in cancel(installation, stack)
    assert statuses(installation, stack) == ["interrupted"]


def test_another_machines_run_is_left_alone_unless_forced(installation: Installation, stack: Stack) -> None:
    runs(installation, stack, Owner(os.getpid(), "another-machine", "some time"))
    with pytest.raises(OwnerElsewhere, match="another-machine") as refused:
        cancel(installation, stack)
    assert refused.value.hint.endswith("tic stack cancel shop/dev --force")
    assert statuses(installation, stack) == ["running"]
    assert "can write no more" in cancel(installation, stack, force=True)
    assert statuses(installation, stack) == ["cancelled"]


@pytest.mark.parametrize("owner", [Owner(CLIENT, "192.0.2.7", ""), this_process()], ids=["client", "service"])
def test_what_runs_through_the_service_loses_its_lease_and_the_service_lives_on(
    installation: Installation, stack: Stack, owner: Owner
) -> None:
    """The owner of what the stock CLI does over `tic serve` is `tic serve`, which serves others too."""
    runs(installation, stack, owner)
    assert "can write no more" in cancel(installation, stack)
    assert statuses(installation, stack) == ["cancelled"]
