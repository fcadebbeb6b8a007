"""Stacks and updates inside one transaction: what each step leaves behind."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from engine.state import checkpoints, events, history, journal, pending, stacks, updates, versions
from engine.state.compression import QUICK, packed
from engine.state.owner import Owner, this_process
from engine.state.stacks import Stack
from engine.state.updates import Request, UpdateRunning
from tests.engine.state.client import created
from tests.engine.state.journals import urn

LEASE = b"hash"


def request(**more: object) -> Request:
    made = Request(kind="update", dry_run=False, user="me", engine="v3.259.0", owner=this_process())
    return replace(made, **more)  # type: ignore[arg-type]  # each test names real fields


@pytest.fixture
def stack(connection: Connection) -> Stack:
    return stacks.create(connection, "proj", "dev", "/somewhere")


def begin(connection: Connection, stack: Stack, **more: object) -> str:
    update = updates.create(connection, stack.id, request(**more))
    updates.start(connection, stack.id, update, LEASE, time.time())
    return update


def note(connection: Connection, update: str, *entries: dict[str, object]) -> None:
    journal.append(connection, update, packed({"entries": entries}, QUICK))


def finish(connection: Connection, update: str) -> None:
    updates.complete(connection, update, LEASE, "succeeded", time.time())


def urns(connection: Connection, stack: Stack) -> list[str]:
    return [found["urn"] for found in checkpoints.deployment(connection, stack.id).get("resources") or ()]


def test_a_new_stack_is_empty(connection: Connection, stack: Stack) -> None:
    assert (stack.full_name, stack.reference, stack.folder) == ("proj/dev", "tic/proj/dev", "/somewhere")
    assert stacks.find(connection, "proj", "dev") == stack
    assert checkpoints.deployment(connection, stack.id) == {}
    assert history.history(connection, stack.id) == []
    assert updates.running(connection, stack.id) is None


def test_a_name_is_given_once(connection: Connection, stack: Stack) -> None:
    with pytest.raises(stacks.StackExists):
        stacks.create(connection, stack.project, stack.name)
    other = stacks.create(connection, stack.project, "other")
    with pytest.raises(stacks.StackExists):
        stacks.rename(connection, other.id, stack.project, stack.name)


def test_the_journal_is_the_state_while_it_runs_and_gone_afterwards(
    connection: Connection, stack: Stack
) -> None:
    update = begin(connection, stack)
    note(connection, update, created(1, "a"))
    assert urns(connection, stack) == [urn("a")]
    finish(connection, update)
    assert urns(connection, stack) == [urn("a")]
    assert list(journal.entries(connection, update)) == []
    record = history.history(connection, stack.id)[0]
    assert (record.version, record.status, record.resource_count, record.user) == (1, "succeeded", 1, "me")


def test_an_earlier_version_can_be_read_later(connection: Connection, stack: Stack) -> None:
    for number in (1, 2):
        update = begin(connection, stack)
        note(connection, update, created(1, f"v{number}"))
        finish(connection, update)
    finish(connection, begin(connection, stack))  # a version that changed nothing
    counts = [
        len(versions.at(connection, stack.id, version).deployment.get("resources") or ())
        for version in range(4)
    ]
    assert counts == [0, 1, 2, 2]


def test_a_dead_owners_update_is_ended_with_what_it_wrote(connection: Connection, stack: Stack) -> None:  # C3
    dead = begin(connection, stack, owner=Owner(2**22 + 1, this_process().host, "never"))
    note(connection, dead, created(1, "a"))
    finish(connection, begin(connection, stack))
    assert urns(connection, stack) == [urn("a")]
    assert [record.status for record in history.history(connection, stack.id)] == ["succeeded", "interrupted"]


def test_ending_what_has_ended_changes_nothing(connection: Connection, stack: Stack) -> None:
    update = begin(connection, stack)
    running = updates.running(connection, stack.id)
    assert running is not None
    finish(connection, update)
    updates.take_over(connection, running)
    assert history.history(connection, stack.id)[0].status == "succeeded"


def test_what_needs_the_stack_for_itself_waits_for_nobody(connection: Connection, stack: Stack) -> None:
    begin(connection, stack)
    for step in (
        lambda: stacks.rename(connection, stack.id, "proj", "new"),
        lambda: pending.clear_pending(connection, stack.id, prefix="tic:"),
        lambda: begin(connection, stack),
    ):
        with pytest.raises(UpdateRunning, match="another update of proj/dev is running since"):
            step()


def test_removing_a_stack_removes_all_that_is_its_own(connection: Connection, stack: Stack) -> None:
    kept = stacks.create(connection, "proj", "kept")
    for each in (stack, kept):
        update = begin(connection, each)
        note(connection, update, created(1, "a"))
        events.append(connection, update, 0, packed({"events": [{"sequence": 0}]}, QUICK))
    stacks.remove(connection, stack.id)
    for table in ("stack", "stack_update", "journal", "event"):
        assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 1  # noqa: S608
    assert stacks.list_all(connection) == [stacks.get(connection, kept.id)]


def test_old_events_go_and_old_versions_stay(connection: Connection, stack: Stack) -> None:
    made = []
    for _ in range(updates.EVENTS_KEPT_FOR + 1):
        update = begin(connection, stack)
        events.append(connection, update, 0, packed({"events": [{"sequence": 0}]}, QUICK))
        finish(connection, update)
        made.append(update)
    assert events.read(connection, made[0]) == []
    assert len(events.read(connection, made[-1])) == 1
    assert len(history.history(connection, stack.id)) == len(made)


def test_of_dry_runs_the_last_is_kept(connection: Connection, stack: Stack) -> None:
    for _ in range(3):
        last = begin(connection, stack, kind="preview", dry_run=True)
        finish(connection, last)
    assert history.last_dry_run(connection, stack.id) == last
    assert connection.exec_driver_sql("SELECT count(*) FROM stack_update").scalar() == 1
    assert stacks.get(connection, stack.id).version == 0
