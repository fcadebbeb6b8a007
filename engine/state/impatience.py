"""A connection that is left when its other end keeps the server waiting, or sends headers without end."""

import asyncio
import socket
import struct
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.state.whole_answers import InOnePiece

HEAD_SECONDS: Final = 20.0
"""From the connection, or the first byte of a further call, to the end of the headers."""
PAUSE_SECONDS: Final = 60.0
"""Between two parts of a body, and for the other end to take what was sent to it."""
LARGEST_HEAD: Final = 64 * 1024  # bytes

_NOT_AT_ALL: Final = struct.pack("ii", 1, 0)  # socket(7): linger for 0 s


class Impatient(HttpToolsProtocol):
    """uvicorn's HTTP connection, with limits, and answers in one piece.

    Between calls uvicorn's own limit for idle connections counts.
    """

    _deadline: asyncio.TimerHandle | None = None
    _head: int | None = 0  # bytes of the headers so far; None: they are complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there: a call has to follow."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError
        super().connection_made(InOnePiece(transport, self.loop))
        self._expect_within(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Parse it; headers that go on and on are no call."""
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > LARGEST_HEAD:
                self._leave()

    def on_message_begin(self) -> None:
        """A call begins: its headers have to follow."""
        super().on_message_begin()
        self._head = 0
        self._expect_within(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """The body has to follow."""
        self._head = None
        self._expect_within(PAUSE_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """The rest of the body has to follow."""
        self._expect_within(PAUSE_SECONDS)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Now it is the server that lets wait."""
        self._expect_within(None)
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The other end has to take what waits for it."""
        self._expect_within(PAUSE_SECONDS)
        super().pause_writing()

    def resume_writing(self) -> None:
        """It did."""
        self._expect_within(None)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._expect_within(None)
        super().connection_lost(exc)

    def _expect_within(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._leave)

    def _leave(self) -> None:
        """Reset the connection, so that the kernel too forgets what waits for the other end."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOT_AT_ALL)
        self.transport.abort()
