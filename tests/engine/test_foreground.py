"""A command in the foreground: its exit code, its signals and its terminal are its own."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import foreground
from engine.foreground import CommandNotFound, CommandNotRun

RUN = """
import os, sys
from engine import foreground
with foreground.signals_held() as mask:
    code = foreground.run(foreground.find(sys.argv[1], os.environ), sys.argv[1:], os.environ, mask=mask)
print("after", code, flush=True)
sys.exit(code)
"""
BECOME = """
import os, sys
from engine import foreground
foreground.become(foreground.find(sys.argv[1], os.environ), sys.argv[1:], os.environ)
"""
# A handler may come while Python is still in its own write, which print does not stand.
COUNTS = """
import os, signal, sys
heard = []
say = lambda words: os.write(1, (words + "\\n").encode())
signal.signal(signal.SIGINT, lambda *_: (heard.append("INT"), say("heard")))
signal.signal(signal.SIGTERM, lambda *_: (say(" ".join(heard)), sys.exit(3)))
say("ready")
while True:
    signal.pause()
"""
SIGNALS = ["sed", "-n", "/^Sig[BI]/p", "/proc/self/status"]


@contextmanager
def running(script: str, *argv: str, terminal: int | None = None) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", script, *argv],
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=subprocess.PIPE if terminal is None else terminal,
        stderr=None if terminal is None else terminal,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run(script: str, *argv: str, ignored: signal.Signals | None = None) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", script, *argv], capture_output=True, text=True, check=False,
        preexec_fn=None if ignored is None else lambda: signal.signal(ignored, signal.SIG_IGN),
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(
    ("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_the_exit_code_is_the_commands_and_a_signal_is_128_more(command: str, code: int) -> None:
    assert run(RUN, "sh", "-c", command) == (code, [f"after {code}"])


@pytest.mark.parametrize("number", ["TERM", "HUP", "INT", "USR1", "QUIT"])
def test_a_signal_that_somebody_sends_goes_on_to_the_command(number: str) -> None:
    trap = f"trap 'echo {number}; exit 41' {number}; echo ready; while :; do sleep 0.01; done"
    with running(RUN, "sh", "-c", trap) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.Signals[f"SIG{number}"])
        assert process.stdout.read() == f"{number}\nafter 41\n"
        assert process.wait() == 41


def test_ctrl_c_at_the_terminal_reaches_the_command_once_and_does_not_end_tic() -> None:
    leader, terminal = pty.openpty()
    take = f"import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{RUN}"
    with running(take, sys.executable, "-c", COUNTS, terminal=terminal) as process:
        os.close(terminal)
        said = b""
        while b"ready" not in said:
            said += os.read(leader, 1024)
        os.write(leader, b"\x03")
        while b"heard" not in said:
            said += os.read(leader, 1024)
        process.send_signal(signal.SIGTERM)
        while b"after" not in said:
            said += os.read(leader, 1024)
        assert process.wait() == 3
    os.close(leader)
    assert said.count(b"INT") == 1


def blocked_and_ignored(script: str, *, ignored: signal.Signals | None = None) -> list[int]:
    """The signals of a command (proc(5)) as bits, without the two that are glibc's own."""
    _code, lines = run(script, *SIGNALS, ignored=ignored)
    return [int(line.split()[1], 16) & 0x7FFFFFFF for line in lines[:2]]


@pytest.mark.parametrize("script", [RUN, BECOME])
def test_the_command_starts_with_the_signals_that_a_shell_would_give_it(script: str) -> None:
    assert blocked_and_ignored(script) == [0, 0]


@pytest.mark.parametrize("script", [RUN, BECOME])
def test_what_nohup_ignores_the_command_ignores_too(script: str) -> None:
    assert blocked_and_ignored(script, ignored=signal.SIGHUP) == [0, 1 << (signal.SIGHUP - 1)]


def test_a_caller_that_ignores_its_children_still_gets_the_exit_code() -> None:
    assert run(RUN, "sh", "-c", "exit 5", ignored=signal.SIGCHLD)[0] == 5


def test_without_files_the_process_becomes_the_command() -> None:
    with running(BECOME, "sh", "-c", "echo $$; exit 9") as process:
        assert process.stdout is not None
        assert int(process.stdout.read()) == process.pid
        assert process.wait() == 9


def test_a_command_that_is_not_there_or_can_not_run_is_said_before_anything_is_opened(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path)}
    (tmp_path / "text").write_text("echo no")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CommandNotFound, match="'nosuch'") as absent:
        foreground.find("nosuch", environ)
    assert absent.value.exit_code == 127
    with pytest.raises(CommandNotRun, match="may not be executed") as closed:
        foreground.find("text", environ)
    assert closed.value.exit_code == 126
    with pytest.raises(CommandNotRun, match="a folder"):
        foreground.find(str(tmp_path / "folder"), environ)
    with pytest.raises(CommandNotFound):
        foreground.find(str(tmp_path / "folder" / "x"), environ)


def test_what_the_system_can_not_run_is_one_clear_error(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("echo no")
    text.chmod(0o755)
    with (
        foreground.signals_held() as mask,
        pytest.raises(CommandNotRun, match=r"first line such as #!/bin/sh"),
    ):
        foreground.run(str(text), ["text"], os.environ, mask=mask)
    with pytest.raises(CommandNotRun, match=r"first line such as #!/bin/sh"):
        foreground.become(str(text), ["text"], os.environ)


def test_a_signal_that_came_before_the_command_keeps_it_from_starting() -> None:
    early = RUN.replace("    code =", "    os.kill(os.getpid(), 2)\n    code =")
    code, lines = run(early, "echo", "started")
    assert code != 0
    assert lines == []
