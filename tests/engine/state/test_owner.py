"""A process is known by more than its number."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from engine.state.owner import is_gone, this_process

ROOT = Path(__file__).parents[3]


def test_this_process_lives() -> None:
    assert not is_gone(this_process())
    assert this_process() == this_process()


def test_a_process_that_ended_is_gone_even_while_its_parent_has_not_noticed() -> None:
    code = "from engine.state.owner import this_process; print(this_process().started)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    started = process.stdout.read().strip()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is not yet reaped
    dead = replace(this_process(), pid=process.pid, started=started)
    assert is_gone(dead)
    process.communicate()
    assert is_gone(dead)


def test_a_later_process_with_the_same_number_is_another_one() -> None:
    assert is_gone(replace(this_process(), started="an-earlier-boot:1"))


def test_of_another_hosts_processes_nothing_is_sure() -> None:
    assert not is_gone(replace(this_process(), host="elsewhere", pid=2**22 + 1))
