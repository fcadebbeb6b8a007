"""The history in pages: newest first, and the database reads one page for one page."""

import time
from typing import Any

import pytest
from sqlalchemy import Connection, event

from engine.state import history, journal, stacks, updates
from engine.state.compression import QUICK, packed
from engine.state.owner import this_process
from engine.state.stacks import Stack
from engine.state.updates import Request
from tests.engine.state.client import created

LEASE = b"hash"
VERSIONS = 7


@pytest.fixture
def stack(connection: Connection) -> Stack:
    made = stacks.create(connection, "proj", "dev")
    for version in range(1, VERSIONS + 1):
        request = Request("update", False, "me", "v3.259.0", this_process(), message=f"number {version}")
        update = updates.create(connection, made.id, request)
        updates.start(connection, made.id, update, LEASE, time.time())
        journal.append(connection, update, packed({"entries": [created(version, f"r{version}")]}, QUICK))
        updates.complete(connection, update, LEASE, "succeeded", time.time())
    return made


@pytest.mark.parametrize(
    ("limit", "offset", "pages"),
    [(None, 0, [7, 6, 5, 4, 3, 2, 1]), (3, 0, [7, 6, 5]), (3, 3, [4, 3, 2]), (3, 6, [1]), (3, 9, [])],
)
def test_a_page_is_what_it_is_of_the_whole(
    connection: Connection, stack: Stack, limit: int | None, offset: int, pages: list[int]
) -> None:
    found = history.history(connection, stack.id, limit=limit, offset=offset)
    assert [(each.version, each.message, each.resource_count) for each in found] == [
        (version, f"number {version}", version) for version in pages
    ]


def test_no_row_outside_of_the_page_is_read(connection: Connection, stack: Stack) -> None:
    read: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        assert "LIMIT" in statement or "BETWEEN" in statement, statement

    event.listen(connection.engine, "before_cursor_execute", note)
    try:
        read += [each.version for each in history.history(connection, stack.id, limit=2, offset=1)]
    finally:
        event.remove(connection.engine, "before_cursor_execute", note)
    assert read == [6, 5]


def test_one_version_is_found_by_its_number(connection: Connection, stack: Stack) -> None:
    found = history.of_version(connection, stack.id, 3)
    assert found is not None
    assert (found.version, found.resource_count, found.user) == (3, 3, "me")
    assert history.of_version(connection, stack.id, 0) is None
    assert history.of_version(connection, stack.id, VERSIONS + 1) is None
