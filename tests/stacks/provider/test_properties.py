"""Check and diff from declarations: everything at once, property by property."""

from typing import Any

import pytest

from stacks.provider.properties import Change, Failure, Kind, Property, Refused, changed, check, guarded
from stacks.provider.values import UNKNOWN


def _even(given: int) -> int:
    if given % 2:
        raise Refused("must be even")
    return given


def _upper(given: list[str]) -> list[str]:
    wrong = [(f"[{index}]", "must not be empty") for index, each in enumerate(given) if not each]
    if wrong:
        raise Refused(*wrong)
    return [each.upper() for each in given]


PROPERTIES = (
    Property("name", Kind.STRING, "A name.", required=True, choices=("a", "b")),
    Property("count", Kind.INTEGER, "A number.", rule=_even, change=Change.UPDATE),
    Property("seconds", Kind.NUMBER, "A time.", default=1.5),
    Property("names", Kind.STRINGS, "Names.", rule=_upper),
    Property("on", Kind.BOOLEAN, "A switch."),
)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    given = {"name": "c", "count": 3, "names": ["x", "", ""], "on": "yes", "secnds": 2}
    assert check(PROPERTIES, given).failures == [
        Failure("secnds", "is not a property of this resource; did you mean seconds?"),
        Failure("name", "must be one of a, b"),
        Failure("count", "must be even"),
        Failure("names[1]", "must not be empty"),
        Failure("names[2]", "must not be empty"),
        Failure("on", "must be true or false"),
    ]


def test_a_missing_required_property_is_told() -> None:
    assert check(PROPERTIES, {"name": None}).failures == [Failure("name", "is required")]


def test_what_is_good_comes_back_in_its_normal_form_with_defaults() -> None:
    checked = check(PROPERTIES, {"name": "a", "names": ["x"], "count": 4.0, "on": None, "__internal": 1})
    assert checked.failures == []
    assert checked.inputs == {"name": "a", "count": 4, "seconds": 1.5, "names": ["X"]}


def test_configuration_hands_numbers_over_as_text() -> None:
    assert check(PROPERTIES, {"name": "a", "count": "4", "seconds": 2}).inputs["count"] == 4


def test_an_empty_text_is_none_where_none_is_required() -> None:
    """A program in YAML can't leave a property out."""
    texts = (
        Property("name", Kind.STRING, "A name.", required=True),
        Property("kind", Kind.STRING, "A kind.", default="plain", choices=("plain", "fancy")),
        Property("other", Kind.STRING, "Another."),
    )
    checked = check(texts, {"name": "", "kind": "", "other": ""})
    assert (checked.inputs, checked.failures) == ({"name": "", "kind": "plain"}, [])


@pytest.mark.parametrize("value", [True, "1", 1.5, ["1"]])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    assert check(PROPERTIES, {"name": "a", "count": value}).failures


def test_what_a_preview_can_not_know_passes() -> None:
    checked = check(PROPERTIES, {"name": UNKNOWN, "names": ["", UNKNOWN]})
    assert checked.failures == []
    assert checked.inputs["names"] == ["", UNKNOWN]


def test_a_diff_names_what_changed_appeared_vanished_or_became_unknown() -> None:
    old = {"name": "a", "count": 2, "names": ["X"], "more": "output"}
    new = {"name": "b", "seconds": 2.5, "names": [UNKNOWN]}
    assert [each.name for each in changed(PROPERTIES, old, new)] == ["name", "count", "seconds", "names"]
    assert [each.name for each in changed(PROPERTIES, old, new, ["name", "names"])] == ["count", "seconds"]


def test_a_property_that_came_later_changes_nothing_at_its_default() -> None:
    """A state of an older version does not have it."""
    assert changed(PROPERTIES, {"name": "a"}, {"name": "a", "seconds": 1.5}) == []
    assert [each.name for each in changed(PROPERTIES, {"name": "a"}, {"name": "a", "seconds": 2.0})] == [
        "seconds"
    ]


def test_the_value_of_a_secret_or_of_what_may_hold_one_is_not_for_the_engine_to_repeat() -> None:
    """E4. Pulumi tells a property that failed with its value."""
    declared = (
        Property("open", Kind.STRING, ""),
        Property("sealed", Kind.STRING, "", secret=True),
        Property("texts", Kind.STRINGS, "", guarded=True),
    )
    failures = [Failure(each, "no") for each in ("open", "sealed", "texts[1]", "unknown")]
    assert [guarded(declared, each, {}) for each in failures] == [False, True, True, False]
    assert not guarded(declared, failures[0], {"open": "one line\n"})
    key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    for given in ({"open": key}, {"open": [{"key": key}]}):
        assert guarded(declared, failures[0], given)
    assert guarded(declared, failures[3], {"unknown": key})
