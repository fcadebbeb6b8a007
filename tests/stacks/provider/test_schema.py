"""The schema: complete, documented, and in the form that Pulumi's tools read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.provider.catalogue import RESOURCES
from stacks.provider.component.issued_certificate import TOKEN as COMPONENT
from stacks.provider.schema import schema

SCHEMA: dict[str, Any] = json.loads(schema("1.2.3"))


def _properties(where: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in ("inputProperties", "properties"):
        yield from where.get(part, {}).values()


def test_every_resource_property_type_and_function_is_described() -> None:
    """C1."""
    described = [*SCHEMA["resources"].values(), *SCHEMA["types"].values(), *SCHEMA["functions"].values()]
    for each in described:
        assert each["description"].endswith(".")
        for one in _properties(each):
            assert one["description"].endswith("."), one
    for function in SCHEMA["functions"].values():
        for one in (*_properties(function["inputs"]), *_properties(function["outputs"])):
            assert one["description"].endswith(".")


def test_all_resources_are_there_and_only_the_component_is_a_component() -> None:
    assert set(SCHEMA["resources"]) == {*RESOURCES, COMPONENT}
    assert [token for token, each in SCHEMA["resources"].items() if each.get("isComponent")] == [COMPONENT]


def test_references_lead_to_types_that_exist() -> None:
    references = {text.removeprefix("#/types/") for text in _strings(SCHEMA) if text.startswith("#/types/")}
    assert references == set(SCHEMA["types"])


@pytest.mark.parametrize("token", [*RESOURCES, COMPONENT])
def test_private_keys_are_secret_everywhere(token: str) -> None:
    """E4."""
    for part in ("inputProperties", "properties"):
        for name, each in SCHEMA["resources"][token][part].items():
            if name in {"privateKeyPem", "accountKeyPem"}:
                assert each["secret"] is True
            else:
                assert "secret" not in each


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
