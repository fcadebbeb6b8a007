"""D4: an ACME-DNS account is registered once, kept in the vault alone, and used by every later run."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from credentials.audit import Entry
from credentials.audit_log import AuditLog
from credentials.audit_store import Wanted
from credentials.files.acme_dns import Accounts, read
from engine.acme_dns import FILE, CnameMissing, KeepingAccounts
from engine.state.sieve import Sieve
from stacks.broker import Withdraw
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.worker import LegoProvider, LegoWorker
from tests.engine.dns_world import NAME, DnsWorld, dns_world, publish, value
from tests.servers.acme_dns import AcmeDns, acme_dns


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def server() -> Iterator[AcmeDns]:
    with acme_dns() as running:
        yield running


def kept(world: DnsWorld) -> Accounts:
    """The accounts in the vault."""
    fields = world.vault.opened("acme-dns", purpose="a test").fields
    return read(fields["accounts"].reveal()) if "accounts" in fields else {}


def first_use(world: DnsWorld, server: AcmeDns) -> CnameMissing:
    """A run that publishes before anybody knows of the CNAME."""
    with world.run() as broker, pytest.raises(CnameMissing) as missing:
        broker.publish(publish(nameservers=(server.address,)))
    return missing.value


def test_the_first_use_registers_and_says_which_cname_to_set(world: DnsWorld, server: AcmeDns) -> None:
    world.bind("acme-dns", {"api-base": server.url})
    missing = first_use(world, server)
    (account,) = server.accounts
    assert str(missing) == (
        f"{NAME} is no CNAME, and ACME-DNS answers for example.test at {account.fulldomain} "
        "(the account for it is kept in the credential)"
    )
    assert missing.hint == (
        "set this CNAME in the zone of example.test and run it again (tic stack up): "
        f"{NAME}. CNAME {account.fulldomain}."
    )
    assert world.notes() == []  # nothing was written, so nothing is left to withdraw


def test_the_next_run_uses_the_same_account(world: DnsWorld, server: AcmeDns) -> None:
    world.bind("acme-dns", {"api-base": server.url})
    first_use(world, server)
    server.delegate(NAME, server.accounts[0])
    for token in ("one", "two"):
        with world.run() as broker:
            done = broker.publish(publish(token, nameservers=(server.address,)))
            assert done.record_name == server.accounts[0].fulldomain
            assert value(token) in server.accounts[0].values
    assert server.requests == [("/register", 201), ("/update", 200), ("/update", 200)]
    assert world.notes() == []


def test_apex_and_wildcard_share_the_account(world: DnsWorld, server: AcmeDns) -> None:  # D5
    """One after the other: the server keeps two values of a name, and another run may want one of them."""
    world.bind("acme-dns", {"api-base": server.url})
    first_use(world, server)
    server.delegate(NAME, server.accounts[0])
    with world.run() as broker:
        for request in (publish(), replace(publish("two"), identifier="*.example.test")):
            done = broker.publish(replace(request, nameservers=(server.address,)))
            broker.withdraw(Withdraw("example.test", done.record_name, done.record_value))
        assert list(server.accounts[0].values) == [value("one"), value("two")]
    assert world.notes() == []


def test_a_cname_that_is_not_set_yet_is_told_at_once_and_registers_nothing_more(
    world: DnsWorld, server: AcmeDns
) -> None:
    world.bind("acme-dns", {"api-base": server.url})
    again = [str(first_use(world, server)) for _ in range(3)]
    assert len(set(again)) == 1
    assert server.requests == [("/register", 201)]


def test_a_cname_to_another_place_is_told_with_both(world: DnsWorld, server: AcmeDns) -> None:
    """D1. A record at the wrong place would be published for nobody."""
    world.bind("acme-dns", {"api-base": server.url})
    first_use(world, server)
    server.static.append(f"{NAME}. CNAME elsewhere.auth.test.")
    missing = first_use(world, server)
    assert f"{NAME} leads to elsewhere.auth.test, and ACME-DNS answers" in str(missing)
    assert server.accounts[0].fulldomain in missing.hint


def test_the_account_is_sealed_in_the_vault_and_nowhere_on_a_disk(
    world: DnsWorld, server: AcmeDns, tmp_path: Path
) -> None:  # C2
    world.bind("acme-dns", {"api-base": server.url})
    sieve = Sieve()
    with world.run(sieve=sieve) as broker, pytest.raises(CnameMissing) as missing:
        broker.publish(publish(nameservers=(server.address,)))
    (account,) = server.accounts
    password = account.password
    assert kept(world)["example.test"].password.reveal() == password.encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if password.encode() in path.read_bytes()]
    assert password not in f"{missing.value} {missing.value.hint} {missing.value.__context__!r}"
    assert sieve.finds(password)  # so it is kept out of the run's state and events as well


def test_the_audit_log_says_that_the_credential_was_amended(world: DnsWorld, server: AcmeDns) -> None:  # B10
    world.bind("acme-dns", {"api-base": server.url})
    first_use(world, server)
    log = AuditLog(world.database, world.vault.ledger).newest(Wanted(action="credential.amend"), 9)
    (event,) = [one.event for one in log if isinstance(one, Entry)]
    assert (event.outcome, event.name, event.detail) == ("done", "acme-dns", {"field": "accounts"})


def test_domains_that_are_registered_at_once_all_keep_their_accounts(
    world: DnsWorld, server: AcmeDns
) -> None:
    """Two runs, two workers, each with a file of its own."""
    world.bind("acme-dns", {"api-base": server.url})
    names = [f"{letter}.example.test" for letter in "abcd"]

    def run(domain: str) -> None:
        with world.run() as broker, pytest.raises(CnameMissing):
            broker.publish(replace(publish(nameservers=(server.address,)), identifier=domain))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, names))
    assert sorted(kept(world)) == names
    assert {one.fulldomain for one in kept(world).values()} == {one.fulldomain for one in server.accounts}


def test_a_rotation_keeps_the_accounts_and_another_server_gets_none_of_them(
    world: DnsWorld, server: AcmeDns
) -> None:  # B5
    world.bind("acme-dns", {"api-base": server.url})
    first_use(world, server)
    world.vault.rotate("acme-dns", {"allowlist": "127.0.0.0/8"})
    first_use(world, server)
    assert len(server.accounts) == 1
    with acme_dns() as other:
        world.vault.rotate("acme-dns", {"api-base": other.url})
        first_use(world, other)
        assert len(other.accounts) == 1
        assert other.accounts[0].allowed == ("127.0.0.0/8",)
        assert kept(world)["example.test"].fulldomain == other.accounts[0].fulldomain


def test_accounts_of_another_client_are_taken_over(world: DnsWorld, server: AcmeDns) -> None:
    _, made = server.register({})
    made.pop("allowfrom")
    accounts = json.dumps({"example.test": made})
    world.bind("acme-dns", {"api-base": server.url, "accounts": accounts})
    server.delegate(NAME, server.accounts[0])
    with world.run() as broker:
        broker.publish(publish(nameservers=(server.address,)))
    assert server.requests == [("/update", 200)]


def test_what_the_server_refuses_is_told_and_no_account_is_lost(world: DnsWorld, server: AcmeDns) -> None:
    world.bind("acme-dns", {"api-base": server.url})
    first_use(world, server)
    server.delegate(NAME, server.accounts[0])
    before, server.accounts[0].password = kept(world), "another"
    with world.run() as broker, pytest.raises(ProviderFailed) as failed:
        broker.publish(publish(nameservers=(server.address,)))
    assert "forbidden" in str(failed.value)
    assert before["example.test"].password.reveal().decode() not in str(failed.value)
    assert kept(world) == before


class Crashing(LegoWorker):
    """A worker that dies when lego has done its part, before tic hears of it."""

    def perform(self, record: Record) -> None:
        with suppress(ProviderFailed):
            super().perform(record)
        self._end()
        raise ProviderFailed("acmedns crashed", hint="run it again")


def test_an_account_is_kept_that_a_worker_registered_and_did_not_live_to_tell(
    world: DnsWorld, server: AcmeDns
) -> None:
    token = world.bind("acme-dns", {"api-base": server.url})
    environment = {"ACME_DNS_API_BASE": server.url}
    provider = LegoProvider(
        "acmedns", environment, {*environment, FILE}, (), (server.address,), files={FILE: b""}
    )
    worker = Crashing(provider, machine={})
    publisher = KeepingAccounts(worker, world.lessee(), token, server.url)
    challenge = Challenge("example.test", "one", "one.thumbprint")
    with pytest.raises(CnameMissing):
        publisher.perform(Record(challenge, NAME))
    publisher.close()
    assert kept(world)["example.test"].fulldomain == server.accounts[0].fulldomain


def test_a_server_that_takes_no_registrations_is_one_clear_error(world: DnsWorld, server: AcmeDns) -> None:
    world.bind("acme-dns", {"api-base": f"{server.url}/closed"})
    with world.run() as broker, pytest.raises(ProviderFailed, match="acmedns failed publishing") as failed:
        broker.publish(publish(nameservers=(server.address,)))
    assert "register" in str(failed.value)
    assert kept(world) == {}
