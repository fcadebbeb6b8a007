"""Waiting for others: how often to ask, when to say for whom, and when to give up.

Whoever shows a person what this process does listens here; what waits may be any thread.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

NOTICE_SECONDS: Final = 2.0  # a person who waits longer than this is told for whom
_OFTEN: Final = 0.001  # seconds between two questions at first, when what is waited for is mostly short
_SELDOM: Final = 0.010

Listener = Callable[[str], None]
_listeners: list[Listener] = []


@contextmanager
def heard(listener: Listener) -> Iterator[None]:
    """Let `listener` hear, while the block runs, that this process waits; the last one that came hears it."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(line: str) -> None:
    """Say that this process waits, and for whom; where nobody listens, nobody is told."""
    if listening := _listeners[-1:]:
        listening[0](line)


class Patience:
    """One wait for at most `seconds`; `clock` is in seconds, from any beginning."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._since = clock()
        self._told = False

    @property
    def waited(self) -> float:
        """For how many seconds it has lasted."""
        return self._clock() - self._since

    @property
    def is_over(self) -> bool:
        """Whether it is time to give up."""
        return self.waited >= self._seconds

    def is_to_be_told(self) -> bool:
        """True once: when it has lasted so long that a person wonders."""
        if self._told or self.waited < NOTICE_SECONDS:
            return False
        self._told = True
        return True

    @property
    def pause(self) -> float:
        """Seconds until the next question, by chance so that nobody starves: no two ask in step for long."""
        import random  # `tic --help` imports this module

        mean = min(_SELDOM, max(_OFTEN, self.waited / 10))
        return mean * random.uniform(0.5, 1.5)  # noqa: S311 - nothing secret
