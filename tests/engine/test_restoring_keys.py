"""A backup opens with the key of its vault, or with a passphrase, and says which it wants."""

import shutil
from pathlib import Path

import pytest

from credentials import keys
from credentials.keys import KEY_FILE, KeyUnusable, make_key_file
from credentials.rekeying import rekey
from credentials.withheld import VARIABLES
from engine import backup_file
from engine.restoring import restore
from engine.unpacking import KeyNeeded
from tests.engine.backups import CHEAP, WORDS, backed_up, empty, names, state
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
