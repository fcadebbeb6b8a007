"""Accounts at a real CA: made, bound to a customer, changed, found gone, given up."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.sandbox.ports import free_port
from stacks.broker import BrokerError, OpenedFields
from stacks.errors import StackError
from stacks.provider.acme.account import Account
from stacks.provider.acme.keys import KEY_TYPES
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.properties import Change
from stacks.provider.run import Run
from tests.servers.challtestsrv import Challtestsrv
from tests.servers.pebble import Pebble, pebble
from tests.stacks.provider.broker_server import BrokerServer
from tests.stacks.provider.driver import Driver

pytestmark = pytest.mark.server
KID, HMAC = "kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@pytest.fixture(scope="module")
def binding_ca(tmp_path_factory: pytest.TempPathFactory, dns: Challtestsrv) -> Iterator[Pebble]:
    """A CA that binds accounts to customers."""
    with pebble(tmp_path_factory.mktemp("eab"), dns=dns.address, eab_keys={KID: HMAC}) as server:
        yield server


@pytest.fixture
def binding(binding_ca: Pebble, broker: BrokerServer) -> Driver:
    return Driver(binding_ca, broker, Run({**os.environ, **broker.environment}))


@pytest.mark.parametrize("key_type", [each for each in KEY_TYPES if each != "rsa4096"])
def test_an_account_is_made_with_each_type_of_key(driver: Driver, key_type: str) -> None:
    """E1."""
    account = driver.account(email="admin@example.test", keyType=key_type)
    assert account["accountUri"].startswith("https://localhost")
    assert account["termsOfService"]
    assert driver.read(Account(), account) == account


def test_terms_that_are_not_agreed_to_are_named(driver: Driver) -> None:
    with pytest.raises(StackError, match="only under its terms: ") as refused:
        driver.account(termsOfServiceAgreed=False)
    assert "termsOfServiceAgreed" in refused.value.hint


def test_a_ca_that_binds_accounts_gets_the_credential_of_the_stack(binding: Driver) -> None:
    """E1: EAB from the vault, through the broker."""
    binding.broker.credentials["customer"] = OpenedFields("acme-account", {"kid": KID, "hmac": HMAC})
    account = binding.account(eabCredential="customer")
    assert account["accountUri"]
    assert HMAC not in str(account)


def test_without_a_credential_the_way_to_one_is_told(binding: Driver) -> None:
    with pytest.raises(StackError, match=r"binds each account") as refused:
        binding.account()
    assert "tic creds new" in refused.value.hint


def test_a_credential_that_the_stack_is_not_bound_to_is_refused(binding: Driver) -> None:
    """C2."""
    with pytest.raises(BrokerError, match="not bound"):
        binding.account(eabCredential="customer")


@pytest.mark.parametrize(
    "fields", [{"kid": KID}, {"kid": KID, "hmac": "canary not base64"}, {"kid": "x", "hmac": HMAC}]
)
def test_a_wrong_credential_is_told_without_its_secret(binding: Driver, fields: dict[str, str]) -> None:
    binding.broker.credentials["customer"] = OpenedFields("acme-account", fields)
    with pytest.raises(StackError) as refused:
        binding.account(eabCredential="customer")
    assert refused.value.hint
    assert "canary" not in f"{refused.value} {refused.value.hint}"


def test_another_address_is_told_to_the_ca_and_other_changes_are_not(driver: Driver) -> None:
    account = driver.account(email="one@example.test")
    inputs = {"directoryUrl": account["directoryUrl"], "caCertificates": account["caCertificates"]}
    assert driver.diff(Account(), account, **inputs, email="two@example.test") == {"email": Change.UPDATE}
    before = len(driver.ca.log)
    same = driver.update(Account(), account, **inputs, email="one@example.test")
    assert len(driver.ca.log) == before
    changed = driver.update(Account(), same, **inputs, email="two@example.test")
    assert changed["email"] == "two@example.test"
    assert changed["privateKeyPem"] == account["privateKeyPem"]


def test_an_account_given_up_is_gone_for_a_refresh(driver: Driver) -> None:
    account = driver.account()
    driver.delete(Account(), account)
    assert driver.read(Account(), account) is None
    driver.delete(Account(), account)


def test_a_ca_that_forgot_the_account_makes_it_gone(
    driver: Driver, dns: Challtestsrv, tmp_path: Path
) -> None:
    """As a sandbox that was started again."""
    port = free_port()
    with pebble(tmp_path, dns=dns.address, port=port) as first:
        account = Driver(first, driver.broker, driver.run).account()
    with pebble(tmp_path, dns=dns.address, port=port) as second:
        account["caCertificates"] = second.ca_file.read_text()
        assert driver.read(Account(), account) is None


def test_a_dead_ca_does_not_hold_up_giving_it_up_but_says_what_stays(driver: Driver) -> None:
    """C3."""
    account = {**driver.account(), "directoryUrl": "https://localhost:1/dir"}
    driver.delete(Account(), account)
    assert "without a key" in driver.ear.warned[0]
    with pytest.raises(AuthorityError):
        driver.read(Account(), account)


def test_what_is_wrong_with_an_account_is_told_at_once() -> None:
    given = {
        "directoryUrl": "http://x",
        "email": "nobody",
        "keyType": "dsa",
        "caCertificates": "none",
        "mail": "x",
    }
    assert {each.path for each in Account().check(given).failures} == set(given)


def test_the_contact_that_the_ca_refuses_is_in_its_own_words(driver: Driver) -> None:
    with pytest.raises(AuthorityError, match=r"could not make an account: .*contact") as refused:
        driver.account(email="admin@example.com\u00e9")
    assert refused.value.hint
