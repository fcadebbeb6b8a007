"""A PowerDNS that is none, or not in its right mind: one clear error, in bounded time (D2)."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from stacks.dns.powerdns_api import Api, Settings
from stacks.dns.publisher import ProviderFailed

ZONE = {"id": "example.test.", "kind": "Native"}
NAME = "_acme-challenge.example.test"


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that answers every request so; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.recv(65536)
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def saying(content: Any) -> Callable[[socket.socket], None]:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    return lambda connection: connection.sendall(head + body)


@pytest.mark.parametrize(
    "record_sets",
    [
        None,
        ["a", "b"],
        {"a": 1},
        7,
        [{"type": "TXT", "name": NAME}],
        [{"type": "TXT", "name": NAME, "ttl": "x", "records": [{"content": "c"}]}],
        [{"type": "TXT", "name": NAME, "ttl": 1, "records": [{"content": "c"}, None]}],
    ],
)
def test_an_answer_in_another_form_is_said_to_be_no_answer_of_its_api(record_sets: Any) -> None:
    with answering(saying({**ZONE, "rrsets": record_sets})) as url:
        api = Api(Settings.read(url, "key"), seconds=5, machine={})
        zone = api.zone_of(NAME)
        with pytest.raises(ProviderFailed, match="what answers there is not its API") as failed:
            api.record_set(zone, NAME)
        api.close()
    assert "api-url" in failed.value.hint


@pytest.mark.parametrize("content", [[], "text", 7])
def test_what_is_no_zone_is_no_api(content: Any) -> None:
    with answering(saying(content)) as url:
        api = Api(Settings.read(url, "key"), seconds=5, machine={})
        with pytest.raises(ProviderFailed, match="what answers there is not its API"):
            api.zone_of(NAME)
        api.close()


def dripping(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(40):
        connection.sendall(b" ")
        time.sleep(0.05)


def dripping_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-A: ")
    for _ in range(40):
        connection.sendall(b"a")
        time.sleep(0.05)


@pytest.mark.parametrize("drip", [dripping, dripping_headers])
def test_a_server_that_sends_a_byte_now_and_then_is_given_up(drip: Callable[[socket.socket], None]) -> None:
    with answering(drip) as url:
        api = Api(Settings.read(url, "key"), seconds=0.2, machine={})
        began = time.monotonic()
        with pytest.raises(ProviderFailed, match=r"no answer within 0\.2 s"):
            api.zone_of(NAME)
        assert time.monotonic() - began < 30
        api.close()
