"""What the plugin sees of the state before its run: resources of a type, without secrets."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.broker_state import without_secrets
from engine.state import versions
from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE
from engine.state.versions import Checkpoint
from tests.engine.asked_broker import asked
from tests.engine.dns_world import DnsWorld, dns_world

CANARY = "canary-" + secrets.token_hex(12)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


def test_a_stack_without_state_has_no_resources(world: DnsWorld) -> None:
    with world.run() as broker, asked(broker) as client:
        assert client.resources("tic:acme/certificate:Certificate") == []


def test_secrets_are_left_out_at_every_depth() -> None:
    secret = {SIGNATURE: SECRET, "ciphertext": CANARY}
    values = {
        "a": 1,
        "key": secret,
        "list": [secret, {"b": secret, "c": None}],
        "deep": {"d": secret, "e": "f"},
    }
    assert without_secrets(values) == {"a": 1, "list": [{"c": None}], "deep": {"e": "f"}}


def test_what_waits_for_deletion_is_told_with_what_took_its_place(world: DnsWorld) -> None:
    urn, kind = "urn:pulumi:dev::site::a:b:C::x", "a:b:C"
    resources = [
        {"urn": urn, "type": kind, "outputs": {"id": "new"}},
        {"urn": urn, "type": kind, "outputs": {"id": "old", "key": {SIGNATURE: SECRET}}, "delete": True},
        {"urn": f"{urn}y", "type": kind},
        {"urn": f"{urn}z", "type": kind, "delete": True},
    ]
    with world.database.write() as connection:
        version = versions.newest(connection, world.stack.id).version + 1
        kept = Checkpoint(version, 3, (), {"resources": resources})
        versions.save(connection, world.stack.id, version, kept)
    with world.run() as broker, asked(broker) as client:
        found = client.resources(kind)
    assert [(each.urn, each.outputs, each.replaced) for each in found] == [
        (urn, {"id": "new"}, ({"id": "old"},)),
        (f"{urn}y", {}, ()),
    ]
