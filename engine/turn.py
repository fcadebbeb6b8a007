"""A stack's turn: one operation at a time on this machine, decided before anything is started.

The lock is the kernel's (flock(2)), so it ends with its process, however that ends: nothing stays behind to
be removed by hand. Who waits for it gets it in the order of coming. Between machines the state service's
lease decides (`engine.in_turn`).
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import EngineError
from engine.home import HomeUnusable
from engine.state.owner import Owner, is_gone, this_process

if TYPE_CHECKING:
    from pathlib import Path

    from engine.home import Home
    from engine.state.stacks import Stack


Waits = Callable[[str], float]
"""Told again and again who has the turn; returns seconds until the next look, or raises when it is enough."""

_A_LOOK: Final = 0.2  # seconds; whoever asks who has a turn has it for a moment
_mine: ContextVar[frozenset["Path"]] = ContextVar("turns that this thread has", default=frozenset())


class StackBusy(EngineError):
    """Another operation has the stack's turn; `who` says which, whose, and since when."""

    exit_code = 3

    def __init__(self, stack: "Stack", kind: str, who: str, *, waited: float | None = None) -> None:
        after = "" if waited is None else f", and was for the {waited:.0f} s that this waited"
        again = f"tic stack {kind} {stack.full_name} --wait"
        super().__init__(
            f"{stack.full_name} is busy: {who}{after}",
            hint=f"wait until it is done: {again}; or end it: tic stack cancel {stack.full_name}",
        )


@contextmanager
def turn(home: "Home", stack: "Stack", kind: str, waits: Waits | None = None) -> Iterator[None]:
    """Hold the stack's turn while the block runs; inside, the thread that has it may take it again.

    Where another process has it: raises StackBusy, or stands in line as long as `waits` does not raise.
    """
    path = run_folder(home) / f"stack-{stack.id}.lock"
    if path in _mine.get():
        yield
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        if not _taken(descriptor):
            if waits is None:
                raise StackBusy(stack, kind, _who(descriptor))
            _stand_in_line(descriptor, waits)
        os.ftruncate(descriptor, 0)
        me = this_process()
        said = {"kind": kind, "since": time.time(), "pid": me.pid, "host": me.host, "started": me.started}
        os.write(descriptor, json.dumps(said).encode())
        before = _mine.set(_mine.get() | {path})
        try:
            yield
        finally:
            _mine.reset(before)
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
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
        descriptor = os.open(run_folder(home) / f"stack-{stack.id}.lock", os.O_RDONLY)
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
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def _unwritable(path: "Path", error: OSError) -> HomeUnusable:
    return HomeUnusable(
        f"a run needs to write {path}, and can't: {error.strerror}",
        hint=f"make it yours to write, and see that its disk has room: ls -la {path.parent}; "
        f"df {path.parent}",
    )


def _read(descriptor: int) -> Holder | None:
    try:
        said = json.loads(os.pread(descriptor, 4096, 0))
        owner = Owner(int(said["pid"]), said["host"], said["started"])
        return Holder(said["kind"], float(said["since"]), owner)
    except (ValueError, KeyError, TypeError):
        return None


def _who(descriptor: int) -> str:
    found = _read(descriptor)
    if found is None:
        return "an operation that has just begun"
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(found.since))
    return f"{found.kind} by process {found.owner.pid}, since {since}"


def _taken(descriptor: int) -> bool:
    """Whether the turn was free, and is this process's now; a look that another takes is let pass."""
    end = time.monotonic() + _A_LOOK
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _read(descriptor)
            if time.monotonic() > end or (found is not None and not is_gone(found.owner)):
                return False
            time.sleep(0.01)
        else:
            return True


def _stand_in_line(descriptor: int, waits: Waits) -> None:
    """Return with the turn. The kernel's line knows no end of waiting, so a thread stands in it.

    The thread has a descriptor of its own for the same lock: where nobody waits for it any more, the turn is
    free again as soon as it comes.
    """
    got, own = threading.Event(), os.dup(descriptor)

    def stand() -> None:
        with suppress(OSError):
            fcntl.flock(own, fcntl.LOCK_EX)
            got.set()
        os.close(own)

    threading.Thread(target=stand, name="tic-turn", daemon=True).start()
    while not got.wait(waits(_who(descriptor))):
        pass
