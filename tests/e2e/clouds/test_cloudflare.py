"""Cloudflare in its three ways: one token, one each for zones and records, the account's global key."""

from pathlib import Path

import pytest

from engine.publishers import Publishers
from engine.withdrawal import settle
from tests.e2e.clouds.world import called_as_said, cloud_world, value
from tests.emulators.cloudflare import HOST, Token, User
from tests.emulators.cloudflare_dns import CloudflareDns

BOTH = Token("both", "canary-" + "b" * 40)
READS = Token("reads", "canary-" + "r" * 40, edits_dns=False)
EDITS = Token("edits", "canary-" + "e" * 40, reads_zones=False)
OWNER = User("owner", "owner@example.test", "ca11a9" + "0" * 31)
WAYS = {
    "one token": {"api-token": BOTH.value},
    "two tokens": {"api-token": EDITS.value, "zone-api-token": READS.value},
    "the global key": {"email": OWNER.email, "api-key": OWNER.key},
}


@pytest.mark.parametrize("way", WAYS)
def test_publishes_and_withdraws(tmp_path: Path, way: str) -> None:  # D1, D4
    api = CloudflareDns(BOTH, READS, EDITS, OWNER)
    with cloud_world(tmp_path, {HOST: api}, api.txt) as world:
        world.dns.bind("cloudflare", WAYS[way])
        world.passes()


@pytest.mark.parametrize("way", WAYS)
def test_it_calls_what_its_privileges_say_and_nothing_else(tmp_path: Path, way: str) -> None:  # D6
    api = CloudflareDns(BOTH, READS, EDITS, OWNER)
    with cloud_world(tmp_path, {HOST: api}, api.txt) as world:
        world.dns.bind("cloudflare", WAYS[way])
        assert called_as_said("cloudflare", world.calls(api.taken)) <= {
            "Zone / Zone / Read",
            "Zone / DNS / Edit",
        }


def test_of_two_tokens_each_is_asked_for_its_own_alone(tmp_path: Path) -> None:
    api = CloudflareDns(READS, EDITS)
    with cloud_world(tmp_path, {HOST: api}, api.txt) as world:
        world.dns.bind("cloudflare", WAYS["two tokens"])
        world.passes()
        assert set(api.calls) == {("reads", "Zone / Zone / Read"), ("edits", "Zone / DNS / Edit")}


def test_a_token_that_may_not_edit_is_told_so(tmp_path: Path) -> None:  # D6
    api = CloudflareDns(READS)
    with cloud_world(tmp_path, {HOST: api}, api.txt) as world:
        world.dns.bind("cloudflare", {"api-token": READS.value}, name="dns")
        refused = world.refusal()
    assert str(refused).startswith("dns (cloudflare) lacks the permission Zone / DNS / Edit: ")
    assert refused.hint.startswith("attach the policy that this prints: tic creds privileges cloudflare ")
    assert READS.value not in f"{refused}{refused.hint}"


def test_a_token_that_sees_no_zone_may_lack_that_permission(tmp_path: Path) -> None:  # D6
    api = CloudflareDns(EDITS)
    with cloud_world(tmp_path, {HOST: api}, api.txt) as world:
        world.dns.bind("cloudflare", {"api-token": EDITS.value}, name="dns")
        refused = world.refusal()
    assert str(refused).startswith("dns (cloudflare) may lack the permission Zone / Zone / Read: ")
    assert refused.hint.startswith("check that the zone is in this account")


@pytest.mark.parametrize("way", WAYS)
def test_what_a_crash_left_is_withdrawn_by_its_value_or_named(tmp_path: Path, way: str) -> None:  # D1
    """lego knows a record only by its id; dns-lexicon finds it with a key that may do both."""
    api = CloudflareDns(BOTH, READS, EDITS, OWNER)
    with cloud_world(tmp_path, {HOST: api}, api.txt) as world:
        world.dns.bind("cloudflare", WAYS[way], name="dns")
        with world.run() as broker:
            world.publish(broker)
            (note,) = world.dns.notes()
            another = Publishers(world.dns.lessee(), "a test", machine=world.env)
            told = settle(world.dns.database, another, note, lambda _: False)
            another.close()
            if way == "two tokens":
                assert told.severity == "warning"
                assert f"with the value {value()} may still be published" in told.message
                assert "https://dash.cloudflare.com/" in told.message
            else:
                assert (told.severity, world.there()) == ("info", [])
        assert world.there() == []  # the worker that published it is there until its run ends
