"""Signals as things that happened, for a program that waits: none of them interrupts what it is doing."""

import select
import signal
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True, slots=True)
class Signals:
    """What `arriving` yields."""

    _arrived: socket.socket

    def within(self, seconds: float) -> set[int]:
        """The signals that arrived; waits until one does, or that long."""
        ready, _, _ = select.select([self._arrived], [], [], seconds)
        return set(self._arrived.recv(4096)) if ready else set()


@contextmanager
def arriving(wanted: Collection[signal.Signals]) -> Iterator[Signals]:
    """Take these signals, in the main thread alone, while the block runs."""
    told, tell = socket.socketpair()
    with told, tell:
        tell.setblocking(False)
        before = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, _nothing) for number in wanted}
        try:
            yield Signals(told)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            signal.set_wakeup_fd(before)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Python writes the signal's number to the socket by itself."""
