"""Certificates from a real CA: finished, downloaded, resumed, updated in place."""

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from stacks.errors import StackError
from stacks.provider.acme.certificate import Certificate
from stacks.provider.acme.certificates import check_belongs, top_issuer
from stacks.provider.acme.keys import KEY_TYPES, make_key
from stacks.provider.properties import Change
from stacks.provider.values import UNKNOWN
from tests.servers.challtestsrv import Challtestsrv
from tests.servers.pebble import pebble
from tests.stacks.provider.driver import Driver

pytestmark = pytest.mark.server


@pytest.mark.parametrize("key_type", [each for each in KEY_TYPES if each != "rsa4096"])
def test_a_certificate_belongs_to_its_key_names_and_chain(driver: Driver, key_type: str) -> None:
    """E1, E3."""
    order, certificate = driver.issued("example.test", "*.example.test", keyType=key_type)
    check_belongs(certificate["certificatePem"], certificate["chainPem"], certificate["privateKeyPem"])
    leaf = x509.load_pem_x509_certificate(certificate["certificatePem"].encode())
    assert certificate["serial"] == f"{leaf.serial_number:x}"
    assert certificate["fullchainPem"] == certificate["certificatePem"] + certificate["chainPem"]
    assert certificate["privateKeyPem"] == order["privateKeyPem"]
    assert datetime.fromisoformat(certificate["notAfter"]) == leaf.not_valid_after_utc
    assert certificate["issuer"].startswith("CN=Pebble Intermediate CA")


def test_a_finished_order_is_only_downloaded_from(driver: Driver) -> None:
    """C3. A run that was killed after finalize gets the same certificate, not a second one."""
    order, certificate = driver.issued("a.test")
    before = driver.ca.log.count("/finalize-order/")
    again = driver.next_run().certificate(order)
    assert again["serial"] == certificate["serial"]
    assert driver.ca.log.count("/finalize-order/") == before > 0


def test_the_window_of_the_ca_is_kept_for_later(driver: Driver) -> None:
    """E1, RFC 9773."""
    _, certificate = driver.issued("a.test")
    start, end = (datetime.fromisoformat(certificate["renewalWindow"][each]) for each in ("start", "end"))
    assert datetime.fromisoformat(certificate["notBefore"]) < start < end
    assert end < datetime.fromisoformat(certificate["notAfter"])
    assert certificate["renewalInfoUrl"].startswith("https://localhost")
    assert datetime.fromisoformat(certificate["renewalCheckAfter"]).tzinfo


def test_a_pending_order_is_told_as_such(driver: Driver) -> None:
    order = driver.order(driver.account(), ["a.test"])
    with pytest.raises(StackError, match=r"a\.test is still pending") as refused:
        driver.certificate(order)
    assert "depend on every Authorization" in refused.value.hint


def test_a_dead_order_is_told_as_such(driver: Driver) -> None:
    order = driver.order(driver.account(), ["a.test"])
    driver.broker.silent = True
    with pytest.raises(StackError, match="did not accept"):
        driver.prove(order)
    with pytest.raises(StackError, match=r"a\.test.*invalid|did not issue a\.test") as refused:
        driver.certificate(order)
    assert "tic stack up" in refused.value.hint


def test_a_certificate_for_another_key_is_not_kept(driver: Driver) -> None:
    order = driver.order(driver.account(), ["a.test"])
    driver.prove(order)
    with pytest.raises(StackError, match="private key does not belong") as refused:
        driver.certificate({**order, "privateKeyPem": make_key("ec256")})
    assert "PRIVATE" not in f"{refused.value} {refused.value.hint}"


def test_the_wishes_of_the_ca_for_a_pause_are_kept(driver: Driver, dns: Challtestsrv, tmp_path: Path) -> None:
    """RFC 8555 7.4: Retry-After, in seconds or as a date."""
    with pebble(tmp_path, dns=dns.address, retry_after=1) as server:
        _, certificate = dataclasses.replace(driver, ca=server).issued("a.test")
    assert certificate["serial"]


def test_a_preferred_chain_is_taken_where_the_ca_offers_it(
    driver: Driver, dns: Challtestsrv, tmp_path: Path
) -> None:
    """E1."""
    with pebble(tmp_path, dns=dns.address, alternate_roots=2, retry_after=0) as server:
        other = dataclasses.replace(driver, ca=server)
        order, first = other.issued("a.test")
        roots = [x509.load_pem_x509_certificate(server._managed(f"/roots/{n}").encode()) for n in range(3)]
        issuers = set()
        for root in roots:
            name = str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
            inputs = other.certificate_inputs(order, preferredChain=name)
            updated = other.update(Certificate(), first, **inputs)
            assert updated["serial"] == first["serial"]
            chain = x509.load_pem_x509_certificates(updated["chainPem"].encode())
            issuers.add(chain[-1].issuer)
        assert issuers == {root.subject for root in roots}
        assert driver.ear.warned == []


def test_a_chain_that_the_ca_does_not_offer_is_told_with_those_that_it_does(driver: Driver) -> None:
    order, first = driver.issued("a.test")
    (offered,) = [top_issuer(first["fullchainPem"])]
    updated = driver.update(Certificate(), first, **driver.certificate_inputs(order, preferredChain="Root X"))
    assert updated["fullchainPem"] == first["fullchainPem"]
    assert f"no chain below 'Root X' for a.test, only below '{offered}'" in driver.ear.warned[0]


def test_another_chain_of_an_order_that_the_ca_has_forgotten_comes_with_the_next_renewal(
    driver: Driver,
) -> None:
    """CAs keep orders for days, certificates live for months."""
    order, first = driver.issued("a.test")
    forgotten = {**order, "orderUrl": order["orderUrl"] + "x"}
    before = {**first, "orderUrl": forgotten["orderUrl"]}
    inputs = driver.certificate_inputs(forgotten, preferredChain="Root X")
    assert driver.update(Certificate(), before, **inputs)["serial"] == first["serial"]
    assert "stays as it is until the next renewal" in driver.ear.warned[0]
    with pytest.raises(StackError, match="could not get the certificate"):
        driver.update(Certificate(), first, **inputs)


def test_a_new_order_updates_in_place_and_other_changes_ask_nobody(driver: Driver) -> None:
    """E2: what is deployed is updated in place."""
    order, certificate = driver.issued("a.test", "b.test")

    def diff(**changes: Any) -> dict[str, Change]:
        return driver.diff(Certificate(), certificate, **driver.certificate_inputs(order, **changes))

    assert diff() == {}
    assert diff(orderUrl=UNKNOWN) == {"orderUrl": Change.UPDATE}
    assert set(diff(accountUri="x", directoryUrl="https://x", epoch=2).values()) == {Change.UPDATE}

    before = len(driver.ca.log)
    inputs = driver.certificate_inputs(
        order, accountKeyPem=make_key("ec256"), epoch=2, domains=["b.test", "a.test"]
    )
    same = driver.update(Certificate(), certificate, **inputs)
    assert len(driver.ca.log) == before
    assert (same["serial"], same["epoch"]) == (certificate["serial"], 2)
    assert Certificate().preview_update(certificate, inputs)["serial"] == certificate["serial"]

    unknown = {**inputs, "orderUrl": UNKNOWN}
    assert Certificate().preview_update(certificate, unknown)["serial"] is UNKNOWN

    following = driver.order(driver.account(), ["a.test"], epoch=2)
    driver.prove(following)
    renewed = driver.update(Certificate(), certificate, **driver.certificate_inputs(following))
    assert renewed["serial"] != certificate["serial"]
    assert renewed["privateKeyPem"] == following["privateKeyPem"]


def test_deleting_it_asks_the_ca_nothing(driver: Driver) -> None:
    _, certificate = driver.issued("a.test")
    before = len(driver.ca.log)
    driver.delete(Certificate(), certificate)
    assert len(driver.ca.log) == before
