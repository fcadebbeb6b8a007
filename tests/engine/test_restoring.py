"""A backup brings back what was there when it was made, and nothing is replaced before it is proven whole."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from credentials import keys
from credentials.anchor import Anchor
from credentials.keys import KEY_FILE, NEXT_FILE, Cost, KeyUnusable, make_key_file, passphrase
from credentials.keys.given import BACKUP
from credentials.refusals import ChangedBehindTheVault
from credentials.rekeying import rekey
from credentials.withheld import VARIABLES
from engine import backup_file, restoring, unpacking
from engine.backup import Made, make
from engine.backup_file import BackupDamaged, BackupThere, NoBackup
from engine.database import Database
from engine.errors import EngineError
from engine.home import Home
from engine.restoring import RestoreRefused, restore
from engine.unpacking import KeyNeeded, NewerBackup
from engine.vault_checkup import examine
from tests.engine.vaults import Kept, full

WORDS = "correct horse battery staple"
CHEAP = Cost(passes=1, memory=8 * 1024)


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


def backed_up(kept: Kept, path: Path, *, words: str = "", replace: bool = False) -> Made:
    installation = kept.installation()
    own = passphrase.establish(BACKUP, ask=lambda _: words, environ={}, cost=CHEAP) if words else None
    made = make(installation.database, installation.vault.ledger, path, passphrase=own, replace=replace)
    installation.database.close()
    return made


def changed_since(kept: Kept) -> None:
    installation = kept.installation()
    installation.vault.rotate("web", {"password": "another"})
    installation.vault.activate("next")
    installation.database.close()


def empty(tmp_path: Path, *, key_of: Kept | None = None) -> Kept:
    """A home with nothing in it but a key."""
    home = Home(tmp_path / "elsewhere", tmp_path / "cache")
    if key_of is not None:
        home.make()
        shutil.copy(key_of.home.key_file, home.key_file)
    return Kept(home, dict(key_of.sealed) if key_of else {})


def names(kept: Kept) -> set[str]:
    """The files of a home, without those that SQLite keeps beside an open one."""
    found = {path.name for path in kept.home.root.iterdir()}
    return found - {"tic.db-wal", "tic.db-shm"}


def state(kept: Kept) -> dict[str, bytes]:
    """What a refusal must leave as it was."""
    return {name: (kept.home.root / name).read_bytes() for name in ("tic.db", "vault.key", "vault.seen")}


# What comes back


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


# Keys


def test_its_file_holds_no_key_unless_a_passphrase_seals_it(kept: Kept, file: Path) -> None:
    key = keys.read_key_file(kept.home.key_file)
    lines = b"".join(backup_file.read(file, key))
    assert lines.startswith(b"\n")
    assert keys.as_text(key).reveal() not in lines


def test_a_passphrase_alone_brings_everything_back(kept: Kept, tmp_path: Path) -> None:
    file = backed_up(kept, tmp_path / "a.backup", words=WORDS).path
    other = Kept(empty(tmp_path).home, kept.sealed)
    done = restore(other.home, file, ask=lambda _: WORDS)
    assert done.key_in_file
    assert other.home.key_file.read_bytes() == kept.home.key_file.read_bytes()
    other.opens()
    assert other.wrong() == []


def test_a_wrong_passphrase_is_named_as_that(kept: Kept, tmp_path: Path) -> None:
    file = backed_up(kept, tmp_path / "a.backup", words=WORDS).path
    with pytest.raises(KeyUnusable, match="not the one that the backup was sealed with"):
        restore(empty(tmp_path).home, file, ask=lambda _: "another passphrase")
    assert not empty(tmp_path).home.root.exists()


def test_a_passphrase_of_the_vault_itself_is_asked_for_once_and_stays(kept: Kept, tmp_path: Path) -> None:
    environ = {"TIC_NEW_PASSPHRASE": WORDS}
    installation = kept.installation()
    change = keys.prepare("passphrase", replacing=True, environ=environ, cost=CHEAP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIC_PASSPHRASE", WORDS)
        rekey(installation.vault.ledger, kept.home.root, change)
        file = backed_up(kept, tmp_path / "a.backup").path
        other = Kept(empty(tmp_path).home, kept.sealed)
        assert not restore(other.home, file).key_in_file
        assert names(other) == {"tic.db", "vault.seen"}
        other.opens()
        assert other.wrong() == []


def test_without_the_key_it_says_which_and_how(kept: Kept, file: Path, tmp_path: Path) -> None:
    other = empty(tmp_path)
    with pytest.raises(KeyNeeded, match=r"vault\.key is missing") as refused:
        restore(other.home, file)
    assert f"tic vault restore {file} --key-file FILE" in refused.value.hint
    assert not other.home.root.exists()


def test_the_key_may_lie_elsewhere(kept: Kept, file: Path, tmp_path: Path) -> None:
    other = Kept(empty(tmp_path).home, kept.sealed)
    assert restore(other.home, file, key_file=kept.home.key_file).key_in_file
    other.opens()


def test_another_key_file_is_refused(kept: Kept, file: Path, tmp_path: Path) -> None:
    make_key_file(tmp_path / "another")
    before = state(kept)
    with pytest.raises(KeyNeeded, match="holds another key"):
        restore(kept.home, file, force=True, key_file=tmp_path / "another")
    assert state(kept) == before


def test_a_backup_from_before_a_rekey_comes_back_with_its_key(kept: Kept, file: Path, tmp_path: Path) -> None:
    shutil.copy(kept.home.key_file, tmp_path / "old.key")
    installation = kept.installation()
    rekey(installation.vault.ledger, kept.home.root, keys.prepare("file", replacing=True), data_key=True)
    installation.database.close()
    with pytest.raises(KeyNeeded, match="not the one"):
        restore(kept.home, file, force=True)
    done = restore(kept.home, file, force=True, key_file=tmp_path / "old.key")
    assert done.aside is not None
    assert (done.aside / KEY_FILE).exists()
    (former,) = keys.formers(kept.home.root)
    assert names(kept) == {"tic.db", "vault.key", "vault.seen", former.name, done.aside.name}
    kept.opens()
    assert kept.wrong() == []


def test_another_vaults_place_is_taken_with_its_key(kept: Kept, file: Path, tmp_path: Path) -> None:
    other = Kept(full(tmp_path / "other").home, kept.sealed)
    installation = other.installation()
    rekey(installation.vault.ledger, other.home.root, keys.prepare("file", replacing=True))
    installation.database.close()
    restore(other.home, file, force=True, key_file=kept.home.key_file)
    other.opens()
    assert other.wrong() == []


# What is refused


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


# Damage, and kills


@pytest.mark.parametrize("damage", [b"", b"no database at all", None])
def test_a_damaged_database_is_replaced_and_kept(kept: Kept, file: Path, damage: bytes | None) -> None:
    content = damage if damage is not None else kept.home.database.read_bytes()[:8192] + b"\0" * 40_000
    kept.home.database.write_bytes(content)
    with pytest.raises(RestoreRefused):
        restore(kept.home, file)
    done = restore(kept.home, file, force=True)
    assert done.aside is not None
    assert (done.aside / "tic.db").read_bytes() == content
    kept.opens()
    assert kept.wrong() == []


def test_changed_rows_are_replaced_too(kept: Kept, file: Path) -> None:
    with sqlite3.connect(kept.home.database) as connection:
        connection.execute("UPDATE vault SET wrapped_key = x'00', generation = 'x'")
        connection.execute("DELETE FROM audit")
    restore(kept.home, file, force=True)
    kept.opens()
    assert kept.wrong() == []


def broken_off(at: str) -> Callable[..., object]:
    def stop(*_: object, **__: object) -> object:
        raise KeyboardInterrupt(at)

    return stop


@pytest.mark.parametrize("place", ["_reseal", "keep_aside", "empty", "copy"])
def test_what_ends_in_the_middle_leaves_what_was_there(
    kept: Kept, file: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    changed_since(kept)
    monkeypatch.setattr(restoring, place, broken_off(place))
    with pytest.raises(KeyboardInterrupt, match=place):
        restore(kept.home, file, force=True)
    installation = kept.installation()
    assert installation.vault.opened("web", purpose="a test").fields["password"].reveal() == b"another"
    assert not [name for name in names(kept) if name.startswith(unpacking.FOLDER)]


def test_what_is_killed_after_the_commit_has_the_new_one(
    kept: Kept, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(kept.home.key_file, tmp_path / "old.key")
    installation = kept.installation()
    rekey(installation.vault.ledger, kept.home.root, keys.prepare("file", replacing=True))
    installation.database.close()
    monkeypatch.setattr(restoring, "tidy", broken_off("tidy"))
    with pytest.raises(KeyboardInterrupt):
        restore(kept.home, file, force=True, key_file=tmp_path / "old.key")
    assert NEXT_FILE not in names(kept)  # the first call of tidy comes before anything is replaced
    kept.opens()


def test_what_a_killed_restore_left_is_named_and_the_next_one_removes_it(kept: Kept, file: Path) -> None:
    left = kept.home.root / f"{unpacking.FOLDER}0123"
    left.mkdir(mode=0o700)
    (left / "tic.db").write_bytes(b"half of it")
    (check,) = [check for check in examine(kept.home) if check.name == "leftovers"]
    assert check.ok
    assert check.detail == f"{left} is what a killed restore left: rm -r {left}"
    restore(kept.home, file, force=True)
    assert not left.exists()


def test_what_another_restore_is_unpacking_stays(kept: Kept, file: Path) -> None:
    header = backup_file.read_header(file)
    key = keys.read_key_file(kept.home.key_file)
    with unpacking.unpacked(kept.home, file, header, key) as there:
        assert unpacking.abandoned(kept.home) == []
        unpacking.sweep(kept.home)
        assert there.home.database.exists()


@pytest.mark.parametrize("damaged", [False, True])
def test_a_kill_leaves_an_anchor_in_any_case(
    kept: Kept, file: Path, monkeypatch: pytest.MonkeyPatch, *, damaged: bool
) -> None:
    if damaged:
        kept.home.database.write_bytes(b"no database at all")
    with monkeypatch.context() as patch:
        patch.setattr(Anchor, "move", broken_off("the anchor"))
        with pytest.raises(KeyboardInterrupt):
            restore(kept.home, file, force=True)
    assert (kept.home.root / "vault.seen").exists()
    restore(kept.home, file, force=True)
    assert kept.wrong() == []


def test_an_empty_home_has_its_anchor_first(
    kept: Kept, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = empty(tmp_path, key_of=kept)
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_place_file", broken_off("the file"))
        with pytest.raises(KeyboardInterrupt):
            restore(other.home, file)
    assert names(other) == {"vault.key", "vault.seen"}
    restore(other.home, file)
    other.opens()
    assert other.wrong() == []


def test_a_full_disk_changes_nothing(kept: Kept, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    before = state(kept)
    monkeypatch.setattr(shutil, "copyfile", full_disk)
    with pytest.raises(EngineError, match=r"can't be kept in .*No space left on device; nothing was changed"):
        restore(kept.home, file, force=True)
    assert state(kept) == before


def test_what_is_unpacked_is_brought_to_the_newest_schema(
    kept: Kept, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = Database.open

    def opening(home: Home, *, create: bool = False) -> Database:
        opened.append(home.root.name)
        return real(home, create=create)

    monkeypatch.setattr(Database, "open", opening)
    restore(kept.home, file, force=True)
    assert [name for name in opened if name.startswith(unpacking.FOLDER)]
