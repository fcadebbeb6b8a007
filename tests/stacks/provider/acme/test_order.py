"""Orders at a real CA: in the order of the names, and replaced when they died too early."""

import dataclasses
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from stacks.errors import StackError
from stacks.provider.acme.keys import make_key, read_key
from stacks.provider.acme.order import Order
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.properties import Change
from stacks.provider.values import UNKNOWN
from tests.servers.challtestsrv import Challtestsrv
from tests.servers.pebble import pebble
from tests.stacks.provider.driver import Driver, State

NAMES = ["example.test", "*.example.test", "www.other.test", "bücher.test"]


@pytest.fixture
def order(driver: Driver) -> State:
    """A pending order for apex and wildcard."""
    return driver.order(driver.account(), ["example.test", "*.example.test"])


def same_inputs(order: State, **changes: Any) -> State:
    return Order().given(order) | changes


@pytest.mark.server
def test_authorizations_come_in_the_order_of_the_names(driver: Driver) -> None:
    """D5. The CA gives them in any order; apex and wildcard are two."""
    account = driver.account()
    names = NAMES.copy()
    for _ in range(4):
        random.shuffle(names)
        order = driver.order(account, names)
        proofs = order["authorizations"]
        assert [each["domain"] for each in proofs] == order["domains"]
        assert [each["wildcard"] for each in proofs] == [each.startswith("*.") for each in names]
        assert all(not each["identifier"].startswith("*") for each in proofs)


@pytest.mark.server
def test_key_and_request_are_made_with_the_order(order: State) -> None:
    """E1. So that a killed issuance goes on with the same order."""
    request = x509.load_pem_x509_csr(order["csrPem"].encode())
    assert request.public_key() == read_key(order["privateKeyPem"]).public_key()
    assert order["expires"]


@pytest.mark.server
@pytest.mark.parametrize(("profile", "days"), [("default", 90), ("shortlived", 6)])
def test_a_profile_is_ordered(driver: Driver, profile: str, days: int) -> None:
    """E1."""
    _, certificate = driver.issued("a.test", profile=profile)
    lifetime = datetime.fromisoformat(certificate["notAfter"]) - datetime.fromisoformat(
        certificate["notBefore"]
    )
    assert round(lifetime / timedelta(days=1)) == days


@pytest.mark.server
def test_a_profile_that_the_ca_does_not_have_is_told_with_those_that_it_has(driver: Driver) -> None:
    with pytest.raises(StackError, match="'long'") as refused:
        driver.order(driver.account(), ["a.test"], profile="long")
    assert "default, shortlived" in refused.value.hint


@pytest.mark.server
def test_a_name_that_the_ca_refuses_is_told_in_its_words(
    driver: Driver, dns: Challtestsrv, tmp_path: Any
) -> None:
    with pebble(tmp_path, dns=dns.address, blocked=("blocked.test",)) as server:
        other = Driver(server, driver.broker, driver.run)
        with pytest.raises(AuthorityError, match="rejectedIdentifier") as refused:
            other.order(other.account(), ["a.test", "blocked.test"])
    assert "`domains`" in refused.value.hint


@pytest.mark.server
@pytest.mark.parametrize(
    ("changes", "another"),
    [
        ({"domains": ["example.test"]}, True),
        ({"domains": ["*.example.test", "example.test"]}, False),
        ({"domains": UNKNOWN}, True),
        ({"profile": "shortlived"}, True),
        ({"keyType": "rsa2048"}, True),
        ({"epoch": 2}, True),
        ({"accountUri": "https://localhost/other"}, True),
    ],
)
def test_what_is_ordered_makes_another_order_in_its_place_and_the_rest_does_not(
    driver: Driver, order: State, changes: State, another: bool
) -> None:
    inputs = same_inputs(order, **changes)
    assert driver.diff(Order(), order, **inputs) == dict.fromkeys(changes, Change.UPDATE)
    shown = Order().preview_update(order, Order().check(inputs).inputs)
    assert (shown["orderUrl"] is UNKNOWN) is another


@pytest.mark.server
def test_nothing_changes_where_nothing_has_and_another_root_is_no_other_order(
    driver: Driver, order: State
) -> None:
    assert driver.diff(Order(), order, **same_inputs(order)) == {}
    older = {name: value for name, value in order.items() if name not in {"keepKey", "mustStaple"}}
    assert driver.diff(Order(), older, **same_inputs(order)) == {}
    roots = same_inputs(order, caCertificates=driver.ca.ca_file.read_text() * 2)
    assert driver.diff(Order(), order, **roots) == {"caCertificates": Change.UPDATE}
    assert driver.update(Order(), order, **roots)["orderUrl"] == order["orderUrl"]


@pytest.mark.server
def test_a_pending_order_is_kept_and_another_takes_the_place_of_a_dead_one(
    driver: Driver, order: State
) -> None:
    """C3. A failed run is retried, never stuck on a dead order."""
    type_, inputs = Order(), same_inputs(order)
    assert driver.diff(type_, order, **inputs) == {}
    assert driver.update(type_, order, **inputs) == order
    driver.broker.silent = True
    with pytest.raises(StackError, match="did not accept"):
        driver.prove(order)
    assert driver.read(type_, order) == order
    assert driver.diff(type_, order, **inputs) == {"orderUrl": Change.UPDATE}
    assert type_.preview_update(order, type_.check(inputs).inputs)["orderUrl"] is UNKNOWN
    again = driver.update(type_, order, **inputs)
    assert again["orderUrl"] != order["orderUrl"]
    driver.broker.silent = False
    driver.prove(again)
    assert driver.certificate(again)["serial"]


@pytest.mark.server
def test_an_order_that_the_ca_forgot_or_that_expired_is_made_anew(driver: Driver, order: State) -> None:
    forgotten = {**order, "orderUrl": order["orderUrl"] + "x"}
    assert driver.diff(Order(), forgotten, **same_inputs(order)) == {"orderUrl": Change.UPDATE}
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    before = len(driver.ca.log)
    assert driver.diff(Order(), {**order, "expires": past}, **same_inputs(order)) == {
        "orderUrl": Change.UPDATE
    }
    assert len(driver.ca.log) == before


@pytest.mark.server
def test_once_the_certificate_exists_the_ca_is_not_asked_any_more(driver: Driver) -> None:
    """Neither to diff nor to refresh nor to destroy: they work while the CA does not."""
    order, certificate = driver.issued("a.test")
    driver.remember(certificate)
    before = len(driver.ca.log)
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for state in (order, {**order, "expires": past}):
        assert driver.diff(Order(), state, **same_inputs(order)) == {}
        assert driver.read(Order(), state) == state
        driver.delete(Order(), state)
    assert len(driver.ca.log) == before


@pytest.mark.server
def test_a_valid_order_without_its_certificate_is_kept(driver: Driver) -> None:
    """C3. A run that was killed after finalize is continued, not begun again."""
    order, _ = driver.issued("a.test")
    assert driver.diff(Order(), order, **same_inputs(order)) == {}


@pytest.mark.server
def test_a_ca_that_can_not_be_asked_is_an_error_and_no_other_order(driver: Driver, order: State) -> None:
    dead = {**order, "directoryUrl": "https://localhost:1/dir"}
    with pytest.raises(AuthorityError, match="localhost:1"):
        driver.diff(Order(), dead, **same_inputs(dead))


@pytest.mark.server
def test_another_account_key_writes_the_proofs_anew(driver: Driver, order: State) -> None:
    inputs = same_inputs(order, accountKeyPem=make_key("ec256"), domains=["*.example.test", "example.test"])
    before = len(driver.ca.log)
    updated = driver.update(Order(), order, **inputs)
    assert len(driver.ca.log) == before
    assert [each["domain"] for each in updated["authorizations"]] == inputs["domains"]
    old = {each["token"]: each["keyAuthorization"] for each in order["authorizations"]}
    for each in updated["authorizations"]:
        assert old[each["token"]] != each["keyAuthorization"]
    assert Order().preview_update(order, inputs)["authorizations"] == updated["authorizations"]
    unknown = Order().preview_update(order, {**inputs, "accountKeyPem": UNKNOWN})
    assert unknown["authorizations"] is UNKNOWN


@pytest.mark.server
def test_what_is_pending_is_given_up_with_the_order(driver: Driver, order: State) -> None:
    """RFC 8555 7.5.2. And asking again is harmless."""
    later = driver.next_run()
    later.delete(Order(), order)
    later.delete(Order(), order)
    assert later.diff(Order(), order, **same_inputs(order)) == {"orderUrl": Change.UPDATE}


@pytest.mark.server
def test_an_order_in_the_place_of_a_pending_one_gives_that_up(driver: Driver, order: State) -> None:
    """RFC 8555 7.5.2. With the account's key as it is by now."""
    later = driver.next_run()
    later.update(Order(), {**order, "accountKeyPem": make_key("ec256")}, **same_inputs(order, epoch=2))
    assert later.diff(Order(), order, **same_inputs(order)) == {"orderUrl": Change.UPDATE}


@pytest.mark.server
def test_what_an_order_of_the_same_run_holds_is_not_given_up(driver: Driver, order: State) -> None:
    """A CA may give the new order the old one's authorizations."""
    driver.delete(Order(), order)
    assert driver.diff(Order(), order, **same_inputs(order)) == {}


@pytest.mark.server
def test_a_dead_ca_does_not_hold_up_a_destroy(driver: Driver, order: State) -> None:
    driver.delete(Order(), {**order, "directoryUrl": "https://localhost:1/dir"})


@pytest.mark.server
def test_valid_authorizations_are_carried_as_such(driver: Driver, dns: Challtestsrv, tmp_path: Any) -> None:
    """Nothing is published and nothing is answered for them."""
    with pebble(tmp_path, dns=dns.address, reuse_authorizations=100, retry_after=0) as server:
        other = dataclasses.replace(driver, ca=server)
        account = other.account()
        first = other.order(account, ["a.test"])
        other.prove(first)
        again = other.order(account, ["a.test", "b.test"])
        valid, pending = again["authorizations"]
        assert (valid["status"], pending["status"]) == ("valid", "pending")
        published = len(other.broker.published)
        other.prove(again)
        assert len(other.broker.published) == published + 1
        assert other.certificate(again)["serial"]


@pytest.mark.server
def test_a_hundred_names_are_one_certificate(driver: Driver, dns: Challtestsrv, tmp_path: Any) -> None:
    """E1. Proven side by side, as in a run."""
    names = [f"n{number}.hundred.test" for number in range(50)]
    names += [f"*.{name}" for name in names]
    with pebble(tmp_path, dns=dns.address, reuse_authorizations=0, retry_after=0) as server:
        other = dataclasses.replace(driver, ca=server)
        order = other.order(other.account(), names)
        assert [each["domain"] for each in order["authorizations"]] == names
        records = {each["url"]: other.record(each) for each in order["authorizations"]}
        with ThreadPoolExecutor(16) as pool:
            list(
                pool.map(
                    lambda each: other.authorize(order, each, records[each["url"]]), order["authorizations"]
                )
            )
        certificate = other.certificate(order)
    leaf = x509.load_pem_x509_certificate(certificate["certificatePem"].encode())
    held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(held.get_values_for_type(x509.DNSName)) == set(names)
    assert driver.ear.warned == []
    assert driver.broker.records == set()
