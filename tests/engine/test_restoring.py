"""A backup brings back what was there when it was made, and nothing is replaced unless that is said."""

import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from credentials.refusals import ChangedBehindTheVault
from credentials.withheld import VARIABLES
from engine import backup_file
from engine.backup import make
from engine.backup_file import BackupDamaged, BackupThere, NoBackup
from engine.restoring import RestoreRefused, restore
from engine.unpacking import NewerBackup
from tests.engine.backups import backed_up, changed_since, empty, names, state
from tests.engine.vaults import Kept, full


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return full(tmp_path / "home")


@pytest.fixture
def file(kept: Kept, tmp_path: Path) -> Path:
    return backed_up(kept, tmp_path / "a.backup").path


def test_it_brings_back_what_was_there(kept: Kept, file: Path) -> None:
    changed_since(kept)
    done = restore(kept.home, file, force=True)
    kept.opens()
    assert kept.wrong() == []
    assert done.aside is not None
    assert {path.name for path in done.aside.iterdir()} == {"tic.db", "vault.key", "vault.seen"}
    assert {path.stat().st_mode & 0o077 for path in (done.aside, *done.aside.iterdir())} == {0}


def test_it_fills_an_empty_home_that_has_the_key(kept: Kept, file: Path, tmp_path: Path) -> None:
    other = empty(tmp_path, key_of=kept)
    assert restore(other.home, file).aside is None
    assert names(other) == {"tic.db", "vault.key", "vault.seen"}
    other.opens()
    assert other.wrong() == []
    assert other.home.database.stat().st_mode & 0o777 == 0o600


def test_what_was_replaced_can_be_put_back_by_hand(kept: Kept, file: Path) -> None:
    changed_since(kept)
    done = restore(kept.home, file, force=True)
    assert done.aside is not None
    for path in kept.home.database_files:
        path.unlink(missing_ok=True)
    for path in done.aside.iterdir():
        shutil.copy(path, kept.home.root / path.name)
    assert kept.wrong() == []
    assert kept.installation().vault.find("next").state.value == "active"


def test_stacks_and_their_bindings_come_back_too(kept: Kept, file: Path) -> None:
    with sqlite3.connect(kept.home.database) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM stack WHERE name = 'dev'")
    restore(kept.home, file, force=True)
    assert [view.used_by for view in kept.installation().vault.list() if view.credential.name == "prod"] == [
        ("site/dev", "site/live")
    ]


def test_it_is_made_while_others_write(kept: Kept, tmp_path: Path) -> None:
    """The backup is of one moment: what is written meanwhile is in the next one."""
    installation, other = kept.installation(), kept.installation()
    real = backup_file.write

    def write(path: Path, *rest: object, **more: object) -> int:
        other.vault.rotate("web", {"password": "written meanwhile"})
        return real(path, *rest, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup_file, "write", write)
        made = make(installation.database, installation.vault.ledger, tmp_path / "a.backup")
    opened = other.vault.opened("web", purpose="a test").fields["password"].reveal()
    assert opened == b"written meanwhile"
    other.database.close()
    installation.database.close()
    restore(kept.home, made.path, force=True)
    kept.opens()


def test_the_vault_goes_on_from_the_higher_counter_and_the_log_says_why(kept: Kept, file: Path) -> None:
    for _ in range(3):
        changed_since(kept)
    seen = position(kept)
    restore(kept.home, file, force=True)
    assert position(kept)[0] == seen[0] + 1
    with sqlite3.connect(kept.home.database) as connection:
        last = connection.execute("SELECT action, actor FROM audit ORDER BY seq DESC LIMIT 2").fetchall()
    assert [action for action, _ in last] == ["vault.restore", "vault.backup"]
    assert last[0][1] == last[1][1] != ""


def position(kept: Kept) -> tuple[int, int]:
    ledger = kept.installation().vault.ledger
    seen = ledger.anchor.seen(ledger.unlock().sealer)
    assert seen is not None
    return seen.counter, seen.audited


def test_what_is_there_is_replaced_only_when_told(kept: Kept, file: Path) -> None:
    before = state(kept)
    with pytest.raises(RestoreRefused, match="already; nothing was changed") as refused:
        restore(kept.home, file)
    assert (refused.value.exit_code, state(kept)) == (3, before)
    assert f"tic vault restore {file} --force" in refused.value.hint


def test_a_damaged_backup_changes_nothing(kept: Kept, file: Path) -> None:
    before, content = state(kept), bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    with pytest.raises(BackupDamaged, match="nothing was changed"):
        restore(kept.home, file, force=True)
    file.write_bytes(content[:-100])
    with pytest.raises(BackupDamaged, match="nothing was changed"):
        restore(kept.home, file, force=True)
    assert state(kept) == before
    assert names(kept) == set(before)


def test_a_backup_whose_vault_is_not_whole_changes_nothing(kept: Kept, tmp_path: Path) -> None:
    """As one that somebody made who has the vault key, and who is not tic."""
    installation = kept.installation()
    path = tmp_path / "forged.backup"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(installation.vault.ledger), "is_guarded", lambda *_: True)
        with sqlite3.connect(kept.home.database) as connection:
            connection.execute("UPDATE credential SET scope = 'all'")
        make(installation.database, installation.vault.ledger, path)
    installation.database.close()
    other = empty(tmp_path, key_of=kept)
    with pytest.raises(BackupDamaged, match="changed by something else than tic"):
        restore(other.home, path)
    assert names(other) == {"vault.key"}


def test_what_is_not_whole_is_not_backed_up(kept: Kept, tmp_path: Path) -> None:
    with sqlite3.connect(kept.home.database) as connection:
        connection.execute("UPDATE credential SET scope = 'all'")
    with pytest.raises(ChangedBehindTheVault):
        backed_up(kept, tmp_path / "a.backup")
    assert not (tmp_path / "a.backup").exists()


def test_a_newer_tics_backup_is_refused(kept: Kept, file: Path) -> None:
    content = file.read_bytes().replace(b'"schema": "0', b'"schema": "9', 1)
    file.write_bytes(content)
    with pytest.raises(NewerBackup, match="a newer tic has made"):
        restore(kept.home, file, force=True)
    file.write_bytes(content.replace(b'"schema": "9', b'"schema": "00'))
    with pytest.raises(BackupDamaged, match="no tic has made"):
        restore(kept.home, file, force=True)


def test_nothing_is_replaced_under_a_run(kept: Kept, file: Path) -> None:
    with sqlite3.connect(kept.home.database) as connection:
        connection.execute(
            "INSERT INTO stack_update SELECT 'u', id, 'update', 0, 1, 'running', 1.0, 1.0, NULL, 'me', '3',"
            " NULL, ?, 1, 'here', '1', '', '{}', '{}', '{}', NULL FROM stack WHERE name = 'dev'",
            (time.time() + 60,),
        )
    with pytest.raises(RestoreRefused, match="site/dev is at work"):
        restore(kept.home, file, force=True)
    with sqlite3.connect(kept.home.database) as connection:
        connection.execute("UPDATE stack_update SET lease_expires_at = 1.0")
    restore(kept.home, file, force=True)


def test_another_file_is_refused(kept: Kept) -> None:
    with pytest.raises(NoBackup):
        restore(kept.home, kept.home.database, force=True)


def test_a_backup_replaces_no_file_unless_told(kept: Kept, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(BackupThere):
        backed_up(kept, file)
    assert file.read_bytes() == before
    backed_up(kept, file, replace=True)
    assert file.read_bytes() != before
