"""Accounts at CAs: rows that are what the states hold, keys noted sealed, terms told once (E1)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from credentials.refusals import DamagedSecret
from engine.account_notes import OpenNotes
from engine.certificates import account_keys, accounts, kept
from engine.certificates.accounts import Account, Known
from engine.events import Notice
from engine.state import versions
from engine.state.sealing import SECRET
from engine.state.sieve import Sieve
from engine.state.tables import ACME_ACCOUNT_KEY
from engine.state.urns import SIGNATURE
from engine.state.versions import Checkpoint
from stacks.account_notes import KeyNote, Terms, forget_key, note_key, noted_key, tell_terms
from stacks.broker import BrokerError
from tests.engine.asked_broker import asked
from tests.engine.dns_world import DnsWorld, dns_world

CA, OTHER_CA = "https://ca.example/directory", "https://other.example/directory"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CANARY = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def world(tmp_path: Path) -> DnsWorld:
    return dns_world(tmp_path)


def account(name: str = "ca", uri: str = "https://ca.example/acct/1", **inputs: Any) -> dict[str, Any]:
    terms = inputs.pop("terms", "https://ca.example/terms/1")
    return {
        "urn": f"urn:pulumi:dev::site::tic:acme/account:Account::{name}",
        "type": "tic:acme/account:Account",
        "custom": True,
        "id": uri,
        "inputs": {"directoryUrl": CA, "email": "me@a.example", "keyType": "ec256", **inputs},
        "outputs": {
            "accountUri": uri,
            "privateKeyPem": {SIGNATURE: SECRET, "ciphertext": "x"},
            "termsOfService": terms,
            "termsAgreedAt": BEGIN.isoformat() if terms else None,
        },
    }


def certificate(name: str, uri: str, directory: str = CA) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:dev::site::{kept.TYPE}::{name}",
        "type": kept.TYPE,
        "custom": True,
        "id": "order",
        "inputs": {"domains": ["a.example"], "directoryUrl": directory, "accountUri": uri},
        "outputs": {
            "epoch": 1,
            "serial": f"{sum(map(ord, name)):x}",
            "issuer": "CN=ca",
            "notBefore": BEGIN.isoformat(),
            "notAfter": (BEGIN + timedelta(days=90)).isoformat(),
        },
    }


def save(world: DnsWorld, *resources: Any) -> None:
    with world.database.write() as connection:
        version = versions.newest(connection, world.stack.id).version + 1
        state = Checkpoint(version, 3, (), {"resources": list(resources)})
        versions.save(connection, world.stack.id, version, state)


def known(world: DnsWorld) -> list[Known]:
    with world.database.read() as connection:
        return accounts.every(connection)


# What is listed


def test_accounts_are_those_of_the_states_with_the_certificates_that_use_them(world: DnsWorld) -> None:
    shared, alone = account(), account("alone", "https://ca.example/acct/2", contacts=["tel:+1555", "b@c.d"])
    save(world, shared, alone, certificate("www", shared["id"]), certificate("api", shared["id"]))
    other = world.another_stack("prod")
    save(other, certificate("far", shared["id"]))
    first, second = known(world)
    assert (first.uri, first.stack) == (shared["id"], "site/dev")
    assert first.certificates == ("site/dev/api", "site/dev/www", "site/prod/far")
    assert first.stacks == ("site/dev", "site/prod")
    assert second.certificates == ()
    assert second.account is not None
    assert second.account.contacts == ("mailto:me@a.example", "tel:+1555", "mailto:b@c.d")
    assert second.account.terms == "https://ca.example/terms/1"
    save(world)
    (given_from_elsewhere,) = known(world)
    assert (given_from_elsewhere.stack, given_from_elsewhere.account) == (None, None)
    assert given_from_elsewhere.certificates == ("site/prod/far",)


def test_one_uri_at_two_cas_is_two_accounts(world: DnsWorld) -> None:
    save(world, account(), certificate("www", account()["id"], OTHER_CA))
    assert [(each.directory, each.stacks) for each in known(world)] == [
        (CA, ("site/dev",)),
        (OTHER_CA, ("site/dev",)),
    ]


def test_what_is_no_account_yet_or_any_more_is_not_listed() -> None:
    half = account()
    half["outputs"] = {}
    assert accounts.found([half, {**account(), "delete": True}, {"type": "other"}, "nonsense"]) == ()


def test_an_account_of_an_older_version_is_listed_with_what_it_has() -> None:
    old = account()
    del old["outputs"]["termsAgreedAt"]
    (one,) = accounts.found([old])
    assert (one.key_epoch, one.agreed_at, one.contacts) == (1, None, ("mailto:me@a.example",))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abcd"), st.tuples(st.integers(1, 3), st.integers(1, 3), st.booleans())
        ),
        max_size=5,
    )
)
def test_the_rows_are_what_the_last_version_holds(
    world: DnsWorld, states: list[dict[str, tuple[int, int, bool]]]
) -> None:
    for state in states:
        resources = [
            account(
                name, f"https://ca.example/acct/{uri}", keyEpoch=epoch, terms="https://t" if terms else None
            )
            for name, (uri, epoch, terms) in state.items()
        ]
        save(world, *resources)
        listed = {each.account for each in known(world)}
        assert listed == set(accounts.found(resources))


def test_a_removed_stack_takes_its_accounts_and_keys_along(world: DnsWorld) -> None:
    save(world, account())
    with world.run() as broker:
        broker.accounts.note_key(KeyNote(account()["id"], 2, CANARY, CANARY))
    with world.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM stack")
        assert accounts.every(connection) == []
        assert connection.execute(select(ACME_ACCOUNT_KEY)).all() == []


# Keys


def test_a_noted_key_is_found_by_the_next_run_and_is_sealed_until_then(world: DnsWorld) -> None:
    """E4."""
    uri = account()["id"]
    with world.run() as broker, asked(broker) as client:
        assert noted_key(client, uri) is None
        note_key(client, KeyNote(uri, 2, "another", "first"))
        note_key(client, KeyNote(uri, 3, CANARY, CANARY))
    with world.run() as broker, asked(broker) as client:
        assert noted_key(client, uri) == KeyNote(uri, 3, CANARY, CANARY)
        assert noted_key(client, uri + "0") is None
    with world.database.read() as connection:
        (row,) = connection.execute(select(ACME_ACCOUNT_KEY)).all()
    assert b"canary" not in row.sealed
    assert CANARY not in repr(KeyNote(uri, 3, CANARY, CANARY))
    database = b"".join(each.read_bytes() for each in world.home.root.rglob("*") if each.is_file())
    assert b"canary" not in database
    with world.run() as broker, asked(broker) as client:
        forget_key(client, uri)
        assert noted_key(client, uri) is None


def test_a_key_is_of_its_stack_alone(world: DnsWorld) -> None:
    uri, other = account()["id"], world.another_stack("prod")
    with world.run() as broker:
        broker.accounts.note_key(KeyNote(uri, 2, CANARY, CANARY))
    with other.run() as broker:
        assert broker.accounts.key(uri) is None
    with world.database.write() as connection:
        connection.execute(ACME_ACCOUNT_KEY.update().values(stack_id=other.stack.id))
    with other.database.read() as connection, pytest.raises(DamagedSecret):
        account_keys.find(connection, other.vault, other.stack.id, uri)


def test_who_holds_the_vault_finds_the_newest_note_of_an_account_in_any_stack(world: DnsWorld) -> None:
    """As to revoke a certificate whose state has the key of before."""
    uri, other = account()["id"], world.another_stack("prod")
    notes = OpenNotes(world.database, world.vault)
    assert notes.key(uri) is None
    for one, key in ((world, "first"), (other, CANARY)):
        with one.run() as broker:
            broker.accounts.note_key(KeyNote(uri, 2, key, "before"))
    assert notes.key(uri) == KeyNote(uri, 2, CANARY, "before")


def test_the_run_knows_a_key_before_the_plugin_has_it(world: DnsWorld) -> None:
    with world.run() as broker:
        broker.accounts.note_key(KeyNote(account()["id"], 2, CANARY, CANARY))
    sieve = Sieve()
    with world.run(sieve=sieve) as broker:
        assert not sieve.finds(CANARY)
        broker.accounts.key(account()["id"])
    assert sieve.finds(f"said {CANARY}")


@pytest.mark.parametrize(
    "body", [{}, {"accountUri": "u"}, {"accountUri": "u", "epoch": "2"}, {"accountUri": "u", "epoch": True}]
)
def test_a_note_that_is_none_is_refused(world: DnsWorld, body: dict[str, Any]) -> None:
    with world.run() as broker, asked(broker) as client, pytest.raises(BrokerError, match="can't be read"):
        client.ask("/account/key/note", {"keyPem": CANARY * 300, "beforePem": CANARY, **body})


# Terms


@pytest.fixture
def told() -> list[Notice]:
    return []


def events(world: DnsWorld) -> list[str]:
    with world.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT action FROM audit WHERE action LIKE 'account.%' ORDER BY seq"
        )
        return [row.action for row in rows]


def test_terms_are_told_once_when_agreed_to_and_once_when_they_have_changed(
    world: DnsWorld, told: list[Notice]
) -> None:
    uri, first, second = account()["id"], "https://ca.example/terms/1", "https://ca.example/terms/2"
    with world.run(tell=told.append) as broker, asked(broker) as client:
        tell_terms(client, Terms(CA, first))
        assert told == []
        tell_terms(client, Terms(CA, first, uri))
    assert first in told[0].message
    assert uri in told[0].message
    save(world, account(terms=first))
    for _ in range(2):
        with world.run(tell=told.append) as broker:
            broker.accounts.terms(Terms(CA, first))
    assert len(told) == 1
    for _ in range(2):
        with world.run(tell=told.append) as broker:
            broker.accounts.terms(Terms(CA, second))
    assert len(told) == 2
    assert told[1].severity == "warning"
    assert all(each in told[1].message for each in (CA, first, second, "tic cert accounts"))
    assert events(world) == ["account.agree", "account.terms"]
    (one,) = known(world)
    assert one.newer_terms == second
    assert accounts.view(one)["terms"] == first


def test_terms_of_another_ca_are_no_news(world: DnsWorld, told: list[Notice]) -> None:
    save(world, account())
    with world.run(tell=told.append) as broker:
        broker.accounts.terms(Terms(OTHER_CA, "https://other.example/terms/9"))
    assert told == []
    assert isinstance(known(world)[0].account, Account)
    assert known(world)[0].newer_terms is None
