"""Each use, change and refusal is in the log before anything comes of it, and no secret ever is (B10)."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from credentials.audit import Entry
from credentials.audit_chain import Problem
from credentials.audit_log import AuditLog, LogTampered, NoLogYet
from credentials.audit_store import Wanted
from credentials.credential import RoleState
from credentials.errors import CredentialError
from credentials.refusals import ConflictingChange
from credentials.scopes import Place
from credentials.sealing import Sealer
from engine.database import DatabaseUnusable
from tests.credentials.test_canary import CANARY, assert_absent
from tests.credentials.worlds import KEYS, World

ROOT = Path(__file__).parents[2]


def log_of(world: World) -> AuditLog:
    return AuditLog(world.database, world.reopened().ledger)


def told(world: World) -> list[Entry]:
    return [one for one in log_of(world).newest(Wanted(), 1000) if isinstance(one, Entry)]


def in_short(world: World) -> list[str]:
    """What the log says after the vault was made, as "action outcome name"."""
    return [
        f"{one.event.action} {one.event.outcome} {one.event.name or one.event.kind or '-'}"
        for one in told(world)[1:]
    ]


def test_each_use_change_and_refusal_is_told(world: World) -> None:
    vault = world.vault
    vault.new("prod", "tencentcloud", KEYS)
    vault.new("spare", "tencentcloud", KEYS)
    vault.activate("spare")
    vault.rotate("prod", KEYS)
    vault.rescope("prod", "project:shop")
    vault.opened("prod", purpose="up", stack="shop/live", place=Place("shop"))
    with pytest.raises(CredentialError):
        vault.opened("prod", purpose="up", place=Place("other"))
    with pytest.raises(CredentialError):
        vault.delete("spare")
    with pytest.raises(CredentialError):
        vault.clear("tencentcloud")
    world.use("shop/live", "prod")
    world.set_role("tencentcloud", RoleState.ENABLED)
    with pytest.raises(CredentialError):
        vault.new("third", "tencentcloud", KEYS)
    vault.clear("tencentcloud")
    with pytest.raises(CredentialError):
        world.set_role("tencentcloud", RoleState.DISABLED)
    assert in_short(world) == [
        "credential.new done prod",
        "credential.new done spare",
        "credential.activate done spare",
        "credential.rotate done prod",
        "credential.scope done prod",
        "credential.open done prod",
        "credential.open refused prod",
        "credential.delete refused spare",
        "credential.clear refused tencentcloud",
        "role.link done tencentcloud",
        "role.enabled done tencentcloud",
        "credential.new refused third",
        "credential.clear done tencentcloud",
        "credential.delete done prod",
        "credential.delete done spare",
        "role.disable refused tencentcloud",
    ]
    assert log_of(world).verify().problems == ()


def test_an_entry_says_who_what_where_and_why(world: World) -> None:
    made = world.vault.new("prod", "tencentcloud", KEYS, scope="project:shop")
    world.vault.opened("prod", purpose="a preview", stack="shop/live", place=Place("shop"))
    with pytest.raises(CredentialError):
        world.vault.opened(made.token, purpose="a look", place=Place("other"))
    opened, refused = told(world)[-2:]
    event = opened.event
    assert (event.credential, event.name, event.kind) == (made.token, "prod", "tencentcloud")
    assert (event.stack, event.purpose) == ("shop/live", "a preview")
    assert refused.event.credential == made.token
    assert "its scope is project:shop" in refused.event.detail["why"]


FAULTS = {
    "a trigger": "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END",
    "no table": "ALTER TABLE audit RENAME TO elsewhere",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cant_be_told_is_not_done(world: World, fault: str) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    before = world.vault.view("prod")
    world.sql(FAULTS[fault])
    vault = world.reopened()
    acts: tuple[Callable[[], object], ...] = (
        lambda: vault.opened("prod", purpose="a test"),
        lambda: vault.rotate("prod", KEYS),
        lambda: vault.new("another", "tencentcloud", KEYS),
    )
    for act in acts:
        with pytest.raises((ConflictingChange, DatabaseUnusable)):
            act()
    assert world.vault.view("prod") == before
    assert len(world.vault.list()) == 1


_ON_A_FULL_DISK = """
import pathlib, resource, sys
from credentials.vault import Vault
from engine.database import Database
from engine.home import Home
from tests.credentials.worlds import Stacks

home = Home(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1]))
vault = Vault.open(Database.open(home), home.root, usage=Stacks())
assert vault.opened("prod", purpose="with room").fields
resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
try:
    vault.opened("prod", purpose="without room")
except Exception as error:
    print("refused", error.exit_code, error)
else:
    print("released")
"""


def test_a_secret_is_not_released_while_nothing_more_can_be_written(world: World) -> None:
    """No file of this process can grow: its next write to SQLite's log fails, as on a full disk."""
    world.vault.new("prod", "tencentcloud", KEYS)
    child = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK, str(world.home.root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.startswith("refused 5 the disk of the database ")
    assert [one.event.purpose for one in told(world)[2:]] == ["with room"]
    assert log_of(world).verify().problems == ()


def test_entries_of_many_at_once_are_one_chain(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    vaults = [world.reopened() for _ in range(4)]
    with ThreadPoolExecutor(len(vaults)) as threads:
        for vault in vaults:
            for number in range(3):
                threads.submit(vault.opened, "prod", purpose=str(number)).add_done_callback(
                    lambda done: done.result()
                )
    found = log_of(world).verify()
    assert (found.checked, found.problems) == (2 + 12, ())


def test_no_secret_is_in_the_log(world: World) -> None:
    fields = {"secret-id": "an-id", "secret-key": CANARY}
    vault = world.vault
    vault.new("prod", "tencentcloud", fields, scope="project:shop")
    vault.rotate("prod", fields)
    vault.opened("prod", purpose="a test", place=Place("shop"))
    acts: tuple[Callable[[], object], ...] = (
        lambda: vault.opened("prod", purpose="a test"),
        lambda: vault.delete("prod"),
        lambda: vault.rotate("prod", {**fields, "region": CANARY + "!"}),
        lambda: vault.new("prod", "tencentcloud", fields),
        lambda: vault.new("bad", "tencentcloud", {**fields, CANARY: CANARY}),
    )
    for act in acts:
        with pytest.raises(CredentialError):
            act()
    assert len(told(world)) >= 6
    assert_absent(repr(told(world)).encode())
    written: list[bytes] = []
    log_of(world).export(written.append, since=None, now=1)
    assert_absent(b"".join(written))


def test_a_log_that_lost_its_end_with_the_whole_database_is_noticed(world: World) -> None:
    """An old copy is whole in itself: what this machine has seen tells (the anchor beside the key)."""
    world.vault.new("prod", "tencentcloud", KEYS)
    world.close()
    copy = world.home.root.parent / "copy"
    shutil.copy(world.home.database, copy)
    world.vault.opened("prod", purpose="a test")
    world.close()
    shutil.copy(copy, world.home.database)
    assert log_of(world).verify().problems == (
        Problem(3, "this machine has seen the log up to entry 3: the database is an old copy"),
    )


def test_a_broken_seal_over_the_end_is_a_problem_of_its_own(world: World) -> None:
    world.sql("UPDATE vault SET audit_head = x'00'")
    assert log_of(world).verify().problems == (
        Problem(0, "the vault's seal over the end of the log was changed"),
    )


def test_an_end_that_is_put_back_does_not_fit_its_seal(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    world.vault.opened("prod", purpose="a test")
    world.sql("DELETE FROM audit WHERE seq = 3")
    assert log_of(world).verify().problems == (Problem(3, "the end of the log is missing: 3"),)
    with pytest.raises(CredentialError) as refused:
        world.reopened().opened("prod", purpose="another")
    assert refused.value.exit_code == 5


def test_a_log_that_does_not_verify_is_not_signed(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    world.sql("UPDATE audit SET actor = 'another' WHERE seq = 2")
    written: list[bytes] = []
    with pytest.raises(LogTampered) as refused:
        log_of(world).export(written.append, since=None, now=1)
    assert written == []
    assert str(refused.value) == (
        "the audit log was changed by something else than tic: one problem was found; nothing was exported"
    )


def test_a_vault_of_an_older_tic_has_no_log_until_it_is_used(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    keys = world.vault.ledger.unlock()
    wrapped = Sealer(keys.wrapping, world.vault.status().vault_id).seal(("data-key",), keys.data.reveal())
    world.sql("UPDATE vault SET wrapped_key = ?, digest = NULL, audit_key = NULL, audit_head = NULL", wrapped)
    world.sql("DELETE FROM audit")
    world.vault.ledger.anchor.path.unlink()
    log = log_of(world)
    assert (log.verify().checked, log.verify().problems, log.public_key()) == (0, (), None)
    with pytest.raises(NoLogYet):
        log.export(lambda line: None, since=None, now=1)
    world.reopened().opened("prod", purpose="a test")
    found = log_of(world).verify()
    assert (found.checked, found.problems) == (1, ())
