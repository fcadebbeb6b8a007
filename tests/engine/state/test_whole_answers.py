"""An answer leaves in one piece: a server that dies has sent all of it, or nothing."""

import asyncio
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from engine.state.impatience import Impatient
from engine.state.whole_answers import InOnePiece


class Recorded(asyncio.Transport):
    """A transport that keeps each write by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def answered(*calls: bytes) -> Recorded:
    """What a connection writes that gets these bytes, one after the other."""
    config = uvicorn.Config(Starlette(routes=[Route("/", hello)]), lifespan="off", log_config=None)
    config.load()
    state, transport = ServerState(), Recorded()
    connection = Impatient(config, state, {}, asyncio.get_running_loop())
    connection.connection_made(transport)
    for call in calls:
        connection.data_received(call)
        while state.tasks:
            await asyncio.wait(state.tasks)
            await asyncio.sleep(0)
    connection.connection_lost(None)
    return transport


def test_head_and_body_are_one_write() -> None:
    call = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    transport = asyncio.run(answered(call, call))
    assert len(transport.writes) == 2
    assert all(one.startswith(b"HTTP/1.1 200 OK") and one.endswith(b"hello") for one in transport.writes)


def test_an_answer_that_ends_the_connection_is_sent_before_it_ends() -> None:
    transport = asyncio.run(answered(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    assert len(transport.writes) == 1
    assert transport.writes[0].endswith(b"hello")
    assert transport.closed


def test_what_is_aborted_is_not_sent() -> None:
    async def aborted() -> Recorded:
        below = Recorded()
        whole = InOnePiece(below, asyncio.get_running_loop())
        whole.write(b"head")
        whole.abort()
        await asyncio.sleep(0)
        return below

    transport = asyncio.run(aborted())
    assert (transport.writes, transport.closed) == ([], True)
