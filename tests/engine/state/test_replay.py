"""Replay: what a journal means, case by case, and what holds for every journal."""

import copy
import hashlib
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.state.replay import Kind, Replayed, replay
from tests.engine.state.journals import NOW, Journal, journals, resource, urn

Entry = dict[str, Any]


def journal(*entries: Entry) -> list[Entry]:
    """The entries with their sequence numbers, and an operation of their own where they name none."""
    return [
        {"version": 1, "sequenceID": number, "operationID": number, **entry}
        for number, entry in enumerate(entries, start=1)
    ]


def base(*names: str, **more: Any) -> dict[str, Any]:
    return {"resources": [resource(name) for name in names], **more}


def replayed(before: dict[str, Any] | None, *entries: Entry) -> Replayed:
    return replay(before, journal(*entries), now=NOW, engine="v3.259.0")


def names(state: Replayed) -> list[str]:
    return [found["urn"].rpartition("::")[2] for found in state.deployment.get("resources") or ()]


def success(**more: Any) -> Entry:
    return {"kind": Kind.SUCCESS, **more}


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        pytest.param([], ["a", "b", "c"], id="nothing happened"),
        pytest.param([success(state=resource("n"))], ["n", "a", "b", "c"], id="new ones come first"),
        pytest.param([success(state=resource("b"), removeOld=1)], ["b", "a", "c"], id="same or updated"),
        pytest.param([success(removeOld=1)], ["a", "c"], id="deleted"),
        pytest.param(
            [success(state=resource("n")), success(removeNew=1)], ["a", "b", "c"], id="made and deleted"
        ),
        pytest.param([{"kind": Kind.FAILURE, "state": resource("n")}], ["a", "b", "c"], id="failed"),
        pytest.param(
            [{"kind": Kind.REFRESH_SUCCESS, "removeOld": 0}], ["b", "c"], id="gone, says the refresh"
        ),
        pytest.param(
            [{"kind": Kind.REFRESH_SUCCESS, "removeOld": 0, "state": resource("a", id="new")}],
            ["a", "b", "c"],
            id="refreshed in its place",
        ),
        pytest.param(
            [{"kind": Kind.OUTPUTS, "removeOld": 1, "state": resource("b", id="new")}],
            ["a", "b", "c"],
            id="outputs of an old one",
        ),
        pytest.param(
            [{"kind": Kind.OUTPUTS, "removeOld": 1, "state": resource("b")}, success(removeOld=1)],
            ["a", "c"],
            id="outputs, then deleted",
        ),
        pytest.param([{"kind": Kind.WRITE, "newSnapshot": base("x")}], ["x"], id="another base"),
    ],
)
def test_which_resources_are_left_and_in_which_order(entries: list[Entry], left: list[str]) -> None:
    assert names(replayed(base("a", "b", "c"), *entries)) == left


def test_an_update_that_was_cut_short_leaves_no_trace_of_what_it_did_before() -> None:
    before = base(pending_operations=[{"type": "updating", "resource": resource("a")}])
    assert "pending_operations" not in replayed(before).deployment


def test_a_create_that_was_cut_short_stays_until_somebody_settles_it() -> None:
    unfinished = {"kind": Kind.BEGIN, "operation": {"type": "creating", "resource": resource("n")}}
    first = replayed(base("a"), unfinished)
    assert first.deployment["pending_operations"] == [unfinished["operation"]]
    later = replayed(
        first.deployment, {**unfinished, "operationID": 1}, success(operationID=1, state=resource("n"))
    )
    assert later.deployment["pending_operations"] == [unfinished["operation"]]


@pytest.mark.parametrize(
    ("mark", "flag"), [("delete", "delete"), ("pendingReplacement", "pendingReplacement")], ids=str
)
def test_a_replaced_resource_is_marked_wherever_it_is(mark: str, flag: str) -> None:
    state = replayed(
        base("a", "b"),
        success(state=resource("n")),
        success(**{f"{mark}Old": 1}),
        success(**{f"{mark}New": 1}),
    )
    marked = {
        found["urn"].rpartition("::")[2]: found.get(flag, False) for found in state.deployment["resources"]
    }
    assert marked == {"n": True, "a": False, "b": True}


def test_a_refreshed_state_is_not_marked_by_what_was_said_of_the_old_one() -> None:
    refreshed = {"kind": Kind.REFRESH_SUCCESS, "removeOld": 0, "state": resource("a", id="new")}
    state = replayed(base("a"), refreshed, success(deleteOld=0))
    assert state.deployment["resources"] == [resource("a", id="new")]


def test_after_a_refresh_nothing_refers_to_what_is_gone() -> None:
    a, b = urn("a"), urn("b")
    dependent = resource(
        "c",
        dependencies=[a, b],
        propertyDependencies={"x": [b], "y": [a, b]},
        replaceWith=[a, b],
        deletedWith=b,
        parent=b,
    )
    before = {"resources": [resource("a"), resource("b"), dependent]}
    state = replayed(before, {"kind": Kind.REFRESH_SUCCESS, "removeOld": 1})
    assert state.deployment["resources"] == [
        resource("a"),
        resource("c", dependencies=[a], propertyDependencies={"y": [a]}, replaceWith=[a]),
    ]


def test_indices_after_a_rebuilt_base_mean_what_the_refresh_left() -> None:
    state = replayed(
        base("a", "b", "c"),
        {"kind": Kind.REFRESH_SUCCESS, "removeOld": 0},
        {"kind": Kind.REBUILT_BASE_STATE},
        success(removeOld=0),
    )
    assert names(state) == ["c"]


def test_references_by_a_former_name_become_references_by_todays() -> None:
    parent = resource("new", aliases=[urn("old")])
    child = {**resource("child"), "urn": urn("child", "pkg:m:A$pkg:m:A"), "parent": urn("old")}
    other = resource("other", type="pkg:m:B", dependencies=[urn("old")], provider=f"{urn('old')}::id")
    state = replayed({"resources": [child, other]}, success(state=parent))
    found = {res["urn"].rpartition("::")[2]: res for res in state.deployment["resources"]}
    assert "aliases" not in found["new"]
    assert found["child"]["parent"] == urn("new")
    assert found["other"]["dependencies"] == [urn("new")]
    assert found["other"]["provider"] == f"{urn('new')}::id"


def test_a_resource_under_a_parent_of_another_type_gets_the_urn_that_goes_with_it() -> None:
    parent = resource("parent", type="pkg:m:B", aliases=[urn("parent", "pkg:m:A")])
    child = {**resource("child"), "urn": urn("child", "pkg:m:A$pkg:m:A"), "parent": urn("parent", "pkg:m:A")}
    state = replayed({"resources": [child]}, success(state=parent))
    assert state.deployment["resources"][1]["urn"] == urn("child", "pkg:m:B$pkg:m:A")


def test_extensions_of_the_base_and_of_the_journal_are_kept() -> None:
    new = {"kind": Kind.EXTENSION_PARAMETERIZE, "extensionRef": "r", "extension": {"name": "n"}}
    state = replayed(base(extensions={"b": {"name": "base"}}), new)
    assert state.deployment["extensions"] == {"r": {"name": "n"}, "b": {"name": "base"}}


@pytest.mark.parametrize(
    ("more", "feature"),
    [
        ({"refreshBeforeUpdate": True}, "refreshBeforeUpdate"),
        ({"viewOf": urn("x")}, "views"),
        ({"resourceHooks": {"beforeCreate": ["hook"]}}, "hooks"),
        ({"taint": True}, "taint"),
        ({"replaceWith": [urn("x")]}, "replaceWith"),
        ({"extensionRef": "r"}, "extensionParameterization"),
        ({"snippetID": "s"}, "snippets-prototype"),
    ],
)
def test_a_deployment_says_which_features_it_uses(more: dict[str, Any], feature: str) -> None:
    plain = replayed(base("a"))
    assert (plain.schema, plain.features) == (3, ())
    state = replayed(base("a"), success(state=resource("n", **more)))
    assert (state.schema, state.features) == (4, (feature,))


def test_strings_that_are_no_text_and_snippets_are_features_too() -> None:
    assert replayed(base("a"), success(requiresByteString=True)).features == ("byteString",)
    assert replayed(None, {"kind": Kind.SNIPPETS, "snippets": [{"uuid": "s"}]}).features == (
        "snippets-prototype",
    )


def test_the_manifest_names_the_engine_in_the_way_that_engines_check() -> None:
    manifest = replayed(None).deployment["manifest"]
    assert manifest == {
        "time": "2026-11-22T00:00:00.000000Z",
        "magic": hashlib.sha256(b"v3.259.0").hexdigest(),
        "version": "v3.259.0",
    }
    kept = replay({"manifest": manifest}, [], now=datetime(2027, 1, 1, tzinfo=UTC), engine="")
    assert kept.deployment["manifest"] == manifest


def test_an_entry_about_nothing_changes_nothing_and_is_told() -> None:
    odd = [success(removeNew=99), success(deleteNew=99), {"kind": Kind.OUTPUTS, "removeNew": 99, "state": {}}]
    state = replayed(base("a"), *odd)
    assert names(state) == ["a"]
    assert len(state.oddities) == len(odd)
    assert "99" in state.oddities[0]


@given(journals(), st.randoms())
def test_batches_may_come_in_any_cut_order_and_number(drawn: Journal, random: Any) -> None:
    before, entries = drawn
    expected = replay(before, entries, now=NOW, engine="v1")
    shuffled = [*entries, *random.sample(entries, len(entries) // 2)]
    random.shuffle(shuffled)
    assert replay(before, shuffled, now=NOW, engine="v1") == expected


@given(journals())
def test_an_engines_journal_is_never_odd_and_changes_nothing_that_it_is_given(drawn: Journal) -> None:
    before, entries = drawn
    original = copy.deepcopy((before, entries))
    state = replay(before, entries, now=NOW, engine="v1")
    assert state.oddities == ()
    assert (before, entries) == original
    assert (state.schema == 4) == bool(state.features)


@given(journals())
def test_every_prefix_of_a_journal_has_a_meaning(drawn: Journal) -> None:
    before, entries = drawn
    for length in range(len(entries) + 1):
        replay(before, entries[:length], now=NOW, engine="v1")


@given(journals())
def test_replaying_what_was_replayed_changes_nothing_more(drawn: Journal) -> None:
    before, entries = drawn
    once = replay(before, entries, now=NOW, engine="v1")
    twice = replay(once.deployment, [], now=NOW, engine="v1")
    assert twice.deployment.get("resources") == once.deployment.get("resources")
    left = [op for op in once.deployment.get("pending_operations") or () if op["type"] == "creating"]
    assert (twice.deployment.get("pending_operations") or []) == left


@given(journals())
def test_what_is_left_keeps_the_order_in_which_it_was(drawn: Journal) -> None:
    before, entries = drawn
    if any(entry["kind"] in (Kind.REBUILT_BASE_STATE, Kind.WRITE) for entry in entries) or before is None:
        return
    marked = copy.deepcopy(before)
    for index, found in enumerate(marked["resources"]):
        found["importID"] = str(index)
    kept = [
        int(found["importID"])
        for found in replay(marked, entries, now=NOW, engine="v1").deployment.get("resources") or ()
        if "importID" in found
    ]
    assert all(earlier < later for earlier, later in pairwise(kept))
