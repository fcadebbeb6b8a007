"""C3: what a killed run left is found by the session that it shares, and nobody else's is touched."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from engine import orphans
from engine.home import Home
from engine.leftovers import sweep
from engine.orphans import Note
from engine.state.owner import started, this_process
from tests.engine.state.waiting import wait_for

LEADER = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home", tmp_path / "cache")
    made.make()
    return made


@contextmanager
def session(mark: str) -> Iterator[tuple[int, int]]:
    """A leader of a session, and a process below it in a group of its own; both are ended afterwards."""
    with subprocess.Popen(
        [sys.executable, "-c", LEADER],
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
        env={orphans.MARK: mark},
    ) as leader:
        assert leader.stdout is not None
        child = int(leader.stdout.readline())
        try:
            yield leader.pid, child
        finally:
            for pid in (leader.pid, child):
                if lives(pid):
                    os.kill(pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    return started(pid) is not None


def abandoned(home: Home, leader: int, **more: object) -> Path:
    """The folder of a run whose tic is dead."""
    folder = home.root / "run" / "4194304-dead"
    folder.mkdir(parents=True, exist_ok=True)
    me = this_process()
    noted = Note(2**22 + 1, me.host, "never", leader, started(leader))
    (folder / orphans.NOTE).write_bytes(orjson.dumps({**asdict(noted), **more}))
    return folder


def test_what_a_killed_run_left_is_ended_and_its_folder_removed(home: Home) -> None:
    folder = home.root / "run" / "4194304-dead"
    with session(str(folder)) as (leader, child):
        abandoned(home, leader)
        os.kill(leader, signal.SIGKILL)
        wait_for(lambda: not lives(leader))
        assert lives(child)
        assert sweep(home) == 1
        assert not lives(child)
    assert not folder.exists()


def test_a_supervisor_that_lives_ends_its_run_itself(home: Home) -> None:
    folder = home.root / "run" / "4194304-dead"
    code = f"import time; time.sleep(0.2)  # {folder}"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as leader:
        abandoned(home, leader.pid)
        assert sweep(home) == 0
    assert not folder.exists()


def test_a_session_of_somebody_else_that_got_the_same_number_is_left_alone(home: Home) -> None:
    with session("/somewhere/else") as (leader, child):
        abandoned(home, leader, leader_started="an-earlier-boot:1")
        assert sweep(home) == 0
        assert lives(leader)
        assert lives(child)


def test_the_run_of_a_living_tic_is_left_alone(home: Home) -> None:
    folder = home.root / "run" / f"{os.getpid()}-mine"
    with session(str(folder)) as (leader, child):
        folder.parent.mkdir()
        orphans.note(folder, leader)
        assert sweep(home) == 0
        assert lives(child)
    assert folder.exists()


def test_of_another_hosts_run_nothing_is_sure_until_a_day_has_passed(home: Home) -> None:
    with session("") as (leader, child):
        folder = abandoned(home, leader, host="elsewhere")
        assert not orphans.is_abandoned(folder, time.time())
        assert orphans.is_abandoned(folder, time.time() + orphans.FOREIGN_SECONDS + 60)
        assert orphans.end(folder) == 0
        assert lives(child)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"pid": 1}', b"\xff"])
def test_a_note_that_was_cut_short_is_none(home: Home, content: bytes) -> None:
    folder = abandoned(home, 1)
    (folder / orphans.NOTE).write_bytes(content)
    assert Note.read(folder) is None
    assert orphans.is_abandoned(folder, time.time())
    assert sweep(home) == 0
    assert not folder.exists()


def test_a_note_says_who_and_which_session(tmp_path: Path) -> None:
    orphans.note(tmp_path / "run", os.getpid())
    me = this_process()
    assert Note.read(tmp_path / "run") == Note(me.pid, me.host, me.started, me.pid, me.started)
