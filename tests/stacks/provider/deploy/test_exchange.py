"""One exchange with a server: what it says of waiting, in any form, and nothing that never ends."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.dns.way_out import STEPS, way_out
from stacks.provider.deploy.exchange import Answer, exchange

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def asked(value: str) -> float | None:
    return Answer(429, {"retry-after": value}, b"").retry_after(NOW)


def test_seconds_and_dates_are_read() -> None:
    """RFC 9110 10.2.3."""
    assert asked("120") == 120
    assert asked(" 0 ") == 0
    assert asked(format_datetime(NOW + timedelta(minutes=2), usegmt=True)) == 120
    assert asked(format_datetime(NOW - timedelta(minutes=2), usegmt=True)) == 0
    assert asked("Sun, 22 Nov 2026 12:01:00 -0000") == 60
    assert Answer(429, {}, b"").retry_after(NOW) is None


DATES = st.from_regex(r"[A-Z][a-z]{2}, \d{1,9} (Jan|Foo) \d{1,9} \d{1,9}:\d{1,9}:\d{1,9} [+-]?\d{0,9}(GMT)?")


@given(st.text(max_size=40) | DATES | st.integers().map(str))
def test_whatever_is_said_is_read(value: str) -> None:
    seconds = asked(value)
    assert seconds is None or seconds >= 0


@given(st.binary(max_size=60))
def test_a_body_is_an_object_or_none(body: bytes) -> None:
    value = Answer(200, {}, body).json()
    assert value is None or isinstance(value, dict)


@pytest.fixture
def drip() -> Iterator[int]:
    """A server that goes on sending a byte now and then; its port."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not ended.is_set():
                try:
                    raw, _ = server.accept()
                except TimeoutError:
                    continue
                with raw:
                    raw.recv(65536)
                    raw.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
                    try:
                        while not ended.wait(0.02):
                            raw.sendall(b" ")
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def test_an_answer_that_never_ends_is_given_up(drip: int) -> None:
    url = f"http://127.0.0.1:{drip}/"
    with pytest.raises(TimeoutError):
        exchange(way_out(url, {}, 0.1), "GET", url, {}, seconds=0.3 / STEPS)
