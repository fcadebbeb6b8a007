"""What a provider chose itself is left to it again, as a program leaves it."""

from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from engine.past.opened import opened
from engine.rollback.inputs import given, wire
from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE
from tests.engine.past.sealed import seal, unseal, values


@pytest.mark.parametrize(
    ("then", "now", "registered"),
    [
        ({"size": 1}, None, {"size": 1}),
        ({"size": 1, "name": "n-1", "__defaults": ["name"]}, None, {"size": 1}),
        ({"name": "n-1", "__defaults": ["name"]}, {"name": "n-1", "__defaults": ["name"]}, {}),
        ({"name": "n-1", "__defaults": ["name"]}, {"name": "mine", "__defaults": []}, {}),
        ({"acl": "open", "__defaults": ["acl"]}, {"acl": "shut", "__defaults": ["acl"]}, {"acl": "open"}),
        ({"name": "mine", "__defaults": []}, {"name": "n-1", "__defaults": ["name"]}, {"name": "mine"}),
        ({"__defaults": "mine"}, None, {}),
    ],
)
def test_a_choice_of_the_provider_is_its_own(then: Any, now: Any, registered: Any) -> None:
    assert given(then, now) == registered


def test_choices_deep_inside_are_found_by_their_place() -> None:
    then = {"rules": [{"port": 1, "ttl": 5, "__defaults": ["ttl"]}, {"ttl": 5, "__defaults": ["ttl"]}]}
    now = {"rules": [{"port": 2, "ttl": 9, "__defaults": ["ttl"]}, {"ttl": 5, "__defaults": ["ttl"]}]}
    assert given(then, now) == {"rules": [{"port": 1, "ttl": 5}, {}]}
    assert given(then, {"rules": []}) == {"rules": [{"port": 1}, {}]}


@drawn(st.dictionaries(st.sampled_from("ab"), values(), max_size=2))
def test_where_nothing_was_chosen_all_is_given(inputs: dict[str, Any]) -> None:
    assert given(inputs, None) == inputs


def test_secrets_are_open_on_the_wire_and_marked_as_secrets() -> None:
    value = {"key": seal({"inner": seal("canary")})}
    assert wire(opened(value, unseal)) == {
        "key": {SIGNATURE: SECRET, "value": {"inner": {SIGNATURE: SECRET, "value": "canary"}}}
    }
