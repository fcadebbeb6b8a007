"""Sharing a stack: with what there is, by name, and the audit log has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from credentials.audit import Entry
from credentials.audit_log import AuditLog
from credentials.audit_store import Wanted
from credentials.vault import Vault
from engine import stack_sharing
from engine.bindings import Usage
from engine.installation import Installation
from engine.state import sharing, stacks
from engine.state.sharing import ReaderRefused
from engine.state.stacks import Stack, StackMissing
from tests.engine.vaults import fresh


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(fresh(tmp_path / "home"))
    Vault.create(made.database, made.home.root, usage=Usage())
    yield made
    made.database.close()


@pytest.fixture
def source(installation: Installation) -> Stack:
    with installation.database.write() as connection:
        stacks.create(connection, "shop", "web")
        stacks.create(connection, "base", "dns")
        return stacks.create(connection, "base", "net", tags={"owner": "me"})


def now(installation: Installation, source: Stack) -> Stack:
    with installation.database.read() as connection:
        return stacks.get(connection, source.id)


def test_a_stack_is_shared_by_name_and_the_name_is_that_of_a_stack(
    installation: Installation, source: Stack
) -> None:  # C2
    for reader in ("dns", "shop/web", "other/*", "shop/web"):
        stack_sharing.share(installation, source, reader)
    for reader in ("none", "shop/none"):
        with pytest.raises(StackMissing):
            stack_sharing.share(installation, source, reader)
    for reader in ("a b", "shop/", "/web", "*/*", "shop/web/x", "shop/w*"):
        with pytest.raises((ReaderRefused, StackMissing)):
            stack_sharing.share(installation, source, reader)
    shared = now(installation, source)
    assert sharing.readers(shared) == ("base/dns", "other/*", "shop/web")
    assert shared.tags["owner"] == "me"
    assert [sharing.may_read(shared, "shop", name) for name in ("web", "site", None)] == [True, False, False]
    assert [sharing.may_read(shared, "other", name) for name in ("any", None)] == [True, True]


def test_the_right_is_taken_back_once(installation: Installation, source: Stack) -> None:
    stack_sharing.share(installation, source, "dns")
    assert stack_sharing.unshare(installation, source, "dns") == "base/dns"
    with pytest.raises(ReaderRefused):
        stack_sharing.unshare(installation, source, "dns")
    assert now(installation, source).tags == source.tags
    entries = AuditLog(installation.database, installation.vault.ledger).newest(Wanted(), 3)
    told = [f"{one.event.action} {one.event.outcome}" for one in entries if isinstance(one, Entry)]
    assert told[-2:] == ["stack.share done", "stack.unshare done"]


def test_a_tag_never_gets_longer_than_pulumi_lets_it_be(installation: Installation, source: Stack) -> None:
    def share_with(count: int) -> None:
        for number in range(count):
            stack_sharing.share(installation, source, f"project-{number}/*")

    with pytest.raises(ReaderRefused) as refused:
        share_with(100)
    assert "'project-" in refused.value.hint
    assert len(now(installation, source).tags[sharing.TAG]) <= sharing.LONGEST
