"""A stack's turn: one operation at a time on this machine, decided before anything is started.

The lock is the kernel's (flock(2)), so it ends with its process, however that ends: nothing stays behind to
be removed by hand. Between machines the state service's lease decides.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from engine.home import Home
    from engine.state.stacks import Stack


class StackBusy(EngineError):
    """Another operation has the stack's turn."""

    exit_code = 3


@contextmanager
def turn(home: "Home", stack: "Stack", kind: str) -> Iterator[None]:
    """Hold the stack's turn while the block runs; raises StackBusy where another process holds it."""
    path = run_folder(home) / f"stack-{stack.id}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _busy(descriptor, stack) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"kind": kind, "pid": os.getpid(), "since": time.time()}).encode())
        yield
    finally:
        os.close(descriptor)


def run_folder(home: "Home") -> "Path":
    """Where runs keep what they need while they last; private, because the home is."""
    folder = home.root / "run"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _busy(descriptor: int, stack: "Stack") -> StackBusy:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(holder["since"]))
        who = f"{holder['kind']} by process {holder['pid']}, since {since}"
    except (ValueError, KeyError, TypeError):
        who = "an operation that has just begun"
    return StackBusy(
        f"{stack.full_name} is busy: {who}",
        hint=f"wait until it is done, or end it: tic stack cancel {stack.full_name}",
    )
