"""Alibaba Cloud DNS, where every call is signed with ACS3-HMAC-SHA256."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.clouds.world import ZONE, CloudWorld, called_as_said, cloud_world, granted, keeps_others
from tests.emulators.alicloud import HOSTS
from tests.emulators.alicloud_dns import Alidns
from tests.emulators.signing import Key

SECRET = "canary-" + secrets.token_hex(16)
TOKEN = "canary-" + secrets.token_hex(24)
ACTIONS = ("DescribeDomains", "AddDomainRecord", "DescribeDomainRecords", "DeleteDomainRecord")


def fields(key: Key) -> dict[str, str]:
    token = {"security-token": key.token} if key.token else {}
    return {"access-key": key.id, "secret-key": key.secret, **token}


@contextmanager
def alidns(folder: Path, key: Key, *, tells_action: bool = True) -> Iterator[tuple[CloudWorld, Alidns]]:
    """A world with this key in its vault, and the cloud that knows it."""
    api = Alidns([key], tells_action=tells_action)
    api.products.domains[key.account] = {ZONE, *(f"zone{number}.test" for number in range(30))}
    with cloud_world(folder, dict.fromkeys(HOSTS, api), api.txt) as world:
        world.dns.bind("alicloud", fields(key), name="dns")
        yield world, api


@pytest.mark.parametrize("token", ["", TOKEN], ids=["a user's key", "a temporary key"])
def test_publishes_and_withdraws(tmp_path: Path, token: str) -> None:  # D1, D4
    with alidns(tmp_path, Key("LTAIkey", SECRET, "1000", "dns", token)) as (world, _):
        world.passes()


def test_it_calls_what_its_privileges_say_and_nothing_else(tmp_path: Path) -> None:  # D6
    with alidns(tmp_path, Key("LTAIkey", SECRET, "1000")) as (world, api):
        called = called_as_said("alicloud", world.calls(api.taken))
    assert called == {f"alidns:{one}" for one in ACTIONS}
    assert called == granted("alicloud", "Statement", "Action")  # all are in AliyunDNSFullAccess: alidns:*


@pytest.mark.parametrize("tells_action", [True, False])
@pytest.mark.parametrize("action", ACTIONS)
def test_the_action_that_a_key_lacks_is_named_with_the_policy_to_attach(
    tmp_path: Path, action: str, *, tells_action: bool
) -> None:  # D6
    key = Key("LTAIkey", SECRET, "1000", denied=frozenset({f"alidns:{action}"}))
    with alidns(tmp_path, key, tells_action=tells_action) as (world, _):
        refused = world.refusal()
    assert str(refused).startswith(
        f"dns (alicloud) lacks the permission alidns:{action}: Alibaba Cloud refuses "
    )
    assert "tic creds privileges alicloud --for apply --format policy" in refused.hint
    assert SECRET not in str(refused)


def test_values_of_others_at_the_name_stay(tmp_path: Path) -> None:  # D1, D5
    with alidns(tmp_path, Key("LTAIkey", SECRET, "1000")) as (world, api):
        api.put(ZONE, "_acme-challenge", "somebody else's")
        keeps_others(world, "somebody else's")
