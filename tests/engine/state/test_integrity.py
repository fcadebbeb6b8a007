"""A state that the engine would refuse: seen, and repaired as the engine's own CLI repairs one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.state.integrity import fault, mended, repair
from engine.state.replay import Replayed
from tests.engine.state.journals import deployments, resource, urn

GROUP = "pkg:m:Group"


def in_group(name: str, **more: Any) -> dict[str, Any]:
    return {**resource(name, **more), "urn": urn(name, f"{GROUP}$pkg:m:A"), "parent": urn("g", GROUP)}


def replayed(*resources: dict[str, Any]) -> Replayed:
    return Replayed({"manifest": {}, "resources": list(resources)}, 3, ())


def test_a_sound_state_is_left_as_it_is() -> None:
    state = replayed(resource("g", type=GROUP), in_group("a"), resource("b", dependencies=[urn("g", GROUP)]))
    assert mended(state) is state


def test_what_comes_before_what_it_needs_is_put_behind_it() -> None:
    a, b, c = resource("a"), resource("b", dependencies=[urn("a")]), resource("c", deletedWith=urn("b"))
    assert fault([c, b, a]) == f"{urn('c')} refers to {urn('b')}, which is not before it"
    assert repair([c, b, a]) == [a, b, c]


def test_a_child_whose_parent_is_gone_stands_alone_under_a_urn_of_its_own() -> None:
    child = in_group("a", dependencies=[urn("gone")])
    grandchild = {
        **resource("b", dependencies=[child["urn"]]),
        "urn": urn("b", f"{GROUP}$pkg:m:A$pkg:m:A"),
        "parent": child["urn"],
    }
    state = mended(replayed(child, grandchild))
    assert state.deployment["resources"] == [
        resource("a"),
        {
            **resource("b", dependencies=[urn("a")]),
            "urn": urn("b", "pkg:m:A$pkg:m:A"),
            "parent": urn("a"),
        },
    ]
    assert "it was repaired" in state.oddities[0]


def test_one_that_is_to_be_deleted_refers_to_the_old_ones() -> None:
    old_a, new_a = resource("a", delete=True), resource("a", id="new")
    old_b = resource("b", dependencies=[urn("a")], delete=True)
    new_b = resource("b", id="new", dependencies=[urn("a")])
    assert repair([new_b, old_b, new_a, old_a]) == [new_a, new_b, old_a, old_b]


@pytest.mark.parametrize(
    "broken",
    [
        [resource("a"), resource("a", id="other")],
        [resource("a", provider=f"{urn('p', 'pulumi:providers:pkg')}::id")],
        [resource("a", dependencies=[urn("b")]), resource("b", dependencies=[urn("a")])],
    ],
    ids=["one URN twice", "a provider that is gone", "a circle"],
)
def test_what_can_not_be_repaired_is_kept_as_it_came_and_told(broken: list[dict[str, Any]]) -> None:
    state = mended(replayed(*broken))
    assert state.deployment["resources"] == broken
    assert "pulumi state repair" in state.oddities[0]


@given(deployments(), st.randoms())
def test_repair_leaves_nothing_that_the_engine_would_refuse(base: dict[str, Any], chance: Any) -> None:
    resources = [{**each, "delete": False} for each in base["resources"] if not each.get("provider")]
    resources = list({each["urn"]: each for each in resources}.values())
    chance.shuffle(resources)
    repaired = repair(resources)
    if repaired is not None:
        assert fault(repaired) is None
        assert len(repaired) == len(resources)
        assert repair(repaired) == repaired


def test_a_long_chain_is_no_matter_of_depth() -> None:
    chain = [resource("x0"), *(resource(f"x{n}", dependencies=[urn(f"x{n - 1}")]) for n in range(1, 3000))]
    assert repair(chain[::-1]) == chain
