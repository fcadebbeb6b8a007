"""Which resources are reached through a binding, told from the state."""

from typing import Any

from engine.binding_use import slots_of, users, variables


def resource(type_: str, name: str, **inputs: Any) -> dict[str, Any]:
    custom = type_ != "pulumi:pulumi:Stack"
    return {
        "type": type_,
        "urn": f"urn:pulumi:dev::site::{type_}::{name}",
        "custom": custom,
        "inputs": inputs,
    }


MAPPED = {"__internal": {"envVarMappings": {"PROD_ALICLOUD_ACCESS_KEY": "ALICLOUD_ACCESS_KEY"}}}
OWN = resource("pulumi:providers:alicloud", "default_4_0_0", version="4.0.0")
OTHER = resource("pulumi:providers:alicloud", "other", **MAPPED)
RECORD = resource("tic:dns/challengeRecord:ChallengeRecord", "www", provider="cloudflare:prod")
STACK = resource("pulumi:pulumi:Stack", "site-dev")


def test_a_slot_is_used_by_the_instances_that_take_its_variables() -> None:
    assert users([STACK, OWN, OTHER], "alicloud", "prod") == ["pulumi:providers:alicloud other"]
    assert users([STACK, OWN], "alicloud", "prod") == []
    assert users([OTHER], "alicloud", "test") == users([OTHER], "tencentcloud", "prod") == []


def test_a_slot_is_used_by_the_records_that_name_it() -> None:
    assert users([RECORD], "cloudflare", "prod") == ["tic:dns/challengeRecord:ChallengeRecord www"]
    assert users([RECORD], "cloudflare", "test") == []


def test_a_providers_own_credential_is_used_by_its_instances_and_by_resources_of_tic() -> None:
    assert users([STACK, OWN, OTHER], "alicloud") == ["pulumi:providers:alicloud default_4_0_0"]
    assert users([STACK, OWN], "tencentcloud") == []
    assert users([STACK, RECORD], "rfc2136") == ["tic:dns/challengeRecord:ChallengeRecord www"]


def test_packages_that_are_not_called_as_their_kind_count_too() -> None:
    assert users([resource("pulumi:providers:azure-native", "default")], "azure") != []
    assert users([resource("pulumi:providers:gcp", "default")], "gcloud") != []


def test_a_state_of_another_shape_uses_nothing() -> None:
    for internal in (None, "x", {}, {"envVarMappings": "[secret]"}, {"envVarMappings": None}):
        assert variables({"type": "t", "inputs": {"__internal": internal}}) == frozenset()
    assert variables({"type": "t"}) == frozenset()


def test_a_state_tells_the_slots_that_it_was_made_with() -> None:
    assert slots_of([STACK, OWN, OTHER, RECORD]) == ["alicloud:prod", "cloudflare:prod"]
    by_hand = {"__internal": {"envVarMappings": {"MY_KEY": "ALICLOUD_ACCESS_KEY", "A_B_X": "X", "P": 1}}}
    assert slots_of([resource("pulumi:providers:alicloud", "other", **by_hand)]) == []
    assert slots_of([resource("pulumi:providers:random", "other", **MAPPED), {"type": "tic:a:B"}]) == []
