"""Whom a server takes a caller for: the other end, or, behind a proxy, whom that names."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from engine.state.listening import Manner
from engine.state.routes.call import _address
from engine.state.server import LOOPBACK, listening, serving


def who(request: Request) -> PlainTextResponse:
    return PlainTextResponse(_address(request))


@contextmanager
def served(manner: Manner) -> Iterator[int]:
    with (
        closing(listening(socket.AF_INET, (LOOPBACK, 0))) as listener,
        serving(lambda: Starlette(routes=[Route("/", who)]), listener, manner),
    ):
        yield listener.getsockname()[1]


def asked(port: int, said: str) -> str:
    with closing(HTTPConnection(LOOPBACK, port, timeout=30)) as connection:
        connection.request("GET", "/", headers={"X-Forwarded-For": said, "X-Forwarded-Proto": "https"})
        return connection.getresponse().read().decode()


@pytest.mark.parametrize("strangers", [False, True])
def test_what_a_caller_says_of_itself_is_not_believed(strangers: bool) -> None:
    with served(Manner(strangers=strangers)) as port:
        assert asked(port, "203.0.113.9") == LOOPBACK


def test_a_proxy_of_this_machine_names_the_caller() -> None:
    with served(Manner(strangers=True, behind_proxy=True)) as port:
        assert asked(port, "203.0.113.9") == "203.0.113.9"
        assert asked(port, "2001:db8::1") == "2001:db8::1"
        assert asked(port, "198.51.100.1, 203.0.113.9") == "203.0.113.9"  # the last is the proxy's own word
        for nonsense in ("\x9b31m", "x" * 1000, "unknown"):
            assert asked(port, nonsense) == "an unknown address"
