"""Five clouds with a wrong key, without the zone, and after a crash: what is said, and what is left there."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from engine.publishers import Publishers
from engine.withdrawal import withdraw
from stacks.dns.publisher import ProviderFailed
from tests.credentials.identity.test_azure import SUBSCRIBED
from tests.e2e.clouds.test_azure import ABLE
from tests.e2e.clouds.world import ZONE, Store, cloud_world
from tests.emulators import alicloud_dns, aws, azure, cloudflare, tencentcloud_dns
from tests.emulators.aws_dns import route53
from tests.emulators.azure_dns import GROUP, AzureDns
from tests.emulators.cloudflare_dns import CloudflareDns
from tests.emulators.proxy import Handler
from tests.emulators.signing import Key

KEY = Key("AKIDEXAMPLE", "canary-" + secrets.token_hex(16), "1000")
TOKEN = cloudflare.Token("both", "canary-" + "b" * 40)
NAME, AT = f"_acme-challenge.{ZONE}", (ZONE, "_acme-challenge")
OF_AZURE = {**SUBSCRIBED, "resource-group": GROUP}
WRONG = "canary-" + secrets.token_hex(20)


@dataclass(frozen=True, slots=True)
class There:
    """A cloud with a key and these zones: who answers, what there is, and the fields of the key."""

    hosts: Mapping[str, Handler]
    store: Store
    fields: Mapping[str, str]
    secret: str  # which of them
    put: Callable[[str], object]  # a value of somebody else at the challenge's name


def alibaba(zones: tuple[str, ...]) -> Iterator[There]:
    api = alicloud_dns.Alidns([KEY], named=zones)
    fields = {"access-key": KEY.id, "secret-key": KEY.secret}
    yield There({alicloud_dns.HOST: api}, api.txt, fields, "secret-key", lambda text: api.put(*AT, text))


def tencent(zones: tuple[str, ...]) -> Iterator[There]:
    api = tencentcloud_dns.Dnspod([KEY], named=zones)
    fields = {"secret-id": KEY.id, "secret-key": KEY.secret}
    yield There({tencentcloud_dns.HOST: api}, api.txt, fields, "secret-key", lambda text: api.put(*AT, text))


def amazon(zones: tuple[str, ...]) -> Iterator[There]:
    with route53() as api:
        ids = [api.zone(zone) for zone in zones]
        key = api.account.user("dns", "route53:*")
        fields = {"access-key-id": key.id, "secret-access-key": key.secret}
        put: Callable[[str], object] = lambda text: api.put(ids[0], NAME, text)  # noqa: E731
        yield There(dict.fromkeys(aws.HOSTS, api), api.txt, fields, "secret-access-key", put)


def microsoft(zones: tuple[str, ...]) -> Iterator[There]:
    api = AzureDns(replace(ABLE), zones=zones)
    hosts = {azure.LOGIN: api, azure.MANAGER: api}
    yield There(hosts, api.txt, OF_AZURE, "client-secret", lambda text: api.put(*AT, text))


def flare(zones: tuple[str, ...]) -> Iterator[There]:
    api = CloudflareDns(TOKEN, named=zones)
    fields = {"api-token": TOKEN.value}
    yield There({cloudflare.HOST: api}, api.txt, fields, "api-token", lambda text: api.put(ZONE, NAME, text))


CLOUDS: Mapping[str, Callable[[tuple[str, ...]], Iterator[There]]] = {
    "alicloud": alibaba,
    "tencentcloud": tencent,
    "aws": amazon,
    "azure": microsoft,
    "cloudflare": flare,
}


@pytest.mark.parametrize("kind", CLOUDS)
def test_a_wrong_secret_publishes_nothing_and_says_what_to_do(tmp_path: Path, kind: str) -> None:
    with (
        contextmanager(CLOUDS[kind])((ZONE,)) as there,
        cloud_world(tmp_path, there.hosts, there.store) as world,
    ):
        world.dns.bind(kind, {**there.fields, there.secret: WRONG}, name="dns")
        with world.run() as broker, pytest.raises(ProviderFailed) as failed:
            world.publish(broker)
        assert "tic creds rotate dns" in failed.value.hint
        assert "canary" not in f"{failed.value}{failed.value.hint}"
        assert (world.there(), world.told, world.dns.notes()) == ([], [], [])


@pytest.mark.parametrize("kind", CLOUDS)
def test_a_zone_of_another_account_is_told(tmp_path: Path, kind: str) -> None:
    with (
        contextmanager(CLOUDS[kind])(("elsewhere.test",)) as there,
        cloud_world(tmp_path, there.hosts, there.store) as world,
    ):
        world.dns.bind(kind, dict(there.fields), name="dns")
        with world.run() as broker, pytest.raises(ProviderFailed, match=r"example\.test") as failed:
            world.publish(broker)
        assert "zone" in str(failed.value) + failed.value.hint
        assert "canary" not in f"{failed.value}{failed.value.hint}"
        assert (world.there(), world.told, world.dns.notes()) == ([], [], [])


@pytest.mark.parametrize("kind", ["alicloud", "tencentcloud"])
def test_a_domain_in_another_script_is_found_by_its_name_in_dns(tmp_path: Path, kind: str) -> None:
    domain = "xn--fsqu00a.test"
    with (
        contextmanager(CLOUDS[kind])(("例子.test",)) as there,
        cloud_world(tmp_path, there.hosts, there.store, zones=(domain,)) as world,
    ):
        world.dns.bind(kind, dict(there.fields))
        with world.run() as broker:
            world.publish(broker, domain=domain)
            assert len(world.there(domain)) == 1
            world.withdraw(broker, domain=domain)
        assert (world.there(domain), world.told) == ([], [])


@pytest.mark.parametrize("kind", CLOUDS)
def test_another_process_withdraws_the_value_and_nothing_but_it(tmp_path: Path, kind: str) -> None:  # D1
    """As after a crash: it has the note and the credential, and nothing that the first process knew."""
    with (
        contextmanager(CLOUDS[kind])((ZONE,)) as there,
        cloud_world(tmp_path, there.hosts, there.store) as world,
    ):
        there.put("somebody else's")
        world.dns.bind(kind, dict(there.fields), name="dns")
        with world.run() as broker:
            world.publish(broker)
            (note,) = world.dns.notes()
            another = Publishers(world.dns.lessee(), "a test", machine=world.env)
            try:
                withdraw(world.dns.database, another, note, stopped=lambda _: False)
            finally:
                another.close()
            assert world.there() == ["somebody else's"]
        assert (world.told, world.dns.notes()) == ([], [])
