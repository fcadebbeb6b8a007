"""Operations that were cut short: which may be forgotten, which stay known through further runs."""

import time
from typing import Any

import pytest
from sqlalchemy import Connection

from engine.state import journal, pending, stacks, updates, versions
from engine.state.carrying import settled_by
from engine.state.compression import QUICK, packed
from engine.state.replay import Kind, replay
from engine.state.stacks import Stack
from engine.state.versions import Checkpoint
from tests.engine.state.journals import NOW, resource, urn
from tests.engine.state.test_updates import LEASE, request

OWN = "tic:acme/order:Order"
FOREIGN = "other:m:T"


def operation(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "resource": resource(name, **{"type": FOREIGN, "custom": True, **more})}


@pytest.fixture
def stack(connection: Connection) -> Stack:
    return stacks.create(connection, "proj", "dev", "/somewhere")


def holds(connection: Connection, stack: Stack, names: list[str], *cut_short: dict[str, Any]) -> None:
    """Give the stack a first version with these resources and these pending operations."""
    update = updates.create(connection, stack.id, request())
    updates.start(connection, stack.id, update, LEASE, time.time())
    updates.complete(connection, update, LEASE, "succeeded", time.time())
    made = [resource(name, type=FOREIGN, custom=True, id=f"id-of-{name}") for name in names]
    state = replay({"resources": made}, [], now=NOW, engine="v1")
    deployment = {**state.deployment, "pending_operations": list(cut_short)}
    versions.save(connection, stack.id, 1, Checkpoint(1, state.schema, state.features, deployment))


def left(connection: Connection, stack: Stack) -> list[tuple[str, str]]:
    return [(each.kind, each.name) for each in pending.pending_operations(connection, stack.id)]


def cut_off(connection: Connection, stack: Stack, *entries: dict[str, Any], status: str = "dead") -> None:
    """An update that wrote these entries, and then its owner died, or it was cancelled."""
    update = updates.create(connection, stack.id, request())
    updates.start(connection, stack.id, update, LEASE, time.time())
    numbered = [{"sequenceID": number, "operationID": number, **each} for number, each in enumerate(entries)]
    journal.append(connection, update, packed({"entries": numbered}, QUICK))
    running = updates.running(connection, stack.id)
    assert running is not None
    if status == "dead":
        updates.take_over(connection, running)
    else:
        updates.end(connection, running, status, time.time())


def test_what_the_next_run_does_again_without_harm_is_forgotten(connection: Connection, stack: Stack) -> None:
    repeatable = [
        operation("creating", "own", type=OWN),
        operation("updating", "held", type=OWN),
        operation("creating", "component", custom=False),
        operation("updating", "provider", type="pulumi:providers:other"),
        operation("reading", "elsewhere"),
        operation("importing", "elsewhere"),
    ]
    kept = [operation("creating", "new"), operation("updating", "held"), operation("deleting", "held")]
    holds(connection, stack, ["held"], *repeatable, *kept)
    cleared = pending.clear_pending(connection, stack.id, prefix="tic:")
    assert [each.urn for each in cleared] == [each["resource"]["urn"] for each in repeatable]
    assert left(connection, stack) == [("creating", "new"), ("updating", "held"), ("deleting", "held")]
    assert pending.clear_pending(connection, stack.id, prefix="tic:") == []


def test_a_cut_off_operation_knows_the_id_that_the_state_has(connection: Connection, stack: Stack) -> None:
    holds(connection, stack, ["held"], operation("creating", "held"), operation("creating", "new"))
    found = pending.pending_operations(connection, stack.id)
    assert [(each.name, each.known) for each in found] == [("held", "id-of-held"), ("new", None)]


def test_what_is_noted_of_a_failure_is_noted_once(connection: Connection, stack: Stack) -> None:
    holds(connection, stack, ["held"])
    for _ in range(2):
        noted = [operation("creating", "new"), operation("updating", "held"), operation("deleting", "gone")]
        pending.note_pending(connection, stack.id, noted)
    assert left(connection, stack) == [("creating", "new"), ("updating", "held")]


@pytest.mark.parametrize("status", ["dead", "cancelled"])
def test_a_run_that_is_cut_off_again_keeps_what_it_did_not_come_to(
    connection: Connection, stack: Stack, status: str
) -> None:  # C3
    known = [operation("updating", "a"), operation("deleting", "b"), operation("creating", "new")]
    holds(connection, stack, ["a", "b", "c"], *known)
    reread = {"kind": Kind.SUCCESS, "isRefresh": True, "removeOld": 0, "state": resource("a", type=FOREIGN)}
    begun = {"kind": Kind.BEGIN, "operation": operation("updating", "c")}
    cut_off(connection, stack, reread, begun, status=status)
    assert sorted(left(connection, stack)) == [("creating", "new"), ("deleting", "b"), ("updating", "c")]


def test_a_run_that_ends_leaves_what_the_engine_says(connection: Connection, stack: Stack) -> None:
    """As Pulumi's own backends do."""
    holds(connection, stack, ["a"], operation("updating", "a"))
    same = {"kind": Kind.SUCCESS, "removeOld": 0, "state": resource("a", type=FOREIGN)}
    cut_off(connection, stack, same, status="failed")
    assert left(connection, stack) == []


def test_a_step_that_asked_nobody_settles_nothing() -> None:
    base = [resource("a"), resource("b"), resource("c")]
    same = {"kind": Kind.SUCCESS, "removeOld": 0, "state": resource("a")}
    gone = {"kind": Kind.REFRESH_SUCCESS, "removeOld": 1}
    begun = {"kind": Kind.BEGIN, "operation": {"type": "updating", "resource": resource("d")}}
    unknown = {"kind": Kind.REFRESH_SUCCESS, "removeOld": 7}
    assert settled_by([same, gone, begun, unknown], base) == {urn("b"), urn("d")}
