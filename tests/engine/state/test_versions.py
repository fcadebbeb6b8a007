"""Versions: whatever is saved is what is read, and a resource that stays the same is kept once."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select, update

from engine.state import bodies, stacks, versions
from engine.state.bodies import AT_ONCE, BodyMissing
from engine.state.compression import SMALL, packed
from engine.state.stacks import Stack
from engine.state.tables import CHECKPOINT, RESOURCE_BODY
from engine.state.versions import EMPTY, Checkpoint
from tests.engine.state.journals import deployments, resource

Saved = tuple[int, dict[str, Any]]
SHAPES = (
    st.sampled_from([{}, {"resources": None}, {"resources": []}, {"resources": [{"urn": 1.0}, {"urn": 1}]}])
    | deployments()
)


@pytest.fixture
def stack(connection: Connection) -> Stack:
    return stacks.create(connection, "proj", "dev")


def checkpoint(version: int, *resources: dict[str, Any]) -> Checkpoint:
    return Checkpoint(version, 3, (), {"manifest": {"version": "v1"}, "resources": list(resources)})


def save(connection: Connection, stack: Stack, *states: Checkpoint) -> None:
    for state in states:
        versions.save(connection, stack.id, state.version, state)


def bodies_kept(connection: Connection, stack: Stack) -> int:
    query = select(RESOURCE_BODY.c.id).where(RESOURCE_BODY.c.stack_id == stack.id)
    return len(connection.execute(query).all())


def text(deployment: object) -> bytes:
    """JSON that tells 1 from 1.0 and from true."""
    return orjson.dumps(deployment, option=orjson.OPT_SORT_KEYS)


@contextlib.contextmanager
def undone(connection: Connection) -> Iterator[None]:
    savepoint = connection.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), SHAPES), max_size=8), st.sets(st.integers(1, 4)))
def test_what_is_saved_is_what_is_read(
    connection: Connection, stack: Stack, saves: list[Saved], from_before: set[int]
) -> None:
    """Over any sequence, in place of what was there or not, some kept whole as they once were."""
    with undone(connection):
        expected: dict[int, dict[str, Any]] = {}
        for version, deployment in saves:
            save(connection, stack, Checkpoint(version, 4, ("hooks",), deployment))
            expected[version] = deployment
            if version in from_before:
                here = (CHECKPOINT.c.stack_id == stack.id) & (CHECKPOINT.c.version == version)
                connection.execute(update(CHECKPOINT).where(here).values(body=packed(deployment, SMALL)))
        for version in range(5):
            there = [kept for kept in expected if kept <= version]
            wanted = Checkpoint(max(there), 4, ("hooks",), expected[max(there)]) if there else EMPTY
            found = versions.at(connection, stack.id, version)
            assert (found.version, found.schema, found.features) == (
                wanted.version,
                wanted.schema,
                wanted.features,
            )
            assert text(found.deployment) == text(wanted.deployment)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), deployments()), min_size=1, max_size=8))
def test_a_body_is_there_once_and_only_while_a_version_has_it(
    connection: Connection, stack: Stack, saves: list[Saved]
) -> None:
    with undone(connection):
        for version, deployment in saves:
            save(connection, stack, Checkpoint(version, 3, (), deployment))
        last = dict(saves)
        different = {text(one) for deployment in last.values() for one in deployment["resources"]}
        assert bodies_kept(connection, stack) == len(different)


def test_a_version_that_changes_little_adds_little(connection: Connection, stack: Stack) -> None:
    count = 3 * AT_ONCE  # more than one statement reads or writes
    resources = [resource(f"r{number}") for number in range(count)]
    save(connection, stack, checkpoint(1, *resources))
    changed = [*resources]
    changed[700] = resource("r700", inputs={"x": 1})
    save(connection, stack, checkpoint(2, *changed))
    assert bodies_kept(connection, stack) == count + 1
    sizes = connection.execute(select(CHECKPOINT.c.body).where(CHECKPOINT.c.version == 2)).scalars()
    assert max(map(len, sizes)) < 200
    assert versions.newest(connection, stack.id).deployment["resources"] == changed
    assert versions.resource_counts(connection, stack.id, 1, 2) == {1: count, 2: count}


def test_another_stack_keeps_its_own(connection: Connection, stack: Stack) -> None:
    other = stacks.create(connection, "proj", "other")
    for each in (stack, other):
        save(connection, each, checkpoint(1, resource("a")))
    stacks.remove(connection, stack.id)
    assert (bodies_kept(connection, stack), bodies_kept(connection, other)) == (0, 1)
    assert versions.newest(connection, other.id) == checkpoint(1, resource("a"))


def test_a_renamed_stacks_former_bodies_stay_only_where_a_version_has_them(
    connection: Connection, stack: Stack
) -> None:
    save(connection, stack, checkpoint(1, resource("a")), checkpoint(2, resource("a"), resource("b")))
    stacks.rename(connection, stack.id, "proj", "new")
    assert bodies_kept(connection, stack) == 3  # a as version 1 has it, both as they are called now
    assert versions.at(connection, stack.id, 1) == checkpoint(1, resource("a"))


def test_a_state_may_be_got_ready_before_the_lock_is_held(connection: Connection, stack: Stack) -> None:
    """What was new or known then may be known or gone by the time that it is written."""
    save(connection, stack, checkpoint(1, resource("known")))
    state = checkpoint(2, resource("known"), resource("new"))
    ready = versions.prepared(connection, stack.id, state)
    save(connection, stack, checkpoint(1, resource("new")))
    versions.put(connection, stack.id, 2, ready)
    assert versions.newest(connection, stack.id) == state


def test_a_lost_body_is_told_as_damage(connection: Connection, stack: Stack) -> None:
    state = checkpoint(1, resource("a"))
    save(connection, stack, state, replace(state, version=2))
    connection.execute(delete(RESOURCE_BODY))
    with pytest.raises(BodyMissing, match="refers to 1 resource that is gone"):
        versions.newest(connection, stack.id)


def test_an_id_is_never_given_twice(connection: Connection, stack: Stack) -> None:
    first = bodies.keep(connection, stack.id, [bodies.Body.of({"urn": "a"})], {})
    bodies.forget(connection, first)
    assert bodies.keep(connection, stack.id, [bodies.Body.of({"urn": "b"})], {}) > first


def test_what_was_cut_short_is_known_without_the_resources(connection: Connection, stack: Stack) -> None:
    assert versions.newest_pending(connection, stack.id) == []
    cut_short = [{"type": "creating", "resource": resource("b")}]
    state = checkpoint(1, resource("a"))
    save(connection, stack, replace(state, deployment={**state.deployment, "pending_operations": cut_short}))
    connection.execute(delete(RESOURCE_BODY))
    assert versions.newest_pending(connection, stack.id) == cut_short
    before = packed({"pending_operations": cut_short}, SMALL)
    connection.execute(update(CHECKPOINT).values(body=before))
    assert versions.newest_pending(connection, stack.id) == cut_short
    save(connection, stack, checkpoint(2))
    assert versions.newest_pending(connection, stack.id) == []
