"""Which key a certificate has: a new one at each renewal, the one before, or one that its user has (E1)."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from stacks.errors import StackError
from stacks.provider.acme.directories import DIRECTORIES
from stacks.provider.acme.keys import make_key, read_key
from stacks.provider.acme.order import Order
from stacks.provider.acme.signing_requests import asks_for_stapling, make
from stacks.provider.acme.stapling import shortfall
from stacks.provider.properties import Change, Failure
from stacks.provider.values import UNKNOWN
from tests.servers.challtestsrv import Challtestsrv
from tests.servers.pebble import pebble
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.acme.requests_made import KEY, csr
from tests.stacks.provider.driver import Driver, State

CA = {
    "directoryUrl": "https://ca.test/dir",
    "accountUri": "https://ca.test/1",
    "accountKeyPem": make_key("ec256"),
}
STAPLED = [x509.TLSFeature([x509.TLSFeatureType.status_request])]


def failures(**inputs: Any) -> list[Failure]:
    return Order().check({**CA, "domains": ["a.test"], **inputs}).failures


def renewed(driver: Driver, order: State, **changes: Any) -> State:
    """The order of the next epoch, in its place, with its certificate kept in the state."""
    given = {**Order().given(order), "epoch": order["epoch"] + 1, **changes}
    following = driver.update(Order(), order, **given)
    driver.prove(following)
    return following


@pytest.mark.server
def test_each_renewal_has_a_new_key_unless_it_is_to_be_kept(driver: Driver) -> None:
    """And a change of mind counts from the next renewal on: it is no reason for another certificate."""
    first, _ = driver.issued("a.test")
    second = renewed(driver, first)
    assert second["privateKeyPem"] != first["privateKeyPem"]
    turned = {**Order().given(second), "keepKey": True}
    assert driver.diff(Order(), second, **turned) == {"keepKey": Change.UPDATE}
    second = driver.update(Order(), second, **turned)
    assert second["orderUrl"] == driver.update(Order(), second, **turned)["orderUrl"]
    third = renewed(driver, second)
    assert third["privateKeyPem"] == second["privateKeyPem"]
    assert driver.certificate(third)["privateKeyPem"] == second["privateKeyPem"]
    fourth = renewed(driver, third, keepKey=False)
    assert fourth["privateKeyPem"] != third["privateKeyPem"]


@pytest.mark.server
def test_a_kept_key_outlives_other_names_and_an_order_that_died_but_not_another_type(driver: Driver) -> None:
    """C3."""
    order, certificate = driver.issued("a.test", keepKey=True)
    driver.remember(certificate)
    type_ = Order()
    given = {**type_.given(order), "domains": ["a.test", "b.test"]}
    dead = driver.update(type_, order, **given)
    driver.broker.silent = True
    with pytest.raises(StackError, match="did not accept"):
        driver.prove(dead)
    driver.broker.silent = False
    assert set(driver.diff(type_, dead, **given)) == {"orderUrl"}
    again = driver.update(type_, dead, **given)
    assert again["privateKeyPem"] == dead["privateKeyPem"] == order["privateKeyPem"]
    other = driver.update(type_, again, **{**given, "keyType": "ec384"})
    assert read_key(other["privateKeyPem"]).key_size == 384


@pytest.mark.server
def test_a_kept_key_that_the_ca_does_not_take_gives_way_where_it_is_kept_no_longer(driver: Driver) -> None:
    """As one that the CA knows to be in other hands: a new key, though nothing else of the order changes."""
    order = driver.order(driver.account(), ["a.test"], keepKey=True)
    type_, given = Order(), {**Order().given(order), "keepKey": False}
    assert driver.diff(type_, order, **given) == {"keepKey": Change.UPDATE, "orderUrl": Change.UPDATE}
    assert type_.preview_update(order, type_.check(given).inputs)["orderUrl"] is UNKNOWN
    again = driver.update(type_, order, **given)
    assert again["orderUrl"] != order["orderUrl"]
    assert again["privateKeyPem"] != order["privateKeyPem"]


@pytest.mark.server
def test_the_key_of_a_revoked_certificate_is_not_kept(driver: Driver) -> None:
    """RFC 8555 7.6: it may be in other hands; and the key that comes then is kept."""
    order, certificate = driver.issued("a.test", keepKey=True)
    driver.remember(certificate, revoked=True)
    later = driver.next_run()
    following = renewed(later, order)
    assert following["privateKeyPem"] != order["privateKeyPem"]
    assert renewed(later, following)["privateKeyPem"] == following["privateKeyPem"]


@pytest.mark.server
def test_a_users_own_request_is_what_is_issued_and_no_state_holds_a_key(driver: Driver) -> None:
    """E1, E4."""
    request = csr("a.test", "*.a.test", common="a.test")
    order, certificate = driver.issued("*.a.test", "a.test", csrPem=request)
    assert order["csrPem"] == request
    assert order["privateKeyPem"] is None
    assert certificate.get("privateKeyPem") is None
    leaf = x509.load_pem_x509_certificate(certificate["certificatePem"].encode())
    assert leaf.public_key() == KEY.public_key()
    account_key = order["accountKeyPem"]
    for state in (order, certificate):
        assert "PRIVATE KEY" not in str({**state, "accountKeyPem": account_key[:0]})
    assert renewed(driver, order)["csrPem"] == request


@pytest.mark.server
def test_a_change_between_a_request_and_a_key_made_here_is_another_order(driver: Driver) -> None:
    """In both directions; and a request that says the same in other line breaks is none."""
    driver.remember(driver.issued("x.test")[1])
    made = driver.order(driver.account(), ["a.test"])
    given = Order().given(made)
    assert "csrPem" not in given
    assert driver.diff(Order(), made, **given) == {}
    request = csr("a.test")
    own = driver.update(Order(), made, **{**given, "csrPem": request})
    assert own["orderUrl"] != made["orderUrl"]
    assert own["privateKeyPem"] is None
    assert driver.diff(Order(), own, **{**given, "csrPem": "\n" + request.replace("\n", "\r\n")}) == {}
    assert driver.diff(Order(), own, **given) == {"csrPem": Change.UPDATE}
    back = driver.update(Order(), own, **given)
    assert back["privateKeyPem"]
    assert back["csrPem"] != request


@pytest.mark.server
def test_a_certificate_for_another_key_than_was_asked_for_is_not_kept(driver: Driver) -> None:
    order = driver.order(driver.account(), ["a.test"], csrPem=csr("a.test"))
    driver.prove(order)
    driver.certificate(order)
    other = driver.order(driver.account(), ["a.test"])
    with pytest.raises(StackError, match="not for the key of its signing request"):
        driver.next_run().certificate({**order, "csrPem": other["csrPem"]})


@pytest.mark.server
def test_the_accounts_own_key_is_no_key_for_a_certificate(driver: Driver) -> None:
    """RFC 8555 11.1; before the CA is asked."""
    account = driver.account()
    request = csr("a.test", key=read_key(account["privateKeyPem"]))
    before = driver.ca.log.count("/order-plz")
    with pytest.raises(StackError, match="account's own key"):
        driver.order(account, ["a.test"], csrPem=request)
    assert driver.ca.log.count("/order-plz") == before


@pytest.mark.parametrize(
    ("inputs", "path", "reason"),
    [
        ({"csrPem": csr("b.test")}, "csrPem", "is not for a.test, which `domains` has"),
        ({"csrPem": csr("a.test", "b.test")}, "csrPem", "is for b.test too"),
        ({"csrPem": csr("a.test", common="My Server")}, "csrPem", "is for 'My Server', which holds ' '"),
        ({"csrPem": csr("a.test"), "keyType": "rsa2048"}, "keyType", "leave it out"),
        ({"csrPem": csr("a.test"), "keepKey": True}, "keepKey", "leave it out"),
        ({"csrPem": csr("a.test"), "mustStaple": True}, "mustStaple", "make `csrPem` with the TLS feature"),
        (
            {"csrPem": csr("a.test", extensions=STAPLED), "directoryUrl": "letsencrypt"},
            "csrPem",
            "Let's Encrypt has refused it since 2025-05-07",
        ),
        ({"mustStaple": True, "directoryUrl": "letsencrypt-staging"}, "mustStaple", "ended OCSP"),
        ({"mustStaple": True, "directoryUrl": DIRECTORIES["letsencrypt"]}, "mustStaple", "ended OCSP"),
    ],
)
def test_what_does_not_go_together_is_told_before_the_ca_is_asked(
    inputs: State, path: str, reason: str
) -> None:
    found = failures(**inputs)
    assert {each.path for each in found} == {path}
    assert reason in found[0].reason


@pytest.mark.parametrize(
    "inputs",
    [
        {"csrPem": csr("A.test.")},
        {"csrPem": csr("xn--bcher-kva.test"), "domains": ["bücher.test"]},
        {"csrPem": csr("a.test", extensions=STAPLED)},
        {"csrPem": csr("a.test", extensions=STAPLED), "mustStaple": True},
        {"csrPem": csr("a.test"), "domains": UNKNOWN},
        {"csrPem": UNKNOWN, "keepKey": True},
        {"csrPem": csr("a.test"), "directoryUrl": UNKNOWN},
        {"mustStaple": UNKNOWN, "directoryUrl": "letsencrypt"},
        {"mustStaple": True, "keepKey": True, "keyType": "rsa4096"},
    ],
)
def test_what_goes_together_or_is_not_known_yet_passes(inputs: State) -> None:
    assert failures(**inputs) == []


def test_a_preview_shows_the_users_request_and_no_key() -> None:
    inputs = Order().check({**CA, "domains": ["a.test"], "csrPem": csr("a.test")}).inputs
    shown = Order().preview_create(inputs)
    assert shown["csrPem"] == inputs["csrPem"]
    assert shown["privateKeyPem"] is None


@pytest.mark.server
def test_a_certificate_that_must_be_stapled_is_issued_where_the_ca_still_does(
    driver: Driver, dns: Challtestsrv, tmp_path: Path
) -> None:
    """RFC 7633."""
    with pebble(tmp_path, dns=dns.address, ocsp="http://ocsp.test", retry_after=0) as server:
        other = dataclasses.replace(driver, ca=server)
        order, certificate = other.issued("a.test", mustStaple=True)
    assert asks_for_stapling(order["csrPem"])
    leaf = x509.load_pem_x509_certificate(certificate["certificatePem"].encode())
    (feature,) = leaf.extensions.get_extension_for_class(x509.TLSFeature).value
    assert feature is x509.TLSFeatureType.status_request
    assert driver.ear.warned == []


@pytest.mark.server
def test_a_certificate_that_must_be_stapled_and_can_not_be_is_told(driver: Driver) -> None:
    """As of CAs that have ended OCSP and take the request all the same."""
    driver.issued("a.test", mustStaple=True)
    assert "names no OCSP responder" in driver.ear.warned[0]
    plain = chain("a.test").certificate
    stapled = make(make_key("ec256"), ["a.test"], must_staple=True)
    assert "left out that the certificate must be stapled" in str(shortfall(stapled, plain))
    assert shortfall(make(make_key("ec256"), ["a.test"]), plain) is None
