"""What a server tells of calls: a line each, when and from whom and what for, and nothing that was sent."""

import asyncio
import logging
import sys
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.calls import Faults, Told, line

MOMENT = 1_700_000_000.0


def scope(**more: Any) -> dict[str, Any]:
    known = {"client": ("192.0.2.7", 4711), "method": "GET", "path": "/api/user", "query_string": b"canary"}
    return {**known, **more}


def test_a_line_says_when_who_and_what() -> None:
    assert line(scope(), 401, MOMENT) == "2023-11-14T22:13:20Z 192.0.2.7 - 401 GET '/api/user'"
    known = scope(method="POST", **{"tic.user": "ci"})
    assert line(known, 403, MOMENT) == "2023-11-14T22:13:20Z 192.0.2.7 ci 403 POST '/api/user'"
    assert line(scope(client=None), 404, MOMENT).split()[1] == "-"


@given(st.text(max_size=1000))
def test_whatever_is_asked_for_it_is_one_short_line(path: str) -> None:
    said = line(scope(path=path), 404, MOMENT)
    assert said.isprintable()
    assert len(said) < 3000
    assert "canary" not in said or "canary" in path


@dataclass
class Called:
    """What came of one call to an app that answers so, after it has taken in this much of the body."""

    status: int
    taken: int = 0
    said: list[str] = field(default_factory=list)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        asyncio.run(Told(self.app, self.said.append)(scope(), self.receive, self.send))

    async def app(self, _scope: Any, receive: Any, send: Any) -> None:
        for _ in range(self.taken):
            await receive()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"canary"})

    async def receive(self) -> Any:
        self.taken -= 1
        return {"type": "http.request", "body": b"part", "more_body": self.taken > 0}

    async def send(self, message: Any) -> None:
        self.headers += message.get("headers", [])


def test_refusals_are_told_once_and_answers_are_not() -> None:
    assert [Called(status).said for status in (200, 204, 304)] == [[], [], []]
    assert [len(Called(status).said) for status in (400, 401, 403, 404, 409, 413, 500, 503)] == [1] * 8


def test_whoever_is_refused_before_its_end_is_not_listened_to_any_further() -> None:
    assert Called(401).headers == [(b"connection", b"close")]
    assert [Called(status, taken=2).headers for status in (404, 200)] == [[], []]
    assert Called(200).headers == []


def test_of_a_fault_the_frames_are_told_and_not_the_message() -> None:
    said: list[str] = []
    try:
        raise ValueError("canary")
    except ValueError:
        found = sys.exc_info()
    faults = Faults(said.append)
    for name in ("uvicorn.error", "engine.state.app"):
        faults.handle(logging.LogRecord(name, logging.ERROR, "", 0, "went wrong\n", None, found))
    assert len(said) == 2
    assert said[0].endswith("went wrong")
    assert said[1].startswith("ValueError\n")
    assert "test_calls.py" in said[1]
    assert "canary" not in "".join(said).replace('raise ValueError("canary")', "")
