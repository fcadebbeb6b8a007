"""C2: two credentials of one provider in one stack, told apart by names of variables."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import kinds, slots
from credentials.delivery import for_stack
from credentials.slots import BadSlot
from tests.credentials.test_delivery import KUBECONFIG, files, opened, shown

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,29}", fullmatch=True)
TEMPORARY = opened("alicloud", access_key="LTAI1", secret_key="k1", security_token="t1", region="cn-beijing")
LASTING = opened("alicloud", access_key="LTAI2", secret_key="k2")


@given(NAMES, NAMES)
def test_different_slots_have_different_variables(one: str, other: str) -> None:
    assert (slots.mark(one) == slots.mark(other)) == (one == other)


@given(st.sampled_from(kinds.names()), st.just("") | NAMES)
def test_a_key_says_kind_and_slot(kind: str, slot: str) -> None:
    assert slots.parts(slots.key(kind, slot)) == (kind, slot)


@given(st.text(alphabet=string.printable, max_size=40))
def test_a_name_is_taken_or_refused_with_the_rule(name: str) -> None:
    try:
        checked = slots.checked(name)
    except BadSlot as refused:
        checked = None
        hint, code = refused.hint, refused.exit_code
    if checked is None:
        assert (code, "--as" in hint) == (2, True)
    else:
        assert checked == name
        assert slots.mark(name).isidentifier()


@pytest.mark.parametrize("kind", kinds.names())
def test_whatever_a_run_gets_of_a_kind_can_be_mapped(kind: str) -> None:
    mapping = slots.mapping(kind, "prod")
    assert all(source == f"PROD_{target}" for source, target in mapping.items())
    known = kinds.load(kind)
    assert {name for one in known.fields for name in one.env} <= set(mapping.values())


def test_a_slots_variables_have_its_name_and_the_providers_own_stay_as_they_are() -> None:
    delivery = for_stack([("", LASTING), ("prod-eu", opened("alicloud", access_key="A", secret_key="s"))])
    assert shown(delivery.variables) == {
        "ALICLOUD_ACCESS_KEY": "LTAI2",
        "ALICLOUD_SECRET_KEY": "k2",
        "PROD_EU_ALICLOUD_ACCESS_KEY": "A",
        "PROD_EU_ALICLOUD_SECRET_KEY": "s",
    }
    assert set(delivery.secrets) == {b"k2", b"s"}


def test_no_token_of_the_providers_own_credential_goes_with_the_key_of_a_slot() -> None:
    """Pulumi overlays what is set alone, so what the slot does not fill is empty; a region is shared."""
    variables = shown(for_stack([("", TEMPORARY), ("prod", LASTING)]).variables)
    assert variables["PROD_ALICLOUD_SECURITY_TOKEN"] == ""
    assert "PROD_ALICLOUD_REGION" not in variables
    assert variables["ALICLOUD_SECURITY_TOKEN"] == "t1"


def test_a_slots_files_are_beside_the_providers_own() -> None:
    own = opened("kubernetes", kubeconfig=KUBECONFIG)
    delivery = for_stack([("", own), ("prod", opened("kubernetes", server="https://k", token="t"))])
    assert files(delivery) == {("KUBECONFIG",): "kubeconfig", ("PROD_KUBECONFIG",): "kubeconfig"}


def test_a_slot_of_another_provider_is_not_emptied() -> None:
    variables = shown(
        for_stack([("", TEMPORARY), ("prod", opened("cloudflare", api_token="x" * 40))]).variables
    )
    assert [name for name in variables if name.startswith("PROD_")] == ["PROD_CLOUDFLARE_API_TOKEN"]
