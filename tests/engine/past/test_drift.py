"""What the engine's events say of drift: each property once, secrets without values."""

from typing import Any

import pytest

from engine.events import Step, read
from engine.past.changes import Change
from engine.past.drift import UNKNOWN, differences, found
from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE

HIDDEN = {SIGNATURE: SECRET, "ciphertext": "[secret]"}
URN = "urn:pulumi:dev::proj::pkg:m:A::a"


def metadata(before: dict[str, Any], after: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"op": "update", "urn": URN, "old": {"outputs": before}, "new": {"outputs": after}, **more}


def test_each_property_that_differs_is_told_with_its_path() -> None:
    assert differences(metadata({"tags": {"a": 1}, "same": 1}, {"tags": {"a": 2}, "same": 1})) == (
        Change("tags.a", "changed", 1, 2),
    )


@pytest.mark.parametrize(
    "named", [{"diffs": ["key", "port"]}, {"detailedDiff": {"key[0].inner": {}, "port": {}}}]
)
def test_a_secret_that_the_provider_names_is_told_without_value(named: dict[str, Any]) -> None:
    assert differences(metadata({"key": HIDDEN, "port": 1}, {"key": HIDDEN, "port": 2}, **named)) == (
        Change("port", "changed", 1, 2),
        Change("key", "changed", "[secret]", "[secret]", secret=True),
    )


def test_what_is_not_known_yet_says_so() -> None:
    (change,) = differences(metadata({"host": "one"}, {"host": UNKNOWN}))
    assert (change.before, change.after) == ("one", "[unknown]")


def test_a_state_that_is_not_there_is_empty() -> None:
    assert differences({"op": "delete", "urn": URN, "old": {"outputs": {"a": 1}}, "new": None}) == (
        Change("a", "removed", 1, None),
    )


@pytest.mark.parametrize(
    ("event", "planning", "told"),
    [("resOutputsEvent", True, 1), ("resOutputsEvent", False, 0), ("resourcePreEvent", True, 0)],
)
def test_only_the_end_of_a_planned_update_has_differences(event: str, planning: bool, told: int) -> None:
    step = read({event: {"metadata": metadata({"a": 1}, {"a": 2}), "planning": planning}})
    assert isinstance(step, Step)
    assert len(step.differences) == told


@pytest.mark.parametrize(
    ("counts", "anything"),
    [
        ({}, False),
        ({"same": 3, "refresh": 2}, False),
        ({"same": 1, "delete": 1}, True),
        ({"update": 0}, False),
    ],
)
def test_counts_say_whether_there_is_drift(counts: dict[str, int], anything: bool) -> None:
    assert found(counts) is anything
