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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.state.owner import Owner, this_process

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
        me = this_process()
        said = {"kind": kind, "since": time.time(), "pid": me.pid, "host": me.host, "started": me.started}
        os.write(descriptor, json.dumps(said).encode())
        yield
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a turn, for what (up, refresh, destroy), and since when (seconds since the epoch)."""

    kind: str
    since: float
    owner: Owner


def holder(home: "Home", stack: "Stack") -> Holder | None:
    """Who has the stack's turn on this machine; None where nobody has it, or somebody only just took it."""
    try:
        descriptor = os.open(run_folder(home) / f"stack-{stack.id}.lock", os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    finally:
        os.close(descriptor)
    return None


def run_folder(home: "Home") -> "Path":
    """Where runs keep what they need while they last; private, because the home is."""
    folder = home.root / "run"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _read(descriptor: int) -> Holder | None:
    try:
        said = json.loads(os.pread(descriptor, 4096, 0))
        owner = Owner(int(said["pid"]), said["host"], said["started"])
        return Holder(said["kind"], float(said["since"]), owner)
    except (ValueError, KeyError, TypeError):
        return None


def _busy(descriptor: int, stack: "Stack") -> StackBusy:
    who = "an operation that has just begun"
    if found := _read(descriptor):
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(found.since))
        who = f"{found.kind} by process {found.owner.pid}, since {since}"
    return StackBusy(
        f"{stack.full_name} is busy: {who}",
        hint=f"wait until it is done, or end it: tic stack cancel {stack.full_name}",
    )
