"""Which certificate a new order says that it replaces (RFC 9773 5)."""

from typing import Any

import pytest

from stacks.broker import StateResource
from stacks.provider.acme.certificates import renewal_id
from stacks.provider.acme.predecessor import predecessor
from tests.stacks.provider.acme.chains import chain

CHAIN = chain("a.test", "b.test")
DIRECTORY = {"renewalInfo": "https://ca.test/renewal-info"}
STATE = {
    "directoryUrl": "https://ca.test/dir",
    "accountUri": "https://ca.test/account/1",
    "domains": ["a.test", "b.test"],
    "orderUrl": "https://ca.test/order/1",
}


def asked(
    *, held: bool = True, directory: dict[str, Any] = DIRECTORY, pem: Any = CHAIN.certificate, **inputs: Any
) -> str | None:
    outputs = {"orderUrl": STATE["orderUrl"], "certificatePem": pem}
    resources = [StateResource("urn", "site", {}, outputs)] if held else []
    given = {"directoryUrl": STATE["directoryUrl"], "accountUri": STATE["accountUri"], "domains": ["a.test"]}
    state = {**STATE, **({} if held else {"replaces": "of.before"})}
    return predecessor(resources, state, {**given, **inputs}, directory)


def test_the_certificate_that_came_out_of_the_order_before_is_named() -> None:
    assert asked() == renewal_id(CHAIN.certificate)


def test_an_order_that_came_to_nothing_hands_on_what_it_was_to_replace() -> None:
    """C3. Killed after the order, dead before the certificate: the next order knows as much."""
    assert asked(held=False) == "of.before"


@pytest.mark.parametrize(
    "other",
    [
        {"directory": {}},
        {"directoryUrl": "https://other.test/dir"},
        {"accountUri": "https://ca.test/account/2"},
        {"domains": ["c.test"]},
        {"pem": None},
        {"pem": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"},
    ],
)
def test_what_the_ca_would_not_know_as_one_is_not_named(other: dict[str, Any]) -> None:
    """Another CA's, another account's, of other names; or a CA without renewal information."""
    assert asked(**other) is None
