"""Damage, kills and a full disk leave what was there, or all of what was brought back."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from credentials import keys
from credentials.anchor import Anchor
from credentials.keys import NEXT_FILE
from credentials.rekeying import rekey
from credentials.withheld import VARIABLES
from engine import backup_file, restoring, unpacking
from engine.database import Database
from engine.errors import EngineError
from engine.home import Home
from engine.restoring import RestoreRefused, restore
from engine.vault_checkup import examine
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
