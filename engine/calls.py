"""Calls that a server refuses: each is told in one line, with nothing of what was sent, and ends there."""

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LONGEST_PATH: Final = 200
_TOLD_ANYWAY: Final = "engine.state.app"  # the calls that no route knows: they are refused ones


@dataclass(frozen=True, slots=True)
class Told:
    """`app`, whose refusals are told; a line may hold what a caller chose, so it must be made printable.

    Whoever is refused before all that it sends was taken in, is not listened to any further.
    """

    app: "ASGIApp"
    tell: Callable[[str], None]

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """One call."""
        more = True

        async def received() -> "Message":
            nonlocal more
            message = await receive()
            more = message.get("more_body", False)
            return message

        async def sent(message: "Message") -> None:
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                self.tell(line(scope, message["status"], time.time()))
                if more:
                    message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        await self.app(scope, received, sent)


def line(scope: "Scope", status: int, now: float) -> str:
    """When, from where, whose token, the answer's code, and what was asked for, without its query."""
    client = (scope.get("client") or ("-",))[0]
    user = scope.get("tic.user") or "-"
    path = scope["path"] if len(scope["path"]) <= _LONGEST_PATH else scope["path"][:_LONGEST_PATH] + "…"
    return f"{_moment(now)} {client} {user} {status} {scope['method']} {path!r}"


class Faults(logging.Handler):
    """Tells what the server's modules and uvicorn warn of, in one line, and of a fault the frames alone."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one record."""
        if record.name == _TOLD_ANYWAY:
            return
        self._tell(f"{_moment(record.created)} {record.getMessage().strip()}")
        if record.exc_info and record.exc_info[0] is not None:
            # An exception's message may hold what was sent.
            frames = "".join(traceback.format_tb(record.exc_info[2]))
            self._tell(f"{record.exc_info[0].__name__}\n{frames}")


def _moment(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
