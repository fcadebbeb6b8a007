"""What comes in can be replayed, whatever it is; what the engine sends comes in."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.state import journal
from engine.state.integrity import mended
from engine.state.journal import BatchRefused
from engine.state.replay import replay
from engine.state.urns import mapped, without_dangling
from engine.state.wellformed import is_deployment, is_entry, is_operation, is_resource
from tests.engine.state.journals import resource

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.text(max_size=3) | st.just("urn:pulumi:a::b::c::d"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)
RESOURCE_FIELDS = (
    "urn", "type", "id", "parent", "deletedWith", "viewOf", "dependencies", "replaceWith", "aliases",
    "inputs", "outputs", "provider", "propertyDependencies", "delete", "custom", "created",
)  # fmt: skip
ENTRY_FIELDS = (
    "version", "kind", "sequenceID", "operationID", "removeOld", "removeNew", "deleteOld", "deleteNew",
    "pendingReplacementOld", "pendingReplacementNew", "isRefresh", "secretsProvider", "snippets",
    "newSnapshot", "extensionRef", "extension", "requiresByteString", "operation", "state",
)  # fmt: skip
SNAPSHOT_FIELDS = (
    "manifest", "metadata", "extensions", "secrets_providers", "resources", "pending_operations", "snippets",
)  # fmt: skip
_SOME = st.sampled_from("abc").map(resource)


def bent(good: st.SearchStrategy[dict[str, Any]], fields: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """A good value with up to two fields that may be anything; or no such value at all."""
    changes = st.dictionaries(st.sampled_from(fields), ODD, max_size=2)
    return st.builds(lambda value, change: {**value, **change}, good, changes) | ODD


RESOURCES = bent(_SOME, RESOURCE_FIELDS)
OPERATIONS = bent(
    st.builds(lambda made: {"type": "creating", "resource": made}, RESOURCES), ("type", "resource")
)
SNAPSHOTS = bent(
    st.builds(lambda some, ops: {"resources": some, "pending_operations": ops},
              st.lists(RESOURCES, max_size=2), st.lists(OPERATIONS, max_size=1)),
    SNAPSHOT_FIELDS,
)  # fmt: skip
GOOD_ENTRIES = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "kind": st.integers(0, 9),
        "sequenceID": st.integers(1, 5),
        "operationID": st.integers(1, 3),
    },
    optional={
        "state": RESOURCES,
        "operation": OPERATIONS,
        "newSnapshot": SNAPSHOTS,
        "removeOld": st.integers(0, 2),
        "removeNew": st.integers(0, 3),
        "deleteOld": st.integers(0, 2),
        "isRefresh": st.booleans(),
    },
)


@given(st.lists(bent(GOOD_ENTRIES, ENTRY_FIELDS), max_size=4))
def test_a_batch_is_refused_or_can_be_replayed_and_read_and_replayed_over(batch: list[Any]) -> None:
    try:
        entries = journal.checked({"entries": batch})
    except BatchRefused:
        return
    state = mended(replay({}, entries, now=NOW, engine="v3.0.0"))
    again = replay(orjson.loads(orjson.dumps(state.deployment)), [], now=NOW, engine="")
    assert is_deployment(again.deployment)
    for found in without_dangling(again.deployment.get("resources") or ()):
        mapped(found, str.strip)


@given(RESOURCES | OPERATIONS | SNAPSHOTS | bent(GOOD_ENTRIES, ENTRY_FIELDS))
def test_every_question_has_an_answer(value: Any) -> None:
    for ask in (is_resource, is_operation, is_deployment, is_entry):
        assert ask(value) in (True, False)


@pytest.mark.parametrize("missing", [{}, {"provider": ""}, {"inputs": None, "dependencies": None, "id": ""}])
def test_what_go_leaves_out_or_sends_as_null_is_in_shape(missing: dict[str, Any]) -> None:
    assert is_resource(resource("a", **missing))
    assert is_entry({"version": 1, "kind": 1, "state": resource("a", **missing), "removeOld": None})
