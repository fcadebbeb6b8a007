"""What differs between two values: all of it, nothing else, and no secret."""

from dataclasses import asdict
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.past.changes import Change, changes, joined, written
from engine.past.opened import ASSET, Secret, equal, opened, shown
from engine.state.urns import RESOURCE_REFERENCE, SIGNATURE
from tests.engine.past.sealed import resealed, seal, unseal, values


def between(before: Any, after: Any) -> list[Change]:
    return changes(opened(before, unseal), opened(after, unseal))


def turned(change: Change) -> Change:
    """The same change, seen from the other side."""
    kinds = {"added": "removed", "removed": "added", "changed": "changed"}
    other: Any = kinds[change.kind]
    return Change(change.path, other, change.after, change.before, change.secret)


@given(values())
def test_a_value_does_not_differ_from_itself_however_often_it_is_sealed(value: Any) -> None:
    assert between(value, value) == []
    assert between(value, resealed(value)) == []


@given(values(), values())
def test_it_differs_both_ways_in_the_same_places(before: Any, after: Any) -> None:
    assert between(after, before) == [turned(change) for change in between(before, after)]


@given(values(), values())
def test_nothing_differs_only_where_all_is_equal(before: Any, after: Any) -> None:
    assert (between(before, after) == []) == equal(opened(before, unseal), opened(after, unseal))


@given(values(), values())
def test_no_secret_is_in_what_can_be_shown(before: Any, after: Any) -> None:
    found = between(before, after)
    everything = (
        f"{found!r} {orjson.dumps([asdict(each) for each in found]).decode()} {opened(before, unseal)!r}"
    )
    everything += orjson.dumps(shown(opened(before, unseal))).decode()
    assert "canary" not in everything
    assert "sealed-" not in everything


@given(st.lists(st.sampled_from(["a", "b.c", "", 'q"', 0, 7, "ä"]), max_size=4))
def test_a_path_is_written_so_that_each_step_can_be_told(steps: list[str | int]) -> None:
    text = ""
    for step in steps:
        text = joined(text, step)
    assert written(steps) == text


def test_paths_are_those_of_pulumi() -> None:
    before = {"tags": {"env": "one", "a.b": 1}, "rules": [{"port": 80}, {"port": 443}]}
    after = {"tags": {"env": "two"}, "rules": [{"port": 81}], "new": None}
    assert [(each.path, each.kind) for each in between(before, after)] == [
        ("new", "added"),
        ("rules[0].port", "changed"),
        ("rules[1]", "removed"),
        ('tags["a.b"]', "removed"),
        ("tags.env", "changed"),
    ]


def test_one_is_not_true_and_zero_is_not_false() -> None:
    assert [each.path for each in between({"a": 1, "b": 0, "c": 1}, {"a": True, "b": False, "c": 1.0})] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(("before", "after"), [("canary", seal("canary")), (seal("canary"), "canary")])
def test_what_became_a_secret_has_changed_and_is_not_repeated(before: Any, after: Any) -> None:
    assert between({"key": before}, {"key": after}) == [
        Change("key", "changed", "[secret]", "[secret]", secret=True)
    ]


def test_a_secret_within_a_secret_is_compared_by_what_it_is() -> None:
    value = {"outer": seal({"inner": seal("canary"), "port": 1})}
    assert between(value, resealed(value)) == []
    other = {"outer": seal({"inner": seal("canary"), "port": 2})}
    assert between(value, other) == [Change("outer", "changed", "[secret]", "[secret]", secret=True)]


def test_an_asset_differs_as_a_whole_and_is_shown_without_signatures() -> None:
    before = {SIGNATURE: ASSET, "text": "one", "hash": "1"}
    after = {SIGNATURE: ASSET, "text": "two", "hash": "2"}
    assert between({"file": before}, {"file": after}) == [
        Change(
            "file",
            "changed",
            {"asset": {"text": "one", "hash": "1"}},
            {"asset": {"text": "two", "hash": "2"}},
        )
    ]
    reference = {SIGNATURE: RESOURCE_REFERENCE, "urn": "u", "id": "i"}
    assert shown(reference) == {"resource": {"urn": "u", "id": "i"}}


def test_a_secret_that_was_not_sealed_anew_is_not_opened() -> None:
    def never(_ciphertext: str) -> bytes:
        raise AssertionError

    value = {"key": seal("canary")}
    assert changes(opened(value, never), opened(value, never)) == []
    assert isinstance(opened(value, never)["key"], Secret)


def test_a_change_can_be_seen_through_a_sieve() -> None:
    change = Change("a.key", "changed", ["key", {"key": 1}], {"x": "the key"})
    assert change.mapped(lambda text: text.replace("key", "[secret]")) == Change(
        "a.[secret]", "changed", ["[secret]", {"[secret]": 1}], {"x": "the [secret]"}
    )
