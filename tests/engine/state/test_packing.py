"""Packing: a long run's journal has few rows, and whatever happens meanwhile, it says what it said."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from engine.database import Database, DatabaseUnusable
from engine.state import checkpoints, journal, packing, stacks, updates
from engine.state.compression import QUICK, packed
from engine.state.owner import this_process
from engine.state.packing import BATCHES
from engine.state.tables import JOURNAL
from engine.state.updates import Request
from tests.engine.state.client import Client, created, names
from tests.engine.state.journals import resource
from tests.engine.state.waiting import wait_for

LEASE = b"hash"


def steps(number: int) -> bytes:
    """A batch: a resource begun and made."""
    begun = {"type": "creating", "resource": resource(f"r{number}")}
    made = created(2 * number + 1, f"r{number}")
    begin = {**made, "kind": 0, "sequenceID": 2 * number, "operation": begun, "state": None}
    return packed({"entries": [begin, made]}, QUICK)


def rows(database: Database, update_id: str) -> dict[int, bytes]:
    query = select(JOURNAL.c.id, JOURNAL.c.body).where(JOURNAL.c.update_id == update_id)
    with database.read() as connection:
        return {row.id: row.body for row in connection.execute(query)}


@pytest.fixture
def begin(database: Database) -> Callable[[str], tuple[int, str]]:
    """Makes a stack with a running update; returns the ids of both."""

    def begun(name: str) -> tuple[int, str]:
        with database.write() as connection:
            stack = stacks.create(connection, "proj", name)
            request = Request("update", dry_run=False, user="me", engine="v1", owner=this_process())
            update_id = updates.create(connection, stack.id, request)
            updates.start(connection, stack.id, update_id, LEASE, time.time())
        return stack.id, update_id

    return begun


@pytest.fixture
def running(begin: Callable[[str], tuple[int, str]]) -> tuple[int, str]:
    return begin("dev")


def add(database: Database, update_id: str, *numbers: int) -> None:
    with database.write() as connection:
        for number in numbers:
            journal.append(connection, update_id, steps(number))


def state(database: Database, stack_id: int) -> Any:
    with database.read() as connection:
        return {**checkpoints.deployment(connection, stack_id), "manifest": None}


class Beside:
    """The database, with something that happens once between a pack's reading and its writing."""

    def __init__(self, database: Database, happening: Callable[[Connection], object]) -> None:
        self.database = database
        self.happening = happening

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        with self.database.read() as connection:
            yield connection
        with self.database.write() as connection:
            self.happening(connection)

    def write(self, only: str | None = None) -> contextlib.AbstractContextManager[Connection]:
        return self.database.write(only)


def test_what_is_packed_says_the_same_in_one_row(database: Database, running: tuple[int, str]) -> None:
    stack_id, update_id = running
    add(database, update_id, *range(10))
    before, size = state(database, stack_id), sum(map(len, rows(database, update_id).values()))
    packing.pack(database, update_id)
    (pack,) = rows(database, update_id).values()
    assert state(database, stack_id) == before
    assert len(pack) < size / 4


def test_a_pack_is_packed_no_more(database: Database, running: tuple[int, str]) -> None:
    stack_id, update_id = running
    packs: dict[int, bytes] = {}
    for round_ in range(3):
        add(database, update_id, *range(10 * round_, 10 * round_ + 10))
        packing.pack(database, update_id)
        now = rows(database, update_id)
        assert len(now) == round_ + 1
        assert packs.items() <= now.items()
        packs = now
    packing.pack(database, update_id)
    assert rows(database, update_id) == packs
    assert len(state(database, stack_id)["resources"]) == 30


@pytest.mark.parametrize("what", ["a batch comes", "a batch comes again", "all is packed", "one is changed"])
def test_whatever_happens_while_it_is_packed_nothing_is_lost(
    database: Database, running: tuple[int, str], what: str
) -> None:
    stack_id, update_id = running
    add(database, update_id, *range(5))
    count = 5

    def happening(connection: Connection) -> None:
        nonlocal count
        match what:
            case "a batch comes":
                count += 1
                journal.append(connection, update_id, steps(5))
            case "a batch comes again":
                journal.append(connection, update_id, steps(2))
            case "all is packed":
                batches = packing._batches(connection, update_id)
                packing._replace(connection, sorted(batches), packing._together(batches.values()))
            case _:  # its id was given to another batch
                count += 1
                connection.execute(update(JOURNAL).where(JOURNAL.c.id == 3).values(body=steps(7)))
                journal.append(connection, update_id, steps(2))

    packing.pack(Beside(database, happening), update_id)
    assert len(state(database, stack_id)["resources"]) == count


def test_an_update_that_ended_meanwhile_leaves_nothing_behind(
    database: Database, begin: Callable[[str], tuple[int, str]]
) -> None:
    """SQLite then gives its rows' ids to others."""
    stack_id, update_id = begin("dev")
    other_stack, other = begin("other")
    add(database, update_id, *range(5))

    def end(connection: Connection) -> None:
        updates.complete(connection, update_id, LEASE, "succeeded", time.time())
        for number in range(5):
            journal.append(connection, other, steps(number))

    packing.pack(Beside(database, end), update_id)
    assert rows(database, update_id) == {}
    assert len(rows(database, other)) == 5
    for each in (stack_id, other_stack):
        assert len(state(database, each)["resources"]) == 5


def test_a_database_that_fails_then_fails_nobody(
    database: Database, running: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    stack_id, update_id = running
    add(database, update_id, *range(5))

    def fail(_connection: Connection) -> None:
        raise DatabaseUnusable("the database is full", hint="free some space")

    packing.pack(Beside(database, fail), update_id)
    assert "was not packed: the database is full" in caplog.text
    assert len(state(database, stack_id)["resources"]) == 5


def test_an_end_that_was_made_ready_counts_what_came_since(
    database: Database, running: tuple[int, str]
) -> None:
    stack_id, update_id = running
    add(database, update_id, *range(5))
    with database.read() as connection:
        ready = updates.ready_to_complete(connection, update_id, LEASE)
        assert updates.ready_to_complete(connection, update_id, b"another") is None
    add(database, update_id, 5)
    with database.write() as connection:
        updates.complete(connection, update_id, LEASE, "succeeded", time.time(), ready)
    assert len(state(database, stack_id)["resources"]) == 6
    assert rows(database, update_id) == {}


def test_every_batch_is_packed_once(database: Database, running: tuple[int, str]) -> None:
    """So the cost is in proportion to the journal."""
    stack_id, update_id = running
    packs: dict[int, bytes] = {}
    for start in range(0, 5 * BATCHES, 16):
        with database.write() as connection:
            came = [journal.append(connection, update_id, steps(start + number)) for number in range(16)]
        if any(map(packing.is_due, came)):
            packing.pack(database, update_id)
            kept = rows(database, update_id)
            assert packs.items() <= kept.items()
            packs = kept
    assert len(rows(database, update_id)) <= len(packs) + BATCHES
    assert len(packs) <= 6
    assert len(state(database, stack_id)["resources"]) == 5 * BATCHES


def test_a_long_runs_journal_stays_small(client: Client, database: Database) -> None:
    path, lease = client.begin()
    for number in range(BATCHES + 20):
        body = {"entries": [created(number + 1, f"r{number}")]}
        assert client("PATCH", f"{path}/journalentries", body, lease=lease).code == 200
    wait_for(lambda: len(rows(database, path.rpartition("/")[2])) <= 21)
    assert len(names(client)) == BATCHES + 20
    assert client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    assert len(names(client)) == BATCHES + 20
    assert rows(database, path.rpartition("/")[2]) == {}
