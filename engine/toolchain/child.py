"""Runs one long program, hands on its lines as they come, and never leaves it behind."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TICK_SECONDS = 0.5


def follow(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    on_tick: Callable[[], None],
    limit: float | None = None,
) -> int | None:
    """Run `command` until it ends and return its exit code, or None where `limit` (seconds) ran out.

    Its output, stdout and stderr together, goes to `on_line`; `on_tick` is called about twice a second. It
    has a process group of its own, which is killed whole when this function is left, whether by Ctrl-C, an
    error or the limit.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    )
    assert process.stdout is not None  # noqa: S101 -- a pipe was asked for
    rest = b""
    try:
        with process.stdout as output, selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while True:
                if selector.select(TICK_SECONDS):
                    chunk = os.read(output.fileno(), 65536)
                    if not chunk:
                        break
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        on_line(line.decode(errors="replace").rstrip())
                if limit is not None and time.monotonic() - started > limit:
                    return None
                on_tick()
        if rest:
            on_line(rest.decode(errors="replace").rstrip())
        return process.wait()
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # the usual case: it has ended, and all that it started
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
