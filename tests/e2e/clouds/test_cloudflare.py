"""Cloudflare in its three ways: one token, a token for each of zones and records, the account's global key."""

from pathlib import Path

import pytest

from tests.e2e.clouds.world import cloud_world
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
