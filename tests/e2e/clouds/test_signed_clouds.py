"""Baidu, Huawei, Volcano and JD Cloud: records published and withdrawn where every signature is checked."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from engine.publishers import Publishers
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge, record_value
from tests.e2e.clouds.world import ZONE, CloudWorld, called_as_said, cloud_world, value
from tests.emulators import baiducloud_dns, huaweicloud_dns, jdcloud_dns, volcengine_dns
from tests.emulators.signing import Key
from tests.engine.dns_world import warnings

KEY = Key("AKIDEXAMPLE", "canary-secret-of-the-key-0123456789", "1", "alice")
FIELDS = {"access-key": KEY.id, "secret-key": KEY.secret}
NAME = f"_acme-challenge.{ZONE}"
OTHERS = "somebody else's value"


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud: how it is made, its host, what may be called there, and how others put a value at NAME."""

    kind: str
    host: str
    make: Callable[..., Any]
    actions: tuple[str, ...]
    put: Callable[[Any, str], Any]


CLOUDS = [
    Cloud(
        "baiducloud",
        baiducloud_dns.HOST,
        baiducloud_dns.BaiduCloudDns,
        (baiducloud_dns.READ, baiducloud_dns.OPERATE),
        lambda api, text: api.put(ZONE, "_acme-challenge", text),
    ),
    Cloud(
        "huaweicloud",
        huaweicloud_dns.HOST,
        huaweicloud_dns.HuaweiCloudDns,
        (
            *(huaweicloud_dns.ZONES, huaweicloud_dns.LIST, huaweicloud_dns.CREATE),
            *(huaweicloud_dns.DELETE, huaweicloud_dns.UPDATE),
        ),
        lambda api, text: api.put(ZONE, NAME, text),
    ),
    Cloud(
        "volcengine",
        volcengine_dns.HOST,
        volcengine_dns.VolcengineDns,
        ("dns:ListZones", "dns:ListRecords", "dns:CreateRecord", "dns:DeleteRecord"),
        lambda api, text: api.put(ZONE, "_acme-challenge", text),
    ),
    Cloud(
        "jdcloud",
        jdcloud_dns.HOST,
        jdcloud_dns.JdCloudDns,
        (jdcloud_dns.LIST, jdcloud_dns.SHOW, jdcloud_dns.CREATE, jdcloud_dns.DELETE),
        lambda api, text: api.put(ZONE, "_acme-challenge", text),
    ),
]


@pytest.fixture(params=CLOUDS, ids=lambda cloud: cloud.kind)
def cloud(request: pytest.FixtureRequest) -> Cloud:
    made: Cloud = request.param
    return made


@pytest.fixture
def api(cloud: Cloud) -> Any:
    return cloud.make([KEY])


@pytest.fixture
def world(tmp_path: Path, cloud: Cloud, api: Any) -> Iterator[CloudWorld]:
    with cloud_world(tmp_path, {cloud.host: api}, api.txt) as made:
        made.dns.bind(cloud.kind, FIELDS, name="dns")
        yield made
        assert made.env.refused == []


def test_publishes_and_withdraws(world: CloudWorld) -> None:  # D1
    world.passes()


def test_a_name_and_its_wildcard_are_published_at_once_and_withdrawn_one_by_one(
    world: CloudWorld, cloud: Cloud, api: Any
) -> None:  # D5
    cloud.put(api, OTHERS)
    with world.run() as broker:
        world.publish(broker, "one")
        world.publish(broker, "two")
        assert world.there() == sorted([value("one"), value("two"), OTHERS])
        world.withdraw(broker, "one")
        assert world.there() == sorted([value("two"), OTHERS])
        world.withdraw(broker, "two")
    assert world.there() == [OTHERS]
    assert world.told == []


def test_what_is_called_is_what_its_privileges_say(world: CloudWorld, cloud: Cloud, api: Any) -> None:  # D6
    alone = world.calls(api.taken)
    cloud.put(api, OTHERS)
    beside_others = world.calls(api.taken)
    called = {doing: alone[doing] | beside_others[doing] for doing in alone}
    assert called_as_said(cloud.kind, called) == set(cloud.actions)


def test_each_permission_that_is_missing_is_named_with_the_policy_that_grants_it(
    world: CloudWorld, cloud: Cloud, api: Any
) -> None:  # D6
    for action in cloud.actions:
        api.keys[KEY.id] = replace(KEY, denied=frozenset({action}))
        if action == huaweicloud_dns.UPDATE:
            cloud.put(api, OTHERS)
        refused = world.refusal()
        assert str(refused).startswith(f"dns ({cloud.kind}) lacks the permission {action}: ")
        assert f"tic creds privileges {cloud.kind} " in refused.hint
        assert KEY.secret not in f"{refused}{refused.hint}"


def test_a_temporary_key_publishes_too(world: CloudWorld, cloud: Cloud, api: Any) -> None:  # A5
    token = "canary-session-token-" + "t" * 40
    api.keys[KEY.id] = replace(KEY, token=token)
    name = "security-token" if cloud.kind == "huaweicloud" else "session-token"
    world.dns.vault.rotate("dns", {**FIELDS, name: token})
    world.passes()


def test_what_a_run_left_is_withdrawn_by_another(world: CloudWorld, cloud: Cloud, api: Any) -> None:  # D1
    cloud.put(api, OTHERS)
    token = world.dns.bindings[cloud.kind]
    record = Record(Challenge(ZONE, "one", "one.thumbprint"), NAME)
    for verb in ("perform", "cleanup"):
        publishers = Publishers(world.dns.lessee(), "a test", machine=world.env)
        try:
            assert getattr(publishers, verb)(token, record)
        finally:
            publishers.close()
    assert world.there() == [OTHERS]


def test_names_of_one_credential_are_published_side_by_side(tmp_path: Path) -> None:
    api = huaweicloud_dns.HuaweiCloudDns([KEY])
    together = Barrier(3, timeout=10)

    def meet(action: str) -> None:
        if action == huaweicloud_dns.CREATE:
            together.wait()  # breaks if one waits for the other

    api.before = meet
    with cloud_world(tmp_path, {huaweicloud_dns.HOST: api}, api.txt) as world:
        world.dns.bind("huaweicloud", FIELDS, name="dns")
        domains = [f"{name}.{ZONE}" for name in ("a", "b", "c")]
        with world.run() as broker, ThreadPoolExecutor() as pool:
            list(pool.map(lambda domain: world.publish(broker, domain=domain), domains))
        assert api.txt() == {}
        assert warnings(world.told) == []


def test_a_key_that_the_cloud_does_not_have_is_told_so_and_publishes_nothing(
    world: CloudWorld, cloud: Cloud, api: Any
) -> None:
    for keys in ({}, {KEY.id: replace(KEY, secret="another")}, {KEY.id: replace(KEY, disabled=True)}):
        api.keys = keys
        with world.run() as broker, pytest.raises(ProviderFailed) as refused:
            world.publish(broker)
        assert "tic creds rotate dns" in refused.value.hint
        assert KEY.secret not in f"{refused.value}{refused.value.hint}"
    assert world.there() == []


def test_a_zone_that_the_account_does_not_have_is_told(tmp_path: Path, cloud: Cloud) -> None:
    api = cloud.make([KEY], named=("other.test",))
    with cloud_world(tmp_path, {cloud.host: api}, api.txt) as world:
        world.dns.bind(cloud.kind, FIELDS, name="dns")
        with (
            world.run() as broker,
            pytest.raises(ProviderFailed, match="no zone for") as failed,
        ):
            world.publish(broker)
        assert failed.value.exit_code == 1


def test_two_who_write_at_one_name_of_huaweis_each_write_what_they_have_just_read(tmp_path: Path) -> None:
    """D5: as two stacks do, or two processes, that a claim to the name does not keep apart."""
    keys = [replace(KEY, id=f"KEY{number}") for number in range(3)]
    api = huaweicloud_dns.HuaweiCloudDns(keys)
    api.put(ZONE, NAME, OTHERS)
    with cloud_world(tmp_path, {huaweicloud_dns.HOST: api}, api.txt) as world:
        vault = world.dns.vault
        tokens = [
            vault.new(key.id.lower(), "huaweicloud", {**FIELDS, "access-key": key.id}).token for key in keys
        ]
        together = Barrier(len(tokens), timeout=10)

        def publishes_and_withdraws(token: str) -> None:
            challenges = [Challenge(ZONE, f"{token}{number}", f"{token}{number}.thumb") for number in (1, 2)]
            publishers = Publishers(
                world.dns.lessee(), "a test", machine=world.env, alone=world.dns.database.alone
            )
            together.wait()
            try:
                for challenge in challenges:
                    publishers.perform(token, Record(challenge, NAME))
                publishers.cleanup(token, Record(challenges[0], NAME))
            finally:
                publishers.close()

        with ThreadPoolExecutor() as pool:
            list(pool.map(publishes_and_withdraws, tokens))
    held = [f"{token}2.thumb" for token in tokens]
    assert sorted(api.txt()[NAME]) == sorted([OTHERS, *map(record_value, held)])
    calls = [call for call in api.calls if call[1] != huaweicloud_dns.ZONES]
    writes = [number for number, (_, action) in enumerate(calls) if action != huaweicloud_dns.LIST]
    assert len(writes) == 3 * len(keys)
    assert all(calls[number - 1] == (calls[number][0], huaweicloud_dns.LIST) for number in writes)
