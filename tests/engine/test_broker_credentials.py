"""Which provider and which credential serve a stack: those that it is bound to, and no others."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from credentials.audit import Entry
from credentials.audit_log import AuditLog
from credentials.audit_store import Wanted
from engine.state.sieve import Sieve
from stacks.broker import BrokerError
from tests.engine.asked_broker import asked
from tests.engine.dns_world import DnsWorld, dns_world, publish

CANARY = "canary-" + secrets.token_hex(12)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@pytest.mark.parametrize(("kind", "sequential"), [("rfc2136", False), ("exec", True), ("httpreq", False)])
def test_the_provider_says_whether_challenges_form_a_chain(
    world: DnsWorld, kind: str, sequential: bool
) -> None:
    fields = {
        "rfc2136": {"nameserver": "127.0.0.1"},
        "exec": {"path": "/bin/true"},
        "httpreq": {"endpoint": "http://127.0.0.1"},
    }
    token = world.bind(kind, fields[kind])
    world.bind("username-password", {"username": "me", "password": CANARY})
    with world.run() as broker, asked(broker) as client:
        for asked_for in (None, kind):
            answer = client.provider(asked_for)
            assert (answer.provider, answer.sequential, answer.credential) == (kind, sequential, token)


def test_without_a_credential_for_dns_the_error_says_how_to_get_one(world: DnsWorld) -> None:  # A1
    world.bind("username-password", {"username": "me", "password": CANARY})
    with world.run() as broker, asked(broker) as client:
        with pytest.raises(
            BrokerError, match="bound to no credential that can publish DNS records"
        ) as failed:
            client.publish(publish())
        assert "tic creds new" in failed.value.hint
        with pytest.raises(BrokerError, match="bound to no cloudflare credential"):
            client.publish(publish(provider="cloudflare"))
        with pytest.raises(BrokerError, match="bound to no username-password credential that can publish"):
            client.publish(publish(provider="username-password"))


def test_of_several_providers_one_must_be_named(world: DnsWorld) -> None:
    world.bind("exec", {"path": "/bin/true"})
    world.bind("rfc2136", {"nameserver": "127.0.0.1"})
    with world.run() as broker, asked(broker) as client, pytest.raises(BrokerError, match="exec, rfc2136"):
        client.provider(None)


def test_a_bound_credential_is_opened_by_name_or_token_and_noted(world: DnsWorld) -> None:  # B4, B10
    token = world.bind("acme-account", {"kid": "key-1", "hmac": "c2VjcmV0LXNlY3JldA"}, name="ca")
    with world.run() as broker, asked(broker) as client:
        for reference in ("ca", token):
            opened = client.open_credential(reference, purpose="external account binding")
            assert opened.kind == "acme-account"
            assert opened.fields["hmac"] == "c2VjcmV0LXNlY3JldA"
    assert world.vault.find("ca").last_used_for == "external account binding of site/dev"


def test_a_credential_that_was_rotated_is_opened_as_it_is_now(world: DnsWorld) -> None:  # B5
    world.bind("username-password", {"username": "me", "password": CANARY}, name="login")
    with world.run() as broker, asked(broker) as client:
        assert client.open_credential("login", purpose="a login").fields["password"] == CANARY
        world.vault.rotate("login", {"username": "me", "password": f"new {CANARY}"})
        assert client.open_credential("login", purpose="a login").fields["password"] == f"new {CANARY}"
        assert [one.version for one in world.vault.versions("login")] == [1, 2]


def test_what_is_opened_is_in_the_runs_sieve_when_the_answer_comes(world: DnsWorld) -> None:  # C2
    sieve, new = Sieve(), "another-" + CANARY[::-1]
    world.bind("username-password", {"username": "me", "password": CANARY}, name="login")
    with world.run(sieve=sieve) as broker, asked(broker) as client:
        assert not sieve.finds(CANARY)
        client.open_credential("login", purpose="a login")
        assert sieve.finds(CANARY)
        world.vault.rotate("login", {"username": "me", "password": new})
        client.open_credential("login", purpose="a login")
        assert sieve.finds(new)
        assert sieve.finds(CANARY)


def test_out_of_its_scope_a_bound_credential_stays_closed_and_that_is_audited(
    world: DnsWorld,
) -> None:  # B7, B10
    world.bind("username-password", {"username": "me", "password": CANARY}, name="login")
    world.vault.rescope("login", "project:elsewhere")
    with world.run() as broker, asked(broker) as client:
        with pytest.raises(
            BrokerError, match="may not be used here: its scope is project:elsewhere"
        ) as refused:
            client.open_credential("login", purpose="a login")
        assert "tic creds scope login SCOPE" in refused.value.hint
    log = AuditLog(world.database, world.vault.ledger).newest(Wanted(action="credential.open"), 9)
    assert [
        (one.event.outcome, one.event.name, one.event.stack) for one in log if isinstance(one, Entry)
    ] == [("refused", "login", "site/dev")]


def test_what_the_stack_is_not_bound_to_stays_closed_whether_it_exists_or_not(world: DnsWorld) -> None:  # C2
    world.vault.new("others", "username-password", {"username": "me", "password": CANARY})
    with world.run() as broker, asked(broker) as client:
        for reference in ("others", "nothing"):
            with pytest.raises(BrokerError, match=f"is not bound to a credential '{reference}'") as refused:
                client.open_credential(reference, purpose="curiosity")
            assert "tic stack bind" in refused.value.hint
    assert world.vault.find("others").last_used_at is None
