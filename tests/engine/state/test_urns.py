"""URNs: their parts, and what a renamed stack does to them."""

from typing import Any

import pytest

from engine.state.urns import RESOURCE_REFERENCE, SIGNATURE, Renaming, Urn, parse
from tests.engine.state.journals import resource, urn

RENAMING = Renaming(before=("proj", "dev"), after=("new", "prod"))


def test_a_name_may_hold_the_separator() -> None:
    parts = parse("urn:pulumi:dev::proj::a:b:C$d:e:F::name::with::colons")
    assert parts == Urn("dev", "proj", "a:b:C$d:e:F", "name::with::colons")
    assert parts.type == "d:e:F"
    assert str(parts) == "urn:pulumi:dev::proj::a:b:C$d:e:F::name::with::colons"


@pytest.mark.parametrize("text", ["", "urn:pulumi:dev::proj::type", "a-unique-urn", "dev::proj::t::n"])
def test_what_is_no_urn_has_no_parts(text: str) -> None:
    assert parse(text) is None
    assert RENAMING.urn(text) == text


def test_a_renamed_stack_names_its_root_by_its_new_name() -> None:
    root = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
    assert RENAMING.urn(root) == "urn:pulumi:prod::new::pulumi:pulumi:Stack::new-prod"


def test_urns_of_other_stacks_stay() -> None:
    assert RENAMING.urn(urn("a", stack="other")) == urn("a", stack="other")


def test_every_reference_of_a_deployment_is_renamed() -> None:
    def of(name: str, project: str = "proj", stack: str = "dev") -> str:
        return f"urn:pulumi:{stack}::{project}::pkg:m:A::{name}"

    def deployment(project: str, stack: str) -> dict[str, Any]:
        def here(name: str) -> str:
            return of(name, project, stack)

        found = {
            **resource("a"),
            "urn": here("a"),
            "parent": here("p"),
            "deletedWith": here("d"),
            "viewOf": here("v"),
            "dependencies": [here("x"), of("foreign", stack="other")],
            "replaceWith": [here("r")],
            "propertyDependencies": {"k": [here("x")]},
            "aliases": [here("old")],
            "provider": f"{here('prov')}::id",
            "inputs": {
                "ref": [{SIGNATURE: RESOURCE_REFERENCE, "urn": here("x"), "id": "1"}],
                "text": of("x"),
            },
        }
        return {"resources": [found], "pending_operations": [{"type": "creating", "resource": found}]}

    assert RENAMING.deployment(deployment("proj", "dev")) == deployment("new", "prod")
