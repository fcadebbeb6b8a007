"""Tencent Cloud's DNSPod, where every call is signed with TC3-HMAC-SHA256."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.clouds.world import ZONE, CloudWorld, called_as_said, cloud_world, granted, keeps_others
from tests.emulators.signing import Key
from tests.emulators.tencentcloud import HOSTS
from tests.emulators.tencentcloud_dns import Dnspod

SECRET = "canary-" + secrets.token_hex(16)
TOKEN = "canary-" + secrets.token_hex(24)
ACTIONS = ("DescribeDomainList", "CreateRecord", "DescribeRecordList", "DeleteRecord")


def fields(key: Key) -> dict[str, str]:
    token = {"session-token": key.token} if key.token else {}
    return {"secret-id": key.id, "secret-key": key.secret, **token}


@contextmanager
def dnspod(folder: Path, key: Key) -> Iterator[tuple[CloudWorld, Dnspod]]:
    """A world with this key in its vault, and the cloud that knows it."""
    api = Dnspod([key])
    api.products.domains[key.account] = {ZONE, *(f"a{number}.test" for number in range(30))}
    with cloud_world(folder, dict.fromkeys(HOSTS, api), api.txt) as world:
        world.dns.bind("tencentcloud", fields(key), name="dns")
        yield world, api


@pytest.mark.parametrize("token", ["", TOKEN], ids=["a user's key", "a temporary key"])
def test_publishes_and_withdraws(tmp_path: Path, token: str) -> None:  # D1, D4
    with dnspod(tmp_path, Key("AKIDkey", SECRET, "1000", "dns", token)) as (world, _):
        world.passes()


def test_it_calls_what_its_privileges_say_and_nothing_else(tmp_path: Path) -> None:  # D6
    with dnspod(tmp_path, Key("AKIDkey", SECRET, "1000")) as (world, api):
        called = called_as_said("tencentcloud", world.calls(api.taken))
    assert called == {f"dnspod:{one}" for one in ACTIONS}
    assert called == granted("tencentcloud", "statement", "action")  # in QcloudDNSPodFullAccess: dnspod:*


@pytest.mark.parametrize("action", ACTIONS)
def test_the_action_that_a_key_lacks_is_named_with_the_policy_to_attach(
    tmp_path: Path, action: str
) -> None:  # D6
    key = Key("AKIDkey", SECRET, "1000", denied=frozenset({f"dnspod:{action}"}))
    with dnspod(tmp_path, key) as (world, _):
        refused = world.refusal()
    assert str(refused).startswith(f"dns (tencentcloud) lacks the permission dnspod:{action}: Tencent ")
    assert "tic creds privileges tencentcloud --for apply --format policy" in refused.hint
    assert SECRET not in str(refused)


def test_values_of_others_at_the_name_stay(tmp_path: Path) -> None:  # D1, D5
    with dnspod(tmp_path, Key("AKIDkey", SECRET, "1000")) as (world, api):
        api.put(ZONE, "_acme-challenge", "somebody else's")
        keeps_others(world, "somebody else's")
