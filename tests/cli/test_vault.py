"""`tic vault`: transcripts."""

import json
import os
import sqlite3
from contextlib import closing

import pytest

from tests.cli.command import Tic, refusal


def test_init_says_where_and_what_next(fresh: Tic) -> None:
    said = fresh("vault", "init")
    assert (said.code, said.out) == (0, "")
    assert said.err.splitlines() == [
        f"a vault is made in {fresh.home}",
        f"  its key is {fresh.home}/vault.key: keep a copy in a safe place",
        "  next: tic creds new NAME --provider P (see tic creds kinds), or try it out: tic sandbox up",
    ]
    assert fresh.home.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in fresh.home.iterdir()} == {0o600}


def test_a_second_init_is_refused_and_changes_nothing(tic: Tic) -> None:
    key = (tic.home / "vault.key").read_bytes()
    before = tic("vault", "status", "--json").out
    said = tic("vault", "init")
    assert said.code == 3
    error, following = refusal(said)
    assert error == f"there is a vault in {tic.home} already; nothing was changed"
    assert following.startswith("look at it: tic vault status")
    assert (tic.home / "vault.key").read_bytes() == key
    assert tic("vault", "status", "--json").out == before


@pytest.mark.parametrize("command", [["vault", "status"], ["creds", "list"], ["creds", "show", "x"]])
def test_without_a_vault_each_command_says_how_to_make_one(fresh: Tic, command: list[str]) -> None:
    said = fresh(*command)
    assert said.code == 5
    assert refusal(said) == (f"there is no vault in {fresh.home}", "make one: tic vault init")
    assert not fresh.home.exists()


@pytest.mark.parametrize("command", [["vault", "status"], ["vault", "init"], ["creds", "show", "me"]])
def test_a_vault_whose_row_is_gone_is_never_told_to_be_made(tic: Tic, command: list[str]) -> None:
    fields = json.dumps({"username": "me", "password": "p"})
    made = tic("creds", "new", "me", "--provider", "username-password", "--secrets-from", "-", stdin=fields)
    assert made.code == 0, made.err
    with closing(sqlite3.connect(tic.home / "tic.db")) as database, database:
        database.execute("DELETE FROM vault")
    said = tic(*command)
    assert said.code == 5
    error, following = refusal(said)
    assert "the vault's own row is gone" in error
    assert following.startswith("put a backup back: tic vault restore FILE")


def test_status_says_where_and_whether_the_key_fits(tic: Tic) -> None:
    said = tic("vault", "status")
    lines = dict(line.split(":", 1) for line in said.out.splitlines())
    assert said.code == 0
    assert lines["home"].strip() == f"{tic.home} (0700)"
    assert lines["database"].strip().startswith(f"{tic.home}/tic.db (0600), schema 0")
    assert lines["key"].strip().startswith(f"{tic.home}/vault.key (0600), opens the vault, since 20")
    assert lines["data key"].strip() == "number 1"
    assert lines["changes"].strip() == "1, audit entries: 1"
    assert lines["credentials"].strip() == "0"
    assert said.err == ""


def test_status_as_json(tic: Tic) -> None:
    known = json.loads(tic("vault", "status", "--json").out)
    assert known["home"] == str(tic.home)
    path = f"{tic.home}/vault.key"
    assert known["key"].pop("since") >= known["made"]
    assert known["key"] == {
        "source": "file",
        "place": path,
        "path": path,
        "opens": True,
        "problem": None,
    }
    assert (known["generation"], known["changes"], known["audited"]) == (1, 1, 1)
    assert known["permissions"] == {
        str(tic.home): "0700",
        f"{tic.home}/tic.db": "0600",
        f"{tic.home}/vault.key": "0600",
    }
    assert (known["credentials"], len(known["vault"])) == (0, 32)


def test_status_with_a_lost_key_shows_the_rest_and_fails(tic: Tic) -> None:
    (tic.home / "vault.key").unlink()
    said = tic("vault", "status")
    assert said.code == 5
    assert f"{tic.home}/vault.key (missing), does NOT open the vault" in said.out
    assert "is missing; nothing in the vault opens without it" in said.err
    assert "next: put the file back from your backup" in said.err
    assert json.loads(tic("vault", "status", "--json").out)["key"]["opens"] is False


@pytest.mark.parametrize(("path", "command"), [(".", "chmod 700 "), ("tic.db", "chmod 600 ")])
@pytest.mark.parametrize(
    "words", [["vault", "status"], ["creds", "list"], ["stack", "list"]], ids=lambda one: one[0]
)
def test_nothing_runs_on_what_other_users_can_read(
    tic: Tic, path: str, command: str, words: list[str]
) -> None:
    (tic.home / path).chmod(0o755)
    said = tic(*words)
    assert said.code == 5
    error, following = refusal(said)
    assert error.endswith("is open to other users (mode 0755)")
    assert following == f"close it: {command}{tic.home / path}"


def test_init_in_a_folder_that_is_open_to_others_is_refused(fresh: Tic) -> None:
    fresh.home.mkdir(mode=0o755)
    fresh.home.chmod(0o755)
    said = fresh("vault", "init")
    assert said.code == 5
    assert refusal(said)[1] == f"close it: chmod 700 {fresh.home}"
    assert list(fresh.home.iterdir()) == []


@pytest.mark.parametrize("words", [["vault", "init"], ["creds", "list"], ["stack", "list"]])
def test_a_home_that_is_no_folder_is_refused_in_the_same_words(fresh: Tic, words: list[str]) -> None:
    fresh.home.write_text("a file where the folder should be")
    said = fresh(*words)
    assert said.code == 5
    assert refusal(said) == (
        f"{fresh.home} is no folder, so tic can't keep its data in it",
        "set TIC_HOME to a folder of your own",
    )


def test_the_umask_does_not_open_the_files(fresh: Tic) -> None:
    before = os.umask(0)
    try:
        assert fresh("vault", "init").code == 0
    finally:
        os.umask(before)
    assert all(path.stat().st_mode & 0o077 == 0 for path in [fresh.home, *fresh.home.iterdir()])
