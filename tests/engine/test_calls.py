"""What a server tells of calls: a line each, when and from whom and what for, and nothing that was sent."""

import asyncio
import logging
import sys
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


def called(status: int) -> list[str]:
    said: list[str] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"canary"})

    async def ignore(_message: Any) -> None:
        pass

    asyncio.run(Told(app, said.append)(scope(), ignore, ignore))  # type: ignore[arg-type]
    return said


def test_refusals_are_told_once_and_answers_are_not() -> None:
    assert [called(status) for status in (200, 204, 304)] == [[], [], []]
    assert [len(called(status)) for status in (400, 401, 403, 404, 409, 413, 500, 503)] == [1] * 8


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
