"""What can't be had back is refused by name, before anything runs; all of it at once."""

from typing import Any

import pytest

from engine.past.drift import UNKNOWN
from engine.past.opened import ARCHIVE, ASSET
from engine.rollback.refusals import refusals
from engine.rollback.translation import registrations
from engine.state.urns import SIGNATURE
from tests.engine.past.sealed import seal, unseal
from tests.engine.state.journals import resource, urn

ORDER = "tic:acme/order:Order"
TEXT = {SIGNATURE: ASSET, "text": "hello", "hash": "1"}


def refused(*resources: dict[str, Any], now: dict[str, Any] | None = None) -> list[str]:
    then = {"resources": list(resources)}
    return [str(each) for each in refusals(then, now or {}, registrations(then, now or {}, unseal))]


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"code": {SIGNATURE: ASSET, "path": "./code.js", "hash": "1"}}, "code is the file ./code.js"),
        ({"a": [{SIGNATURE: ARCHIVE, "uri": "u", "hash": "1"}]}, "a[0] is the archive u"),
        ({"a": {SIGNATURE: ASSET, "hash": "1"}}, "a is the file that it was made from"),
        ({"a": seal({"b": UNKNOWN})}, "a.b was not known yet"),
        (
            {"a": {SIGNATURE: ARCHIVE, "assets": {"x": {SIGNATURE: ASSET, "path": "p"}}, "hash": "1"}},
            "a.x is the file p",
        ),
    ],
)
def test_an_input_that_the_state_does_not_hold(inputs: dict[str, Any], why: str) -> None:
    (found,) = refused(resource("one", inputs=inputs))
    assert found.startswith(f"pkg:m:A one: its input {why}")


def test_texts_as_assets_are_in_the_state() -> None:
    whole = {SIGNATURE: ARCHIVE, "assets": {"x": TEXT}, "hash": "1"}
    assert refused(resource("one", inputs={"a": TEXT, "b": whole, "c": "text"})) == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"resourceHooks": {"beforeCreate": ["ask"]}}, "hooks, which are code"),
        ({"extensionRef": "reference"}, "its provider is extended"),
        ({"snippetID": "1"}, "a snippet makes it"),
        ({"type": "pulumi-python:dynamic:Resource"}, "does not hold the code"),
    ],
)
def test_what_only_the_program_has(more: dict[str, Any], why: str) -> None:
    (found,) = refused(resource("one", **more))
    assert why in found


def test_a_dynamic_resource_with_its_code_and_one_that_was_read_are_no_matter() -> None:
    dynamic = resource("one", type="pulumi-python:dynamic:Resource", inputs={"__provider": seal("code")})
    assert refused(dynamic, resource("two", external=True)) == []


def test_an_event_is_refused_once_it_has_happened_again() -> None:
    then = resource("one", type=ORDER, created="1", modified="1")
    for now in ([], [{**then, "modified": "2"}], [{**then, "id": "other"}], [{**then, "delete": True}]):
        (found,) = refused(then, now={"resources": now})
        assert found.startswith(f"{ORDER} one: an order is something that happened")
        assert "renewed forward: tic stack up" in found
    assert refused(then, now={"resources": [then]}) == []


def test_a_package_made_from_a_parameter_is_refused() -> None:
    provider = {
        "urn": urn("default", "pulumi:providers:pkg"),
        "type": "pulumi:providers:pkg",
        "custom": True,
        "id": "1",
        "inputs": {"version": "1.0.0", "__internal": {"parameterization": "AA=="}},
    }
    assert refused(provider) == [
        "pulumi:providers:pkg default: its package is made from a parameter that the program gives"
    ]


def test_everything_is_named_at_once() -> None:
    assert len(refused(resource("a", inputs={"x": UNKNOWN, "y": UNKNOWN}), resource("b", type=ORDER))) == 3
