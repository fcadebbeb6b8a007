"""Signals that end a program, heard as Ctrl-C is: once to finish cleanly, twice to end now, then no more."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def heard() -> Iterator[None]:
    """Raise KeyboardInterrupt for a cancelled CI job (SIGTERM) and a closed terminal (SIGHUP) too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _interrupt) for number in HEARD}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def told(tell: Callable[[], object]) -> Iterator[None]:
    """Call `tell` for each of them while the block runs, and raise nothing: at any point of the block an
    exception could leave something half done. `tell` runs between two instructions of the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(_number: int, _frame: FrameType | None) -> None:
        tell()

    before = {number: signal.signal(number, handler) for number in HEARD}
    try:
        yield
    finally:
        for number, earlier in before.items():
            if signal.getsignal(number) is handler:  # else they are ignored from now on
                signal.signal(number, earlier)


def ignore() -> None:
    """Hear no more of them: what is left to do is short, and must be done."""
    if threading.current_thread() is threading.main_thread():
        for number in HEARD:
            signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
