"""Answers that leave in one piece: whoever got an answer's head gets its body too, if the server dies then.

Pulumi's CLI repeats a call that got no answer. One whose answer broke off after its head is not repeated, and
fails the update. uvicorn writes head and body one after the other, so a kill could come between.
"""

import asyncio
from typing import Any


class InOnePiece(asyncio.Transport):
    """A transport that hands on what is written to it when the event loop comes round: all of it at once."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []

    def write(self, data: Any) -> None:
        """Have it sent together with what else is written before the loop comes round."""
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(bytes(data))

    def close(self) -> None:
        """Send what waits, then close."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Forget what waits, and close at once."""
        self._waiting.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take in nothing for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on taking in."""
        self._transport.resume_reading()

    def _send(self) -> None:
        if self._waiting:
            together = b"".join(self._waiting)
            self._waiting.clear()
            self._transport.write(together)
