"""Strangers may be slow, silent, endless or rude; whoever is none of that is served all the same."""

import select
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from engine.state import impatience
from engine.state.listening import Manner
from engine.state.server import LOOPBACK, listening, serving

ANSWER = b"x" * 32 * 1024 * 1024  # more than the kernel holds for somebody who does not read


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def much(_request: Request) -> PlainTextResponse:
    return PlainTextResponse(ANSWER)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that waits for a fifth of a second."""
    monkeypatch.setattr(impatience, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(impatience, "PAUSE_SECONDS", 0.2)

    def app() -> Starlette:
        return Starlette(routes=[Route("/length", length, methods=["POST"]), Route("/much", much)])

    with (
        closing(listening(socket.AF_INET, (LOOPBACK, 0))) as listener,
        serving(app, listener, Manner(strangers=True)),
    ):
        yield listener.getsockname()[1]


@contextmanager
def connected(port: int, *sent: bytes) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, port), timeout=30) as connection:
        for part in sent:
            connection.sendall(part)
        yield connection


def ended(connection: socket.socket) -> bool:
    """Whether the other end leaves without a word; waits for that."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /le",
        b"POST /length HTTP/1.1\r\nHost: x\r\nX-Long: ",
        b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfive!",
        b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive!\r\n",
    ],
)
def test_whoever_stops_in_the_middle_is_left(port: int, sent: bytes) -> None:
    with connected(port, sent) as connection:
        assert ended(connection)


def test_whoever_does_not_read_the_answer_is_left(port: int) -> None:
    with connected(port, b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        watch = select.poll()
        watch.register(connection, 0)  # errors and the end are told in any case
        ((_, what),) = watch.poll(30_000)
        assert what & (select.POLLERR | select.POLLHUP)


def test_headers_without_end_are_no_call(port: int) -> None:
    line = b"X-Long: " + b"y" * 8000 + b"\r\n"
    with connected(port, b"GET /much HTTP/1.1\r\nHost: x\r\n") as connection:
        with suppress(ConnectionError):
            for _ in range(1000):
                connection.sendall(line)
        assert ended(connection)


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x00\x05hello", b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"\0" * 100]
)
def test_what_is_no_http_is_refused(port: int, sent: bytes) -> None:
    with connected(port, sent) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
        assert ended(connection)


def test_whoever_is_slow_and_goes_on_is_served_call_after_call(port: int) -> None:
    head = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 262144\r\n\r\n"
    with connected(port) as connection:
        for _ in range(3):
            for part in (head[:20], head[20:], *[b"z" * 65536] * 4):
                connection.sendall(part)
            answer = b""
            while not answer.endswith(b"262144"):
                part = connection.recv(4096)
                assert part
                answer += part
            assert answer.startswith(b"HTTP/1.1 200 OK")
