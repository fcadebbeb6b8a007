"""`tic vault doctor` names what is wrong, and the command that mends it."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from credentials.keys import NEXT_FILE, make_key_file
from credentials.rekeying import rekey
from engine.home import Home
from engine.vault_checkup import examine
from tests.engine.vaults import Kept, fresh, full

ALL = [
    *("home", "database", "integrity", "key", "tables"),
    *("credentials", "uses", "audit", "anchor", "leftovers"),
]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return full(tmp_path / "home")


def sql(kept: Kept, statement: str) -> None:
    with sqlite3.connect(kept.home.database) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(statement)


def found(kept: Kept) -> dict[str, str]:
    """What is wrong, by check."""
    return {check.name: check.detail for check in kept.wrong()}


def test_a_whole_vault_passes_every_check(kept: Kept) -> None:
    assert [(check.name, check.ok, check.remedy) for check in examine(kept.home)] == [
        (name, True, "") for name in ALL
    ]


def test_looking_changes_nothing(kept: Kept) -> None:
    before = {path.name: path.read_bytes() for path in kept.home.root.iterdir()}
    examine(kept.home)
    assert {name: (kept.home.root / name).read_bytes() for name in before} == before


CHANGES = {
    "UPDATE credential_field SET sealed = x'00' WHERE credential_id = 1": {"tables", "credentials"},
    "UPDATE credential SET state = 'ready' WHERE name = 'prod'": {"tables"},
    "UPDATE credential SET scope = 'all' WHERE name = 'local'": {"tables", "credentials"},
    "UPDATE binding SET credential_id = 2": {"tables"},
    "DELETE FROM linked_role": {"tables"},
    "UPDATE credential SET last_used_at = last_used_at - 3600 WHERE name = 'web'": {"uses"},
    "UPDATE credential SET last_used_for = 'nothing' WHERE name = 'web'": {"uses"},
    "UPDATE credential SET last_used_at = 1.0, last_used_for = 'x' WHERE name = 'local'": {"uses"},
    "UPDATE audit SET actor = 'somebody' WHERE seq = 2": {"audit"},
    "DELETE FROM audit WHERE seq = 2": {"audit"},
    "DELETE FROM audit WHERE seq > 4": {"tables", "uses", "audit", "anchor"},
    "UPDATE vault SET digest = x'00'": {"tables", "anchor"},
    "UPDATE vault SET audit_head = x'00'": {"tables", "audit", "anchor"},
    "UPDATE vault SET created_at = 5": {"tables"},
    "UPDATE credential SET state = 'x' WHERE id = 1": {"credentials", "uses", "integrity", "tables"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_shows_where_it_is(kept: Kept, change: str) -> None:
    sql(kept, change)
    assert set(found(kept)) == CHANGES[change]
    assert all(check.remedy for check in kept.wrong())


KEY_CHANGES = [
    "UPDATE vault SET wrapped_key = x'00'",
    "UPDATE vault SET vault_id = 'another'",
    'UPDATE vault SET key_params = \'{"id": "0000000000000000"}\'',
    "UPDATE vault SET key_params = 'x'",
    "UPDATE vault SET key_source = 'cloud'",
    "UPDATE vault SET generation = 2",
    "UPDATE vault SET audit_key = NULL",
]


@pytest.mark.parametrize("change", KEY_CHANGES)
def test_a_vault_that_does_not_open_is_not_looked_into(kept: Kept, change: str) -> None:
    sql(kept, change)
    assert set(found(kept)) == {"key"}


def test_files_that_others_can_read_are_named_with_the_command(kept: Kept) -> None:
    kept.home.root.chmod(0o755)
    assert kept.wrong()[0].remedy == f"chmod 700 {kept.home.root}"
    kept.home.root.chmod(0o700)
    kept.home.database.chmod(0o644)
    assert kept.wrong()[0].remedy == f"chmod 600 {kept.home.database}"
    kept.home.database.chmod(0o600)
    kept.home.key_file.chmod(0o640)
    assert f"chmod 600 {kept.home.key_file}" in kept.wrong()[0].remedy
    kept.home.key_file.chmod(0o600)
    anchor = kept.home.root / "vault.seen"
    anchor.chmod(0o644)
    assert kept.wrong()[0].remedy == f"close it: chmod 600 {anchor}"


def test_a_damaged_file_is_named(kept: Kept) -> None:
    content = bytearray(kept.home.database.read_bytes())
    content[4096 * 2 :] = b"\0" * (len(content) - 4096 * 2)
    kept.home.database.write_bytes(content)
    assert set(found(kept)) & {"database", "integrity"}


def test_a_row_that_refers_to_nothing_is_named(kept: Kept) -> None:
    sql(kept, "DELETE FROM stack WHERE name = 'dev'")
    assert "1 row of binding refers to what is gone from stack" in found(kept)["integrity"]
    sql(kept, "DELETE FROM stack WHERE name = 'live'")
    assert found(kept)["integrity"].endswith("is damaged: 2 rows of binding refer to what is gone from stack")


def test_a_missing_key_and_another_one_are_two_things(kept: Kept) -> None:
    kept.home.key_file.unlink()
    assert "is missing" in found(kept)["key"]
    make_key_file(kept.home.key_file)
    assert "not the one that this vault was made with" in found(kept)["key"]


def test_a_missing_anchor_and_a_foreign_one_are_named(kept: Kept) -> None:
    anchor = kept.home.root / "vault.seen"
    anchor.write_bytes(b"\1" * 61)
    assert set(found(kept)) == {"audit", "anchor"}
    anchor.unlink()
    assert "it can't be told whether the database is an old copy" in found(kept)["anchor"]


def test_an_old_copy_is_named(kept: Kept, tmp_path: Path) -> None:
    older = kept.copy(tmp_path / "older")
    kept.opens()
    for path in kept.home.database_files:
        path.unlink(missing_ok=True)
    shutil.copy(older.home.database, kept.home.database)
    assert "the database is an old copy" in found(kept)["anchor"]


def test_a_database_newer_than_what_was_seen_is_fine(kept: Kept) -> None:
    """As after a crash between the commit and the anchor, or a change from another machine."""
    anchor = kept.home.root / "vault.seen"
    before = anchor.read_bytes()
    kept.opens()
    anchor.write_bytes(before)
    details = {check.name: check.detail for check in examine(kept.home)}
    assert details["anchor"].endswith("newer than this machine last saw it")


def test_a_key_file_that_is_of_no_use_is_mentioned(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    from credentials.keys import as_text, new_key, prepare

    monkeypatch.setenv("TIC_NEW_KEY", as_text(new_key()).reveal().decode())
    installation = kept.installation()
    rekey(installation.vault.ledger, kept.home.root, prepare("environment", replacing=True))
    make_key_file(kept.home.key_file)
    make_key_file(kept.home.root / NEXT_FILE)
    (check,) = [check for check in examine(kept.home) if check.name == "leftovers"]
    assert check.ok
    assert f"{kept.home.key_file} is of no use here" in check.detail
    assert not (kept.home.root / NEXT_FILE).exists()


def test_without_a_home_or_a_vault_it_says_how_to_make_one(tmp_path: Path) -> None:
    for home in (Home(tmp_path / "none", tmp_path / "cache"), fresh(tmp_path / "empty")):
        (wrong,) = [check for check in examine(home) if not check.ok]
        assert wrong.remedy == "make one: tic vault init"


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_nothing(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [as_folder, as_nothing])
@pytest.mark.parametrize("name", ["tic.db", "vault.key", "vault.seen"])
def test_whatever_lies_in_a_files_place_is_one_clear_finding(
    kept: Kept, name: str, spoil: Callable[[Path], None]
) -> None:
    spoil(kept.home.root / name)
    wrong = kept.wrong()
    assert wrong
    assert all(check.remedy for check in wrong)
    assert all(os.linesep not in check.detail for check in wrong)
