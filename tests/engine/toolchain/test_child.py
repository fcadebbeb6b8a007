import os
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine.toolchain.child import follow

Program = Callable[[str, str], Path]


def test_lines_arrive_from_both_outputs_and_the_exit_code_is_returned(
    program: Program, tmp_path: Path
) -> None:
    script = program("noisy", "echo one; echo two >&2; printf three; exit 7")
    lines: list[str] = []
    code = follow(
        [str(script)],
        folder=tmp_path,
        environment=os.environ,
        on_line=lines.append,
        on_tick=lambda: None,
    )
    assert (lines, code) == (["one", "two", "three"], 7)


def test_the_limit_ends_a_program_that_says_nothing(program: Program, tmp_path: Path) -> None:
    script = program("silent", "sleep 600")
    code = follow(
        [str(script)],
        folder=tmp_path,
        environment=os.environ,
        on_line=lambda _line: None,
        on_tick=lambda: None,
        limit=0.0,
    )
    assert code is None


def test_ctrl_c_ends_the_program_and_all_that_it_started(program: Program, tmp_path: Path) -> None:
    script = program("family", "sleep 600 & echo $! $$; wait")
    started: list[psutil.Process] = []

    def interrupt() -> None:
        if started:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(
            [str(script)],
            folder=tmp_path,
            environment=os.environ,
            on_line=lambda line: started.extend(psutil.Process(int(pid)) for pid in line.split()),
            on_tick=interrupt,
        )
    assert len(started) == 2
    assert all(ended(process) for process in started)


def ended(process: psutil.Process) -> bool:
    """Whether it ends within seconds; one that nobody has waited for yet counts too."""
    try:
        process.wait(timeout=10)
    except psutil.TimeoutExpired:
        return process.status() == psutil.STATUS_ZOMBIE
    return True
