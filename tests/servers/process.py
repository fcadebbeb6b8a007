"""A server process that a test started: its log, whether it answers, and its end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.sandbox.ports import free_port

__all__ = ["Process", "ServerFailed", "accepts", "free_port", "running"]

START_SECONDS = 20
GUARD = Path(__file__).with_name("guard.py")


class ServerFailed(Exception):
    """A server ended, or did not answer in time; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running server. Killing the test session kills it too: it hangs on the session's end of a pipe."""

    name: str
    log: Path
    guard: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would; does nothing where it has ended."""
        if self.guard.stdin and not self.guard.stdin.closed:
            self.guard.stdin.close()
        self.guard.wait()

    def freeze(self) -> None:
        """Stop it with its ports open: connections are accepted and never answered. `kill` still works."""
        import psutil

        for child in psutil.Process(self.guard.pid).children():
            os.kill(child.pid, signal.SIGSTOP)

    def wait_until(self, answers: Callable[[], bool]) -> None:
        """Wait until `answers()` is true; raises ServerFailed where it ends first or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if self.guard.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.02)


@contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    end: signal.Signals = signal.SIGKILL,
) -> Iterator[Process]:
    """Run `command` in `folder`, its output in `folder/NAME.log`, with PATH and `environment` alone.

    `user` is whom root runs it as (in the folder's group), `end` what ends it at once.
    """
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        guard = subprocess.Popen(
            [sys.executable, "-I", str(GUARD), user or "-", str(end.value), *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"PATH": os.environ["PATH"], **(environment or {})},
            start_new_session=True,  # Ctrl-C reaches pytest alone, which then ends the servers in order
        )
    process = Process(name, log, guard)
    try:
        yield process
    finally:
        process.kill()


def accepts(host: str, port: int) -> bool:
    """Whether something accepts TCP connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
