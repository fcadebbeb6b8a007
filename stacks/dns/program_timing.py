"""How a program for challenge records wants them timed: `PROGRAM timeout` prints it (SPEC D3).

{"timeout": 30, "interval": 5}, in seconds: how long a record may take to appear, and the pause between two
looks. A program that knows no such word, fails, or prints anything else leaves both to the defaults.
"""

import json
import math
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from stacks.dns.programs import check
from stacks.dns.worker import surroundings

SECONDS = 5.0
MOST_BYTES = 4096
LONGEST = 9_999_999  # seconds


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whole seconds; None where the program does not say."""

    timeout: int | None = None
    interval: int | None = None


def ask(
    path: str, environment: Mapping[str, str], machine: Mapping[str, str], *, seconds: float = SECONDS
) -> Wanted:
    """Run `path timeout` with the variables that its kind declares; it is ended after `seconds`.

    Raises ProgramUnsafe.
    """
    check(path)
    try:
        process = subprocess.Popen(
            [path, "timeout"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env={**surroundings(machine), **environment},
            start_new_session=True,
        )
    except OSError:
        return Wanted()
    deadline = time.monotonic() + seconds
    with process:
        try:
            printed = _printed(process, deadline)
            done = process.wait(max(0.0, deadline - time.monotonic())) == 0
        except subprocess.TimeoutExpired:
            done = False
        finally:
            with suppress(ProcessLookupError):  # what it left running belongs to it
                os.killpg(process.pid, signal.SIGKILL)
    return read(printed) if done else Wanted()


def read(printed: bytes) -> Wanted:
    """What a program printed, as far as it makes sense."""
    try:
        said = json.loads(printed)
    except (ValueError, RecursionError):
        return Wanted()
    if not isinstance(said, dict):
        return Wanted()
    return Wanted(_seconds(said.get("timeout")), _seconds(said.get("interval")))


def _seconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST:
        return None
    return math.ceil(value)


def _printed(process: "subprocess.Popen[bytes]", deadline: float) -> bytes:
    """All of it, or more than anybody needs. Raises TimeoutExpired."""
    assert process.stdout is not None  # noqa: S101 - it was made with a pipe
    waiting, printed = select.poll(), b""
    waiting.register(process.stdout.fileno(), select.POLLIN)
    while len(printed) <= MOST_BYTES:
        left = max(0.0, deadline - time.monotonic())
        if not waiting.poll(left * 1000):
            raise subprocess.TimeoutExpired(process.args, left)
        received = os.read(process.stdout.fileno(), MOST_BYTES)
        if not received:
            return printed
        printed += received
    return b""
