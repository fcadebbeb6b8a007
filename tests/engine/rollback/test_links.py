"""What came from another resource is found by its text, and follows that resource wherever it goes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.past.drift import UNKNOWN
from engine.rollback.links import Ambiguous, Index, Thing, links, output_links, relinked
from engine.rollback.registration import Link, Source
from engine.state.sealing import SECRET
from engine.state.urns import RESOURCE_REFERENCE, SIGNATURE

A, B = "urn:pulumi:dev::proj::pkg:m:A::a", "urn:pulumi:dev::proj::pkg:m:A::b"
TEXTS = st.sampled_from(["a-1", "b-1", "host", "", "x"])


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE: SECRET, "value": value}


def values() -> st.SearchStrategy[Any]:
    """Property values on their way to the monitor."""
    return st.recursive(
        TEXTS | st.none() | st.booleans() | st.integers(0, 2),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from("pqr"), inner, max_size=3)
            | inner.map(secret)
        ),
        max_leaves=8,
    )


PROPERTIES = st.dictionaries(st.sampled_from("pqr"), values(), max_size=3)
DEPENDS = st.dictionaries(st.sampled_from("pqr"), st.lists(st.sampled_from([A, B]), unique=True), max_size=3)


@st.composite
def things(draw: st.DrawFn) -> dict[str, Thing]:
    return {A: Thing("a-1", draw(PROPERTIES)), B: Thing("b-1", draw(PROPERTIES))}


def plain(value: Any) -> Any:
    """Without the wrappers of secrets."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET:
        return plain(value["value"])
    return {key: plain(item) for key, item in value.items()}


@given(PROPERTIES, DEPENDS, things())
def test_where_nothing_has_changed_the_inputs_are_what_they_were(
    inputs: dict[str, Any], depends: dict[str, list[str]], there: dict[str, Thing]
) -> None:
    found, _unlinked = links(inputs, depends, Index(there))
    assert plain(relinked(inputs, found, there, preview=False)) == plain(inputs)


@given(PROPERTIES, DEPENDS, things())
def test_a_property_is_linked_to_what_it_depends_on_or_it_is_known_that_it_is_not(
    inputs: dict[str, Any], depends: dict[str, list[str]], there: dict[str, Thing]
) -> None:
    found, unlinked = links(inputs, depends, Index(there))
    linked = {(str(link.target[0]), source.urn) for link in found for source in link.sources}
    assert linked | set(unlinked) == {(name, urn) for name, urns in depends.items() for urn in urns}
    assert not linked & set(unlinked)


def test_an_id_is_followed_into_lists_and_secrets() -> None:
    inputs = {"of": "a-1", "deep": {"list": ["x", secret({"id": "a-1"})]}, "other": "a-1"}
    found, unlinked = links(inputs, {"of": [A], "deep": [A]}, Index({A: Thing("a-1", {})}))
    assert unlinked == ()
    assert relinked(inputs, found, {A: Thing("a-2", {})}, preview=False) == {
        "of": "a-2",
        "deep": {"list": ["x", secret({"id": "a-2"})]},
        "other": "a-1",  # it does not depend on a: the same text by chance
    }


def test_an_output_that_is_a_secret_stays_one() -> None:
    before = {A: Thing("a-1", {"key": secret("one")})}
    found, _unlinked = links({"key": secret("one")}, {"key": [A]}, Index(before))
    after = {A: Thing("a-1", {"key": secret("two")})}
    assert relinked({"key": secret("one")}, found, after, preview=False) == {"key": secret("two")}


def test_an_output_that_became_a_secret_makes_the_input_one() -> None:
    found, _unlinked = links({"key": "one"}, {"key": [A]}, Index({A: Thing("a-1", {"key": "one"})}))
    after = {A: Thing("a-1", {"key": secret("two")})}
    assert relinked({"key": "one"}, found, after, preview=False) == {"key": secret("two")}


@pytest.mark.parametrize("after", [Thing("", {}), Thing("a-1", {}), Thing("a-1", {"host": UNKNOWN})])
def test_in_a_preview_what_is_not_known_yet_is_unknown(after: Thing) -> None:
    inputs = {"id": "a-1", "host": "here"}
    found, _unlinked = links(inputs, {"id": [A], "host": [A]}, Index({A: Thing("a-1", {"host": "here"})}))
    assert relinked(inputs, found, {A: after}, preview=True)["host"] == UNKNOWN


def test_an_output_that_is_gone_is_an_error_once_it_counts() -> None:
    found, _unlinked = links({"host": "here"}, {"host": [A]}, Index({A: Thing("a-1", {"host": "here"})}))
    with pytest.raises(LookupError, match="has no output host now"):
        relinked({"host": "here"}, found, {A: Thing("a-1", {})}, preview=False)


def test_of_two_outputs_with_one_text_the_id_counts_and_others_must_agree() -> None:
    before = {A: Thing("a-1", {"name": "a-1", "one": "same", "two": "same"})}
    inputs = {"of": "a-1", "both": "same"}
    found, _unlinked = links(inputs, {"of": [A], "both": [A]}, Index(before))
    agreed = {A: Thing("a-2", {"name": "a-1", "one": "new", "two": "new"})}
    assert relinked(inputs, found, agreed, preview=False) == {"of": "a-2", "both": "new"}
    with pytest.raises(Ambiguous, match="both was several outputs"):
        relinked(inputs, found, {A: Thing("a-2", {"one": "new", "two": "same"})}, preview=False)


def test_a_part_of_a_text_is_no_link() -> None:
    inputs = {"url": "https://a-1/"}
    assert links(inputs, {"url": [A]}, Index({A: Thing("a-1", {})})) == ((), (("url", A),))


def test_a_reference_to_a_resource_follows_it_without_any_dependency() -> None:
    reference = {SIGNATURE: RESOURCE_REFERENCE, "urn": A, "id": "a-1"}
    found, _unlinked = links({"of": reference}, {}, Index({}))
    assert found == (Link(("of", "id"), (Source(A),)),)
    assert relinked({"of": reference}, found, {A: Thing("a-2", {})}, preview=False) == {
        "of": {**reference, "id": "a-2"}
    }


def test_outputs_of_a_component_are_found_wherever_they_came_from_ids_first() -> None:
    index = Index({A: Thing("a-1", {"host": "here"}), B: Thing("b-1", {"of": "a-1", "port": "here"})})
    assert output_links({"id": "a-1", "host": "here", "text": "mine"}, index) == (
        Link(("id",), (Source(A),)),
        Link(("host",), (Source(A, ("host",)), Source(B, ("port",)))),
    )
