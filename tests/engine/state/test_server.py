"""The server answers from the first moment, lets calls finish, and then is gone."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from engine.state.server import serve


def application(handler: Callable[[], str]) -> Starlette:
    def endpoint(_request: Request) -> PlainTextResponse:
        return PlainTextResponse(handler())

    return Starlette(routes=[Route("/", endpoint)])


def get(url: str) -> str:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()


def test_it_answers_at_once_and_not_after_the_block() -> None:
    with serve(lambda: application(lambda: "hello")) as url:
        assert url.startswith("http://127.0.0.1:")
        assert get(url) == "hello"
    with pytest.raises(ConnectionRefusedError):
        get(url)


def test_a_call_in_flight_is_answered_before_it_stops() -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        arrived.set()
        go_on.wait(30)
        return "late but whole"

    answers: list[str] = []
    with serve(lambda: application(slow)) as url:
        caller = threading.Thread(target=lambda: answers.append(get(url)))
        caller.start()
        assert arrived.wait(30)
        threading.Timer(0.05, go_on.set).start()
    caller.join(30)
    assert answers == ["late but whole"]


def test_a_connection_that_is_kept_open_does_not_keep_it_running() -> None:
    with serve(lambda: application(lambda: "hello")) as url:
        host, port = urlsplit(url).netloc.split(":")
        idle = socket.create_connection((host, int(port)))
        assert get(url) == "hello"
    assert idle.recv(1) == b""
    idle.close()


def test_several_run_side_by_side() -> None:
    with serve(lambda: application(lambda: "one")) as one, serve(lambda: application(lambda: "two")) as two:
        assert (get(one), get(two)) == ("one", "two")


def test_an_app_that_can_not_be_made_refuses_calls_and_is_told_at_the_end() -> None:
    def broken() -> Starlette:
        raise LookupError("no app")

    with pytest.raises(LookupError, match="no app"), serve(broken) as url, pytest.raises(OSError):  # noqa: PT011
        get(url)
