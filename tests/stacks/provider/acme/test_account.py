"""Accounts at a real CA: made, bound to a customer, changed, found gone, given up."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox.ports import free_port
from stacks.account_notes import Terms
from stacks.broker import BrokerError, OpenedFields
from stacks.errors import StackError
from stacks.provider.acme.account import Account
from stacks.provider.acme.authority import Access
from stacks.provider.acme.keys import KEY_TYPES
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.properties import Change
from stacks.provider.run import Run
from tests.servers.challtestsrv import Challtestsrv
from tests.servers.pebble import Pebble, pebble
from tests.stacks.provider.acme.scripted_ca import PROBLEM, Said, scripted_ca
from tests.stacks.provider.broker_server import BrokerServer, Refusal
from tests.stacks.provider.driver import Driver, State

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


# Contacts


def held_contacts(driver: Driver, account: State) -> list[str]:
    """What the CA has."""
    who = Access(
        account["directoryUrl"], account["caCertificates"], account["privateKeyPem"], account["accountUri"]
    )
    with driver.run.authorities.talk(who) as talk:
        return talk.read(account["accountUri"], "read the account").body.get("contact") or []


def given(account: State, **inputs: Any) -> State:
    """The inputs of a program that says only this besides the CA."""
    return {each: account[each] for each in ("directoryUrl", "caCertificates")} | inputs


def test_contacts_are_several_are_changed_and_are_taken_away(driver: Driver) -> None:
    """RFC 8555 7.3.2."""
    account = driver.account(
        email="one@example.test", contacts=["two@example.test", "mailto:one@example.test"]
    )
    assert held_contacts(driver, account) == ["mailto:one@example.test", "mailto:two@example.test"]
    inputs = given(account, contacts=["two@example.test"])
    assert set(driver.diff(Account(), account, **inputs)) == {"email", "contacts"}
    account = driver.update(Account(), account, **inputs)
    assert held_contacts(driver, account) == ["mailto:two@example.test"]
    account = driver.update(Account(), account, **given(account))
    assert held_contacts(driver, account) == []
    assert "contacts" not in account


def test_the_same_contacts_said_in_another_way_are_no_word_to_the_ca(driver: Driver) -> None:
    account = driver.account(email="one@example.test")
    before = len(driver.ca.log)
    driver.update(Account(), account, **given(account, contacts=["mailto:one@example.test"]))
    assert len(driver.ca.log) == before


@pytest.mark.parametrize(
    ("contacts", "words"),
    [
        (["tel:+15550100"], 'unsupportedContact: contact method "tel"'),
        (["a@\u00e9.test"], "invalidContact"),
        (["a@a.test", "b@b.test", "c@c.test"], "too many contacts provided: 3 > 2"),
    ],
)
def test_contacts_that_the_ca_refuses_are_told_in_its_words_and_change_nothing(
    driver: Driver, contacts: list[str], words: str
) -> None:
    account = driver.account(email="one@example.test")
    with pytest.raises(AuthorityError, match="could not change the account's contacts: ") as refused:
        driver.update(Account(), account, **given(account, contacts=contacts))
    assert words in str(refused.value)
    assert refused.value.hint
    assert held_contacts(driver, account) == ["mailto:one@example.test"]


def test_a_contact_that_is_none_is_refused_with_its_place() -> None:
    failures = (
        Account()
        .check(
            {
                "directoryUrl": "letsencrypt",
                "contacts": ["a@b.test", "nobody", "a b@c.test", "x:y z", "mailto:"],
            }
        )
        .failures
    )
    assert [each.path for each in failures] == ["contacts[1]", "contacts[2]", "contacts[3]", "contacts[4]"]


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


# Terms


def test_the_terms_that_were_agreed_to_are_said_and_kept_with_the_time(driver: Driver) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    account = driver.account()
    assert before <= datetime.fromisoformat(account["termsAgreedAt"]) <= datetime.now(UTC)
    seen, agreed = driver.broker.terms
    assert seen == Terms(driver.ca.directory_url, account["termsOfService"])
    assert agreed == Terms(driver.ca.directory_url, account["termsOfService"], account["accountUri"])
    later = driver.next_run()
    assert (
        later.update(Account(), account, **given(account, email="a@b.test"))["termsAgreedAt"]
        == account["termsAgreedAt"]
    )


def test_a_ca_without_terms_has_none_to_keep(driver: Driver) -> None:
    with scripted_ca() as ca:
        account = driver.create(Account(), **ca.access)
    assert (account["termsOfService"], account["termsAgreedAt"]) == (None, None)
    assert driver.broker.terms == []


def test_no_broker_that_fails_to_keep_them_spoils_an_account_that_is_made(driver: Driver) -> None:
    driver.broker.refusals["/account/terms"] = Refusal(500, "no room", "make room")
    assert driver.account()["accountUri"]


NEW_TERMS = "https://ca.test/terms/2"


@pytest.mark.parametrize(
    ("headers", "extra", "steps"),
    [
        (
            {"Link": f'<{NEW_TERMS}>;rel="terms-of-service"'},
            {"instance": "https://ca.test/agree?x"},
            [f"read the CA's present terms: {NEW_TERMS}", "asks for: https://ca.test/agree?x"],
        ),
        ({}, {"instance": "https://ca.test/agree?x"}, ["asks for: https://ca.test/agree?x"]),
        ({}, {}, ["in its message or its mail"]),
    ],
)
def test_a_ca_that_wants_a_person_is_told_of_with_where_to_go(
    driver: Driver, headers: dict[str, str], extra: dict[str, str], steps: list[str]
) -> None:
    """RFC 8555 7.3.3."""
    problem = {"type": f"{PROBLEM}userActionRequired", "detail": "Terms of service have changed", **extra}
    with scripted_ca() as ca:
        ca.says["newOrder"] = [Said(403, problem, headers)]
        account = driver.create(Account(), **ca.access)
        with pytest.raises(
            AuthorityError, match="userActionRequired: Terms of service have changed"
        ) as refused:
            driver.order(account, ["a.test"])
    assert all(each in refused.value.hint for each in steps)
    assert refused.value.hint.endswith("then run `tic stack up` again")


# Several


def test_a_stack_has_accounts_at_several_cas_and_several_at_one(driver: Driver, binding: Driver) -> None:
    binding.broker.credentials["customer"] = OpenedFields("acme-account", {"kid": KID, "hmac": HMAC})
    one, two = driver.account(), driver.account()
    other = binding.account(eabCredential="customer")
    assert len({each["accountUri"] for each in (one, two, other)}) == 3
    assert len({each["privateKeyPem"] for each in (one, two, other)}) == 3
    driver.delete(Account(), one)
    assert driver.read(Account(), one) is None
    assert driver.read(Account(), two) == two
    assert driver.read(Account(), other) == other


def test_certificates_of_two_stacks_share_an_account(driver: Driver) -> None:
    account, other_stack = driver.account(), driver.next_run()
    for run, name in ((driver, "a.test"), (other_stack, "b.test")):
        order = run.order(account, [name])
        run.prove(order)
        assert run.certificate(order)["accountUri"] == account["accountUri"]


def test_a_key_that_was_changed_elsewhere_makes_the_account_gone(driver: Driver, ca: Pebble) -> None:
    """As by a client of another home: what this one has opens nothing any more."""
    account = driver.account()
    changed = driver.update(Account(), account, **given(account, keyEpoch=2))
    driver.broker.keys.clear()
    assert driver.next_run().read(Account(), account) is None
    assert driver.next_run().read(Account(), changed) == changed
