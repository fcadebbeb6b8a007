"""`tic vault backup` and `tic vault restore`: transcripts, and no secret in the file."""

import json
import os
from pathlib import Path

import pytest

from credentials.withheld import VARIABLES
from tests.cli.command import Tic, refusal

CANARY = "canary-of-the-credential"
WORDS = "correct horse battery staple"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tic: Tic, tmp_path: Path) -> Path:
    fields = json.dumps({"username": "me", "password": CANARY})
    new = ["creds", "new", "one", "--provider", "username-password", "--secrets-from", "-"]
    assert tic(*new, stdin=fields).code == 0
    path = tmp_path / "a.backup"
    assert tic("vault", "backup", str(path)).code == 0
    return path


def test_backup_says_what_opens_it_and_how_to_put_it_back(tic: Tic, file: Path) -> None:
    said = tic("vault", "backup", str(file), "--force")
    assert (said.code, said.out) == (0, "")
    first, opens, following = said.err.splitlines()
    assert first == f"backed up to {file} ({file.stat().st_size} bytes): change 2, audit entry 4"
    assert opens == "  the vault's key opens it, and is not in it (key from: file)"
    assert following == f"  next: keep it elsewhere; to put it back: tic vault restore {file}"
    known = json.loads(tic("vault", "backup", str(file), "--force", "--json").out)
    assert (known["file"], known["sealed by"], known["changes"]) == (str(file), "vault", 2)


def test_no_secret_and_no_name_is_in_the_file(file: Path) -> None:
    content = file.read_bytes()
    assert CANARY.encode() not in content
    assert b"username" not in content


def test_a_file_that_is_there_is_not_replaced(tic: Tic, file: Path) -> None:
    said = tic("vault", "backup", str(file))
    assert said.code == 3
    assert refusal(said) == (
        f"{file} is there already; nothing was written",
        "give another name, or replace it: tic vault backup FILE --force",
    )
    assert tic("vault", "backup", str(file.parent)).code == 2
    assert tic("vault", "backup", str(file / "x")).code == 2


@pytest.mark.parametrize(
    "name",
    ["vault.key", "tic.db", "tic.db-wal", "tic.db-journal", "vault.seen", "vault.key.next", "run/x", "new"],
)
def test_a_backup_takes_the_place_of_nothing_in_the_home(tic: Tic, file: Path, name: str) -> None:
    (tic.home / "run").mkdir(exist_ok=True)
    before = (tic.home / "vault.key").read_bytes()
    linked = file.with_name("linked")
    linked.symlink_to(tic.home)
    for target in (tic.home / name, tic.home / "run" / ".." / name, linked / name):
        said = tic("vault", "backup", str(target), "--force")
        assert said.code == 2
        assert refusal(said) == (
            f"{target} is in tic's own folder {tic.home}, or one of the files there; nothing was written",
            f"give the name of a file outside of {tic.home}: tic vault backup FILE",
        )
    assert (tic.home / "vault.key").read_bytes() == before
    assert tic("vault", "doctor").code == 0


def test_a_backup_replaces_no_other_name_of_the_key(tic: Tic, file: Path) -> None:
    hard, soft = file.with_name("hard"), file.with_name("soft")
    hard.hardlink_to(tic.home / "vault.key")
    soft.symlink_to(tic.home / "vault.key")
    for name in (hard, soft):
        assert tic("vault", "backup", str(name), "--force").code == 2
    assert hard.read_bytes() == soft.read_bytes() == (tic.home / "vault.key").read_bytes()
    assert soft.is_symlink()


def test_a_backup_replaces_only_an_ordinary_file(tic: Tic, file: Path) -> None:
    pipe, soft = file.with_name("pipe"), file.with_name("soft")
    os.mkfifo(pipe)
    soft.symlink_to(file)
    for name, what in ((pipe, "no ordinary file"), (soft, "a link"), (Path("/dev/full"), "no ordinary file")):
        said = tic("vault", "backup", str(name), "--force")
        assert said.code == 2
        assert refusal(said)[0] == (
            f"{name} is {what}, which a backup would replace by a file; nothing was written"
        )
    assert pipe.is_fifo()
    assert soft.is_symlink()
    assert Path("/dev/full").is_char_device()


def test_restore_puts_it_back_and_keeps_what_was_there(tic: Tic, file: Path) -> None:
    assert tic("creds", "rename", "one", "two").code in (0, 2)
    assert refusal(tic("vault", "restore", str(file)))[1] == (
        f"replace it, and it is kept aside: tic vault restore {file} --force"
    )
    said = tic("vault", "restore", str(file), "--force")
    assert (said.code, said.out) == (0, "")
    first, aside, following = said.err.splitlines()
    assert first.startswith("the backup of 20")
    assert first.endswith("is back (change 2)")
    assert f"kept in {tic.home}/replaced-" in aside
    assert following.startswith("  next: tic vault doctor")
    assert tic("vault", "doctor").code == 0
    known = json.loads(tic("vault", "restore", str(file), "--force", "--json").out)
    assert known["kept aside"].startswith(f"{tic.home}/replaced-")
    assert known["key in file"] is False


def test_a_passphrase_and_the_file_are_enough_elsewhere(
    tic: Tic, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIC_BACKUP_PASSPHRASE", WORDS)
    said = tic("vault", "backup", str(file), "--passphrase", "--force")
    assert said.err.splitlines()[1] == "  its passphrase opens it: it holds the vault's key"
    monkeypatch.setenv("TIC_HOME", str(tic.home.with_name("elsewhere")))
    said = tic("vault", "restore", str(file))
    assert said.code == 0
    assert f"the vault's key is {tic.home.with_name('elsewhere')}/vault.key now" in said.err
    revealed = tic("creds", "list", "--json")
    assert [one["name"] for one in json.loads(revealed.out)] == ["one"]
    assert tic("vault", "doctor").code == 0


def test_a_damaged_backup_is_one_clear_error(tic: Tic, file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])
    said = tic("vault", "restore", str(file), "--force")
    assert said.code == 5
    assert refusal(said)[0].startswith(f"the backup {file} is damaged: ")
    file.write_bytes(b"something else")
    assert refusal(tic("vault", "restore", str(file), "--force"))[0] == (
        f"{file} is no backup of a vault, or one of a newer tic"
    )
    assert tic("vault", "restore", str(file.with_name("gone"))).code == 2
