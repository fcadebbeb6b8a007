"""From a version's state to registrations: each resource once, in its order, with all that it had."""

from dataclasses import asdict
from typing import Any

from hypothesis import given

from engine.rollback.registration import Options, Package, from_json, to_json
from engine.rollback.translation import registrations
from engine.state.sealing import SECRET
from engine.state.urns import ROOT_STACK, SIGNATURE
from tests.engine.past.sealed import seal, unseal
from tests.engine.state.journals import deployments, resource, urn

ROOT = {"urn": urn("proj-dev", ROOT_STACK), "type": ROOT_STACK, "custom": False}
DEFAULT = {
    "urn": urn("default_1_2_3", "pulumi:providers:pkg"),
    "type": "pulumi:providers:pkg",
    "custom": True,
    "id": "number",
    "inputs": {
        "version": "1.2.3",
        "__internal": {"pluginDownloadURL": "https://plugins.example", "pluginChecksums": {"linux": "00ff"}},
    },
}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resources": [ROOT, *resources]}


@given(deployments())
def test_every_resource_is_registered_once_and_what_waits_to_go_is_not(deployment: dict[str, Any]) -> None:
    plan = registrations(deployment, {}, unseal)
    living = [each for each in deployment["resources"] if not each.get("delete") and not each.get("viewOf")]
    assert [each.urn for each in plan] == [each["urn"] for each in living]


@given(deployments(), deployments())
def test_a_plan_survives_its_way_to_the_program_host(then: dict[str, Any], now: dict[str, Any]) -> None:
    plan = registrations(then, now, unseal)
    assert from_json(to_json(plan)) == plan


def test_a_default_provider_is_named_by_its_package_and_not_registered() -> None:
    of_default = resource("a", provider=f"{DEFAULT['urn']}::number")
    (_root, found) = registrations(state(DEFAULT, of_default), {}, unseal)
    assert found.provider == ""
    assert found.package == Package("1.2.3", "https://plugins.example", {"linux": "00ff"})


def test_an_explicit_provider_is_registered_and_referred_to() -> None:
    provider = {**DEFAULT, "urn": urn("mine", "pulumi:providers:pkg")}
    of_it = resource("a", provider=f"{provider['urn']}::number")
    (_root, registered, found) = registrations(state(provider, of_it), {}, unseal)
    assert registered.inputs == provider["inputs"]
    assert (found.provider, found.package) == (provider["urn"], Package())
    assert provider["urn"] in found.needs


def test_options_of_every_kind_are_kept() -> None:
    other = urn("b")
    had = resource(
        "a",
        parent=ROOT["urn"],
        protect=True,
        retainOnDelete=True,
        deletedWith=other,
        replaceWith=[other],
        ignoreChanges=["x"],
        replaceOnChanges=["y"],
        hideDiff=[["list", 0, "a.b"]],
        additionalSecretOutputs=["key"],
        customTimeouts={"create": 90.0, "update": 0, "delete": 1.5},
        replacementTrigger=seal("canary"),
        dependencies=[other],
        propertyDependencies={"x": [other], "y": None},
    )
    (found,) = [each for each in registrations(state(resource("b"), had), {}, unseal) if each.name == "a"]
    assert found.options == Options(
        protect=True,
        retain_on_delete=True,
        deleted_with=other,
        replace_with=(other,),
        ignore_changes=("x",),
        replace_on_changes=("y",),
        hide_diffs=('list[0]["a.b"]',),
        additional_secret_outputs=("key",),
        custom_timeouts={"create": "90s", "delete": "1.5s"},
        replacement_trigger={SIGNATURE: SECRET, "value": "canary"},
    )
    assert found.property_dependencies == {"x": (other,), "y": ()}
    assert found.parent == ROOT["urn"]
    assert "canary" not in repr(found)


def test_what_has_another_name_today_is_taken_over_under_the_old_one() -> None:
    then, now = state(resource("old")), state({**resource("new"), "id": "id-old"})
    (_root, found) = registrations(then, now, unseal)
    assert found.options.aliases == (urn("new"),)


def test_choices_of_a_provider_for_a_thing_that_is_gone_are_not_repeated() -> None:
    inputs = {"label": "l-1", "__defaults": ["label"]}
    then = state(resource("a", inputs=inputs))
    other = {**resource("a", inputs={"label": "l-2", "__defaults": ["label"]}), "id": "another"}
    assert registrations(then, state(other), unseal)[1].inputs == {}
    same = resource("a", inputs={"label": "l-2", "__defaults": ["label"]})
    assert registrations(then, state(same), unseal)[1].inputs == {"label": "l-1"}


def test_a_component_keeps_its_outputs_and_their_links() -> None:
    component = {
        **resource("c", outputs={"id": "id-a", "key": seal("canary")}),
        "custom": False,
        "id": "",
    }
    plan = registrations(state(component, resource("a", parent=component["urn"])), {}, unseal)
    (found,) = [each for each in plan if each.name == "c"]
    assert [asdict(link) for link in found.output_links] == [
        {"target": ("id",), "sources": ({"urn": urn("a"), "path": ()},)}
    ]
    assert found.outputs["key"] == {SIGNATURE: SECRET, "value": "canary"}
