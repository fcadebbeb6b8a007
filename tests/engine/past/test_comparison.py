"""Two states of a stack compared: each resource once, in one order, and no secret in the answer."""

from dataclasses import asdict
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from engine.past.changes import Change
from engine.past.comparison import Comparison, ResourceChange, Side, compare
from engine.past.opened import opened
from engine.past.settings import recorded
from engine.state.urns import ROOT_STACK
from tests.engine.past.sealed import resealed, seal, sealed_bytes, unseal, values
from tests.engine.state.journals import deployments, resource, urn

PROPERTIES = st.dictionaries(st.sampled_from("abc"), values(), max_size=2)


def side(*resources: dict[str, Any], **config: Any) -> Side:
    return Side({"resources": list(resources)}, opened(config, unseal))


def root(**outputs: Any) -> dict[str, Any]:
    return {"urn": urn("proj-dev", ROOT_STACK), "type": ROOT_STACK, "custom": False, "outputs": outputs}


@st.composite
def sides(draw: st.DrawFn) -> Side:
    deployment = draw(deployments())
    for each in deployment["resources"]:
        each["inputs"], each["outputs"] = draw(PROPERTIES), draw(PROPERTIES)
    deployment["resources"].insert(0, root(**draw(PROPERTIES)))
    return Side(deployment, opened(draw(PROPERTIES), unseal))


def turned(kind: str) -> str:
    return {"added": "removed", "removed": "added"}.get(kind, kind)


@given(sides())
def test_a_state_is_the_same_as_itself_sealed_anew(state: Side) -> None:
    again = Side(resealed(dict(state.deployment)), state.config)
    assert compare(state, again, unseal) == Comparison()
    assert compare(state, again, unseal).same


@given(sides(), sides())
def test_seen_from_the_other_side_the_same_differs(before: Side, after: Side) -> None:
    there, back = compare(before, after, unseal), compare(after, before, unseal)
    assert there.same == back.same
    for one, other in ((there.outputs, back.outputs), (there.config, back.config)):
        assert [(each.path, each.kind) for each in one] == [(each.path, turned(each.kind)) for each in other]
    assert {(each.former or each.urn, each.kind) for each in there.resources} == {
        (each.urn, turned(each.kind)) for each in back.resources
    }


@given(sides(), sides())
def test_no_secret_is_in_a_comparison(before: Side, after: Side) -> None:
    found = compare(before, after, unseal)
    everything = f"{found!r} {orjson.dumps(asdict(found)).decode()} {before!r}"
    assert "canary" not in everything


def test_resources_are_named_in_one_order() -> None:
    before = side(resource("c", inputs={"x": 1}), resource("a"), resource("gone"))
    after = side(resource("new"), resource("a"), resource("c", inputs={"x": 2}))
    assert [(each.name, each.kind) for each in compare(before, after, unseal).resources] == [
        ("c", "changed"),
        ("gone", "removed"),
        ("new", "added"),
    ]


def test_a_resource_that_was_replaced_says_so() -> None:
    before = resource("a", inputs={"key": 1}, outputs={"key": 1})
    after = {**resource("a", inputs={"key": 2}, outputs={"key": 2}), "id": "other", "protect": True}
    (change,) = compare(side(before), side(after), unseal).resources
    assert change.replaced
    assert change.aspects == (
        Change("id", "changed", "id-a", "other"),
        Change("protect", "added", None, after=True),
    )
    assert change.inputs == change.outputs == (Change("key", "changed", 1, 2),)


def test_a_resource_with_another_name_is_the_same_thing_under_its_id() -> None:
    before, after = resource("old"), {**resource("new"), "id": "id-old"}
    (change,) = compare(side(before), side(after), unseal).resources
    assert change == ResourceChange(urn("new"), "changed", former=urn("old"))


def test_what_waits_to_be_deleted_and_times_are_no_difference() -> None:
    before = resource("a", modified="yesterday", sourcePosition="project:///one.py#1")
    after = resource("a", modified="today", sourcePosition="project:///two.py#2")
    waiting = {**resource("a"), "id": "another", "delete": True}
    assert compare(side(before), side(waiting, after), unseal).same


def test_a_provider_that_was_made_anew_changes_no_resource_of_its_own() -> None:
    provider = urn("p", "pulumi:providers:pkg")
    before, after = (resource("a", provider=f"{provider}::{number}") for number in "12")
    assert compare(side(before), side(after), unseal).same


def test_outputs_of_the_stack_are_apart_and_secrets_among_them_hidden() -> None:
    before, after = root(port=1, key=seal("canary-one")), root(port=2, key=seal("canary-two"))
    found = compare(side(before), side(after), unseal)
    assert found.resources == ()
    assert found.outputs == (
        Change("key", "changed", "[secret]", "[secret]", secret=True),
        Change("port", "changed", 1, 2),
    )


def test_configuration_is_compared_by_what_it_means() -> None:
    def kept(password: str, **more: Any) -> dict[str, Any]:
        secret = {"string": sealed_bytes(password.encode()), "secret": True, "object": False}
        text = orjson.dumps({"list": [1], "deep": {"secure": sealed_bytes(b"canary-deep")}}).decode()
        nested = {"string": text, "secret": True, "object": True}
        return recorded({"p:pw": secret, "p:obj": nested, **more}, unseal)

    plain = {"string": "1", "secret": False, "object": False}
    before, again = Side({}, kept("canary-one")), Side({}, kept("canary-one"))
    assert compare(before, again, unseal).same
    found = compare(before, Side({}, kept("canary-two", **{"p:n": plain})), unseal)
    assert found.config == (
        Change("p:n", "added", None, "1"),
        Change("p:pw", "changed", "[secret]", "[secret]", secret=True),
    )
