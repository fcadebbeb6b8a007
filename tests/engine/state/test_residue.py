"""What the engine sends is stored without the run's secrets, and still means what it meant."""

import base64
from typing import Any

import orjson
import pytest

from engine.state.residue import Residue, redact, seal_deployment, seal_entry, summary
from engine.state.sealing import SECRET, opened_value
from engine.state.sieve import Sieve
from engine.state.urns import SIGNATURE
from tests.engine.state.conftest import Wax
from tests.engine.state.journals import resource

CANARY = "canary-0123456789abcdef"
ASSET = "c44067f5952c0a294b673a41bacd8c17"


def encrypt(plaintext: bytes) -> str:
    """Not sealed, but unreadable to whoever searches for the canary."""
    return base64.b64encode(plaintext[::-1]).decode()


def plain(sealed: Any) -> Any:
    assert sealed[SIGNATURE] == SECRET
    return orjson.loads(base64.b64decode(sealed["ciphertext"])[::-1])


def cleaned(entry: dict[str, Any]) -> tuple[dict[str, Any], list[Residue]]:
    found: list[Residue] = []
    result = seal_entry(entry, Sieve([CANARY.encode()]), encrypt, found.append)
    assert CANARY not in orjson.dumps(result).decode()
    return result, found


def test_a_property_that_holds_a_secret_becomes_one() -> None:
    state = resource("a", inputs={"key": CANARY, "safe": "text", "env": [{"K": f"K={CANARY}"}]})
    result, found = cleaned({"state": state})
    inputs = result["state"]["inputs"]
    assert inputs["safe"] == "text"
    assert plain(inputs["key"]) == CANARY
    assert plain(inputs["env"][0]["K"]) == f"K={CANARY}"
    assert [residue.path for residue in found] == ["inputs.key", "inputs.env[0].K"]
    assert all(residue.urn == state["urn"] and residue.sealed for residue in found)


@pytest.mark.parametrize("where", ["operation", "newSnapshot", "pending"])
def test_every_resource_of_an_entry_is_looked_at(where: str) -> None:
    leaky = resource("a", outputs={"key": CANARY})
    operation = {"type": "creating", "resource": leaky}
    entries: dict[str, dict[str, Any]] = {
        "operation": {"operation": operation},
        "newSnapshot": {"newSnapshot": {"resources": [leaky]}},
        "pending": {"newSnapshot": {"pending_operations": [operation]}},
    }
    _, found = cleaned(entries[where])
    assert [residue.path for residue in found] == ["outputs.key"]


def test_what_is_sealed_already_stays_as_it_is() -> None:
    secret = {SIGNATURE: SECRET, "ciphertext": "c2VhbGVk"}
    state = resource("a", outputs={"secret": secret, "x": CANARY})
    result, _ = cleaned({"state": state})
    assert result["state"]["outputs"]["secret"] == secret


def test_a_secret_that_comes_in_plaintext_is_sealed() -> None:
    state = resource("a", outputs={"x": {SIGNATURE: SECRET, "plaintext": f'"{CANARY}"'}})
    result, _ = cleaned({"state": state})
    assert plain(result["state"]["outputs"]["x"]) == CANARY


def test_an_asset_with_a_secret_becomes_a_secret_as_a_whole() -> None:
    asset = {SIGNATURE: ASSET, "hash": "h", "text": f"key={CANARY}"}
    result, found = cleaned({"state": resource("a", inputs={"file": asset})})
    assert plain(result["state"]["inputs"]["file"]) == asset
    assert [residue.path for residue in found] == ["inputs.file"]


def test_outside_of_properties_and_in_names_it_is_redacted() -> None:
    state = {**resource("a", initErrors=[f"denied: {CANARY}"], inputs={CANARY: 1}), "id": f"id/{CANARY}"}
    result, found = cleaned({"state": state})
    assert result["state"]["id"] == "id/[secret]"
    assert result["state"]["initErrors"] == ["denied: [secret]"]
    assert result["state"]["inputs"] == {"[secret]": 1}
    assert {residue.path for residue in found} == {"id", "initErrors[0]"}
    assert not any(residue.sealed for residue in found)


def test_nothing_is_changed_where_nothing_is_found() -> None:
    deployment = {
        "resources": [resource("a", inputs={"x": [1, 2.5, None, True, {"y": "z"}]})],
        "metadata": {},
    }
    assert seal_deployment(deployment, Sieve([CANARY.encode()]), encrypt, lambda _: None) == deployment


def test_events_name_the_resource_whose_message_it_was() -> None:
    found: list[Residue] = []
    event = {"diagnosticEvent": {"urn": "urn:pulumi:dev::p::pkg:m:A::a", "message": f"no: {CANARY}!"}}
    result = redact({"events": [event]}, Sieve([CANARY.encode()]), found.append)
    assert result["events"][0]["diagnosticEvent"]["message"] == "no: [secret]!"
    assert found == [Residue("urn:pulumi:dev::p::pkg:m:A::a", "events[0].diagnosticEvent.message")]


def test_the_warning_names_provider_resource_and_property_and_no_secret() -> None:
    residue = Residue("urn:pulumi:dev::p::pulumi:providers:alicloud::main", "inputs.key", sealed=True)
    assert str(residue) == (
        "the provider alicloud repeated a credential's secret in inputs.key of pulumi:providers:alicloud "
        "'main'; it is kept sealed, as a secret"
    )
    assert "[secret]" in str(Residue("", "message"))


def test_the_summary_tells_each_property_once_however_many_events_repeat_it() -> None:
    urn = "urn:pulumi:dev::p::pkg:m:A::a"
    caught = [
        Residue(urn, "[0].resourcePreEvent.metadata.new.inputs.key"),
        Residue(urn, "[3].resOutputsEvent.metadata.new.outputs.copied[0]"),
        Residue(urn, "inputs.key", sealed=True),
        Residue(urn, "[4].diagnosticEvent.message"),
        Residue(urn, "[9].diagnosticEvent.message"),
        Residue(urn, "id"),
    ]
    assert [(each.path, each.sealed) for each in summary(caught)] == [
        ("inputs.key", True),
        ("outputs.copied[0]", False),
        ("a message", False),
        ("id", False),
    ]


def test_a_sealed_value_opens_to_what_it_was(sealing: Wax) -> None:
    value = {"list": ["text", 1, None, {"deep": True}]}
    sealed = {
        SIGNATURE: SECRET,
        "ciphertext": base64.b64encode(sealing.seal("stack:7", orjson.dumps(value))).decode(),
    }
    assert opened_value({"x": [sealed]}, sealing, 7) == {"x": [value]}
