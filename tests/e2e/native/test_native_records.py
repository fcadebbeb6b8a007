"""D1: a challenge's record is a resource of the cloud's own plugin, where the stack asks for that."""

import pytest

from tests.e2e.bound.world import ALICLOUD, DOMAIN, TENCENTCLOUD
from tests.e2e.native.conftest import Scene

pytestmark = pytest.mark.server

NAMES = [DOMAIN, f"*.{DOMAIN}"]
RECORD = f"_acme-challenge.{DOMAIN}"
ALIDNS, DNSPOD = "alicloud:dns/alidnsRecord:AlidnsRecord", "tencentcloud:Dnspod/record:Record"


def test_a_teams_plugin_holds_the_records_until_the_run_that_needs_them_no_longer(scene: Scene) -> None:
    world, kind = scene.world, ALIDNS
    world.keep("key", ALICLOUD)
    scene.program(domains=NAMES, native_records=True)
    world.tic("stack", "new", "dev", "--provider", "alicloud")

    shown = world.tic("stack", "preview", "site/dev")
    assert shown.err.count(kind) == 2
    assert scene.values() == {}

    world.tic("stack", "up", "site/dev")
    serial = world.outputs()["serial"]
    assert len(scene.values()[RECORD]) == 2  # apex and wildcard, each its own resource
    assert len(scene.resources(kind)) == 2
    assert world.calls() == {ALICLOUD.id}  # the plugin's; no worker of tic's wrote anything

    assert world.tic("stack", "preview", "site/dev").err.count(kind) == 2
    world.tic("stack", "up", "site/dev")
    assert scene.values() == {}
    assert scene.resources(kind) == []
    assert "same" in world.tic("stack", "up", "site/dev").err
    assert world.outputs()["serial"] == serial


def test_no_challenge_is_answered_before_tic_has_seen_the_plugins_record(scene: Scene) -> None:
    scene.world.keep("key", TENCENTCLOUD)
    scene.program(domains=[DOMAIN], native_records=True, timing={"propagation-timeout": 2})
    scene.world.tic("stack", "new", "dev", "--provider", "tencentcloud")
    scene.hidden.append(RECORD)
    failed = scene.world.tic("stack", "up", "site/dev", code=1).err
    assert f"the TXT record {RECORD} with " in failed
    assert "did not appear within 2 s" in failed
    assert "POST /chalZ/" not in scene.ca.log  # Pebble's path of challenges

    (value,) = scene.values()[RECORD]
    scene.hidden.clear()
    scene.world.tic("stack", "up", "site/dev")  # the same order and the same record, now seen
    assert "POST /chalZ/" in scene.ca.log
    assert scene.values() == {RECORD: [value]}
    assert len(scene.resources(DNSPOD)) == 1

    scene.world.tic("stack", "destroy", "site/dev", "--yes")  # C4
    assert scene.values() == {}


def test_a_credential_without_such_a_plugin_is_refused_before_anything_is_ordered(scene: Scene) -> None:
    world = scene.world
    world.new_credential("dns", "rfc2136", nameserver=scene.names.address)
    scene.program(domains=[DOMAIN], native_records=True)
    world.tic("stack", "new", "dev", "--provider", "rfc2136")
    refused = world.tic("stack", "preview", "site/dev", code=1).err
    assert "rfc2136 has no plugin that tic knows; there are alicloud, tencentcloud" in refused
