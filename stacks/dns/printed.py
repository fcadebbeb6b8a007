"""What a worker, or a program that it ran, prints: the last of it is held, to explain a failure."""

from collections import deque
from itertools import takewhile
from threading import Event, Thread
from typing import IO

from stacks.dns.redaction import Redaction
from stacks.dns.worker_main import TOLD

PIECE_BYTES = 4096
MOST_PIECES = 500
LONGEST_SECRET_BYTES = 16_384
SHOWN_LINES = 10
MOST_SHOWN = 4000  # characters
TOLD_SECONDS = 1.0


class Printed:
    """Reads a pipe in a thread of its own until its other end is closed."""

    def __init__(self, name: str, stream: IO[bytes], redaction: Redaction) -> None:
        """`name` is the thread's; `redaction` knows what must not be shown."""
        self._redaction = redaction
        self._pieces: deque[bytes] = deque(maxlen=MOST_PIECES)
        self._told = Event()
        self._reader = Thread(target=self._read, args=(stream,), name=name, daemon=True)
        self._reader.start()

    def forget(self) -> None:
        """Begin anew: what comes belongs to the next call."""
        self._pieces.clear()
        self._told.clear()

    def close(self) -> None:
        """Give the pipe back, once its other end is closed."""
        self._reader.join(timeout=TOLD_SECONDS)

    def explaining(self, what: str) -> str:
        """`what` with the last lines that were printed since `forget`, without secrets."""
        self._told.wait(timeout=TOLD_SECONDS)
        lines = [line.rstrip() for line in self._clean(self._whole()).splitlines() if line.strip()]
        printed = list(takewhile(lambda line: not line.startswith("goroutine "), lines))
        shown = "\n  ".join([self._clean(what), *printed[-SHOWN_LINES:]])
        return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]} ... (it says more)"

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for piece in iter(lambda: stream.readline(PIECE_BYTES), b""):
                if piece == TOLD:
                    self._told.set()
                else:
                    self._pieces.append(piece)
        self._told.set()

    def _whole(self) -> str:
        """All that is held, joined before anything is taken out: a piece may end in the midst of a secret."""
        pieces = list(self._pieces)
        cut = LONGEST_SECRET_BYTES if len(pieces) == MOST_PIECES else 0
        return b"".join(pieces)[cut:].decode("utf-8", "replace")

    def _clean(self, text: str) -> str:
        """Without secrets, and without halves of surrogate pairs, which no terminal and no database takes."""
        return self._redaction.text(text).encode("utf-8", "replace").decode()
