"""What a person sees while something takes minutes: one live line, or a plain line now and then."""

import shutil
import time
from collections.abc import Callable
from typing import Protocol, TextIO

QUIET_SECONDS = 15


class Progress(Protocol):
    """Where long work says what it is doing."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def doing(self, text: str) -> None:
        """What is going on right now; called as often as there is news, at least once a second."""

    def clear(self) -> None:
        """The work has ended: take the live line away."""


class Printer:
    """Progress on a stream: live where it is a terminal, else at most one line in `QUIET_SECONDS`.

    Times are minutes and seconds since the last line that stayed.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._live = stream.isatty()
        self._since = self._last = clock()
        self._shown = False

    def say(self, text: str) -> None:
        """Write `text` on a line of its own."""
        self.clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()
        self._since = self._last = self._clock()

    def doing(self, text: str) -> None:
        """Show `text` behind the time that has passed."""
        now = self._clock()
        minutes, seconds = divmod(int(now - self._since), 60)
        line = f"  {minutes}:{seconds:02d}  {text}"
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{line[:width]}")
            self._shown = True
        elif now - self._last >= QUIET_SECONDS:
            self._stream.write(f"{line}\n")
            self._last = now
        else:
            return
        self._stream.flush()

    def clear(self) -> None:
        """Remove the live line, if there is one."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = False
