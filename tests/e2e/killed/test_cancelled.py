"""C3: whoever holds a stack can be made to let go of it, also where it hears nothing; and nothing is lost."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.e2e.killed.lab import Lab, all_gone, named
from tests.engine.state.waiting import wait_for

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A stack that was never up."""
    return Lab.made(tmp_path_factory.mktemp("labs") / "base", "")


@pytest.fixture
def lab(new: Lab, tmp_path: Path) -> Lab:
    return new.copy(tmp_path / "lab")


@contextmanager
def running(lab: Lab, said: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """`up` with these variables, once it has said this; it and all below it are ended afterwards."""
    lab.tic.variables.update(variables)
    with lab.tic.running(*lab.words("up")) as run:
        lab.tic.variables.update({"REALM_STOP": "", "REALM_SECONDS": "0"})
        lab.tic.wait_for(run, said)
        below = psutil.Process(run.pid).children(recursive=True)
        yield run
    psutil.wait_procs(below, timeout=20)
    assert not [each for each in below if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def is_stopped(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: is_stopped(pid))


def converges(lab: Lab) -> None:
    again = lab.run("up")
    truth = lab.truth("first")
    assert lab.differences("first") == set()
    assert (truth.missing, truth.stale, truth.unfinished) == ([], [], []), again.err


def test_a_stopped_run_is_woken_and_finishes_what_is_under_way(lab: Lab) -> None:
    with running(lab, "Thing road created", REALM_SECONDS="0.2") as run:
        stop(run.pid)
        refused = lab.run("up", code=3)
        assert str(run.pid) in refused.err
        cancelled = lab.tic("stack", "cancel", "thirty")
        assert "was stopped" in cancelled.err
        assert "woken" in cancelled.err
        _out, err = run.communicate(timeout=60)
        assert run.returncode == 130, err
    converges(lab)
    assert lab.truth("first").orphans == []


def test_a_preview_waits_for_nobody(lab: Lab) -> None:
    with running(lab, "Thing road created", REALM_STOP="create:asked:gate") as run:
        wait_for(lambda: lab.stopped.exists())
        shown = lab.run("preview")
        assert f"goes on beside this (process {run.pid}" in shown.err


@pytest.mark.soak
def test_a_run_that_does_not_react_is_killed_when_that_is_asked_for(lab: Lab) -> None:
    with running(lab, "Thing road created", REALM_STOP="create:made:gate") as run:
        wait_for(lambda: lab.stopped.exists())
        stop(run.pid)
        killed = lab.tic("stack", "cancel", "thirty", "--force")
        assert f"process {run.pid}) was killed" in killed.err
        run.communicate(timeout=60)
        assert run.returncode == -signal.SIGKILL
    again = lab.run("up")
    assert {"gate"} <= set(lab.truth("first").orphans) <= named(again)
    assert "nothing runs" in lab.tic("stack", "cancel", "thirty").err


@pytest.mark.parametrize("command", [pytest.param("cancel", marks=pytest.mark.soak), "up"])
def test_what_was_killed_with_its_supervisor_leaves_nobody_after_the_next_command(
    lab: Lab, command: str
) -> None:
    cut = lab.cut("up", victims=("supervisor", "tic"), when="after", entry=30)
    assert psutil.Process(cut.processes["plugin"]).status() != psutil.STATUS_ZOMBIE
    if command == "cancel":
        assert "had no process" in lab.tic("stack", "cancel", "thirty").err
    else:
        assert "had left on this machine are ended" in lab.run("up").err
    assert all_gone(cut.processes)
    assert list((lab.home / "run").glob("*/")) == []
    converges(lab)
