"""A version of a stack as it was, under the stack's name of today; and the configuration of then and now."""

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from credentials.errors import CredentialError
from engine import project
from engine.past.comparison import compare
from engine.past.opened import Secret, unsealer
from engine.past.settings import in_force, recorded
from engine.past.version import VersionUnknown, version
from engine.state import journal, stacks, updates, versions
from engine.state.compression import QUICK, packed
from engine.state.owner import this_process
from engine.state.sealing import encrypter, sealed_value
from engine.state.stacks import Stack
from engine.state.updates import Request
from engine.state.versions import Checkpoint
from tests.engine.state.client import created
from tests.engine.state.conftest import Wax
from tests.engine.state.journals import resource, urn


@pytest.fixture
def stack(connection: Connection) -> Stack:
    return stacks.create(connection, "proj", "dev")


def ran(connection: Connection, stack: Stack, *resources: dict[str, Any], **config: Any) -> Stack:
    """One more version of the stack; returns the stack as it is then."""
    request = Request("update", False, "me", "v3.259.0", this_process(), config=config)
    update = updates.create(connection, stack.id, request)
    number = updates.start(connection, stack.id, update, b"hash", time.time())
    root = {
        "urn": f"urn:pulumi:{stack.name}::proj::pulumi:pulumi:Stack::proj-{stack.name}",
        "type": "pulumi:pulumi:Stack",
        "custom": False,
    }
    updates.complete(connection, update, b"hash", "succeeded", time.time())
    checkpoint = Checkpoint(number, 3, (), {"resources": [root, *resources]})
    versions.save(connection, stack.id, number, checkpoint)
    return stacks.get(connection, stack.id)


def names(found: Any) -> list[str]:
    return [each["urn"].rpartition("::")[2] for each in found.deployment["resources"]]


def test_a_version_is_found_by_its_number_and_the_newest_without_one(
    connection: Connection, stack: Stack
) -> None:
    ran(connection, stack, resource("a"))
    stack = ran(connection, stack, resource("a"), resource("b"))
    assert names(version(connection, stack, 1)) == ["proj-dev", "a"]
    assert version(connection, stack).number == 2
    assert names(version(connection, stack)) == names(version(connection, stack, 2)) == ["proj-dev", "a", "b"]


def test_what_an_update_has_done_so_far_is_its_version(connection: Connection, stack: Stack) -> None:
    request = Request("update", False, "me", "v3.259.0", this_process())
    update = updates.create(connection, stack.id, request)
    updates.start(connection, stack.id, update, b"hash", time.time())
    journal.append(connection, update, packed({"entries": [created(1, "a")]}, QUICK))
    found = version(connection, stacks.get(connection, stack.id))
    assert (found.number, found.record.status, names(found)) == (1, "running", ["a"])


def test_an_unknown_version_is_refused_with_what_there_is(connection: Connection, stack: Stack) -> None:
    with pytest.raises(VersionUnknown, match="nothing ran on proj/dev yet"):
        version(connection, stack)
    stack = ran(connection, stack)
    for number in (0, 2):
        with pytest.raises(VersionUnknown, match=f"no version {number}; its last is 1"):
            version(connection, stack, number)


def test_a_version_from_before_a_renaming_has_the_urns_of_today(connection: Connection, stack: Stack) -> None:
    ran(connection, stack, resource("a", inputs={"x": 1}))
    ran(connection, stack)
    renamed = stacks.rename(connection, stack.id, "proj", "live")
    after = ran(connection, renamed, {**resource("a", inputs={"x": 1}), "urn": urn("a", stack="live")})
    then, now = version(connection, after, 1), version(connection, after)
    assert versions.at(connection, stack.id, 1).deployment["resources"][1]["urn"] == urn("a", stack="dev")
    assert then.deployment["resources"][1]["urn"] == urn("a", stack="live")

    def unseal(_ciphertext: str) -> bytes:
        raise AssertionError

    assert compare(then.side(unseal), now.side(unseal), unseal).same


def test_a_secret_of_another_stack_does_not_open(connection: Connection, stack: Stack, sealing: Wax) -> None:
    other = stacks.create(connection, "proj", "other")
    inputs = {"key": sealed_value("canary", encrypter(sealing, other.id))}
    ran(connection, stack, resource("a", inputs={"key": sealed_value("x", encrypter(sealing, stack.id))}))
    stack = ran(connection, stack, resource("a", inputs=inputs))
    unseal = unsealer(sealing, stack.id)
    before, after = (version(connection, stack, number).side(unseal) for number in (1, 2))
    with pytest.raises(CredentialError) as refused:
        compare(before, after, unseal)
    assert "canary" not in f"{refused.value}"


@pytest.mark.parametrize("text", ["", "not base64!", "AAAA"])
def test_what_is_no_ciphertext_at_all_is_damage_and_no_crash(
    connection: Connection, stack: Stack, sealing: Wax, text: str
) -> None:
    broken = recorded({"p:key": {"string": text, "secret": True}}, unsealer(sealing, stack.id))["p:key"]
    with pytest.raises(CredentialError):
        broken.reveal()


def test_configuration_in_force_is_the_projects_and_over_it_the_stacks(
    connection: Connection, stack: Stack, sealing: Wax, tmp_path: Path
) -> None:
    """As Pulumi itself tells it to an update (recorded from one of its)."""
    encrypt, unseal = encrypter(sealing, stack.id), unsealer(sealing, stack.id)
    (tmp_path / "Pulumi.yaml").write_text(
        "name: proj\nruntime: python\nconfig:\n  size: {type: integer, default: 4}\n"
        "  proj:name: {default: mine}\n  aws:zone: b\n  asked: {type: string}\n"
    )
    (tmp_path / "Pulumi.dev.yaml").write_text(
        f"config:\n  proj:name: yours\n  proj:on: true\n  proj:list: [1, {{a: x}}]\n"
        f"  proj:key:\n    secure: {encrypt(b'canary')}\n"
    )
    there = in_force(stack, project.read(tmp_path), unseal)
    kept = {
        "aws:zone": {"string": "b"},
        "proj:key": {"string": encrypt(b"canary"), "secret": True},
        "proj:list": {"string": '[1,{"a":"x"}]', "object": True},
        "proj:name": {"string": "yours"},
        "proj:on": {"string": "true"},
        "proj:size": {"string": "4"},
    }
    assert there == recorded(kept, unseal)
    assert isinstance(there["proj:key"], Secret)
    assert "canary" not in repr(there)
