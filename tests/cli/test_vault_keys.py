"""`tic vault` and its keys: transcripts of init, new-key, rekey, accept and doctor."""

import json
import sqlite3

import pytest

from credentials.withheld import VARIABLES
from tests.cli.command import Said, Tic, refusal
from tests.credentials.keyrings import InMemory, using

CHECKS = (
    "home",
    "database",
    "integrity",
    "key",
    "tables",
    "credentials",
    "uses",
    "audit",
    "anchor",
    "leftovers",
)
WORDS = "correct horse battery staple"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def key_of(tic: Tic) -> dict[str, object]:
    found: dict[str, object] = json.loads(tic("vault", "status", "--json").out)["key"]
    return found


def new(tic: Tic, name: str) -> Said:
    fields = json.dumps({"username": "me", "password": "canary"})
    return tic("creds", "new", name, "--provider", "username-password", "--secrets-from", "-", stdin=fields)


def test_a_printed_key_makes_a_vault_that_keeps_no_key(fresh: Tic, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = fresh("vault", "new-key")
    assert (printed.code, printed.err) == (0, "")
    monkeypatch.setenv("TIC_KEY", printed.out.strip())
    said = fresh("vault", "init", "--key", "environment")
    assert said.code == 0
    assert "  its key is the one in TIC_KEY: keep it where your other secrets are" in said.err.splitlines()
    assert {path.name for path in fresh.home.iterdir()} >= {"tic.db", "vault.seen"}
    assert not (fresh.home / "vault.key").exists()
    assert (key_of(fresh)["source"], key_of(fresh)["path"], key_of(fresh)["opens"]) == (
        "environment",
        None,
        True,
    )
    monkeypatch.delenv("TIC_KEY")
    said = fresh("vault", "status")
    assert said.code == 5
    assert "the variable TIC_KEY, does NOT open the vault" in said.out
    assert "error: the vault's key comes from TIC_KEY, which is not set" in said.err


def test_without_the_variable_nothing_is_made(fresh: Tic) -> None:
    error, following = refusal(fresh("vault", "init", "--key", "environment"))
    assert error == "TIC_KEY is not set, and the vault's key is to come from there"
    assert "tic vault new-key" in following
    assert not fresh.home.exists()


def test_a_passphrase_from_a_private_file_makes_a_vault(fresh: Tic, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fresh.home.with_name("words")
    path.write_text(WORDS + "\n")
    path.chmod(0o600)
    monkeypatch.setenv("TIC_PASSPHRASE_FILE", str(path))
    assert fresh("vault", "init", "--key", "passphrase").code == 0
    assert new(fresh, "one").code == 0
    assert key_of(fresh)["place"] == "a passphrase (Argon2id)"
    path.write_text("another passphrase entirely")
    said = fresh("creds", "show", "one")
    assert said.code == 5
    assert refusal(said)[0] == "the passphrase is not the one that the vault was sealed with"


def test_a_weak_passphrase_and_none_are_refused_and_nothing_is_made(fresh: Tic) -> None:
    said = fresh("vault", "init", "--key", "passphrase", environ={"TIC_PASSPHRASE": "secret"})
    assert said.code == 2
    assert refusal(said)[0] == "a passphrase of 6 characters is too short: 15 at least"
    said = fresh("vault", "init", "--key", "passphrase")
    assert said.code == 5
    assert refusal(said) == (
        "the passphrase of the vault is needed, and there is no terminal to ask for it at",
        "set TIC_PASSPHRASE_FILE to a private file that holds it, or TIC_PASSPHRASE to itself",
    )
    assert not fresh.home.exists()


def test_the_keyring_makes_a_vault(fresh: Tic) -> None:
    backend = InMemory()
    with using(backend):
        assert fresh("vault", "init", "--key", "keyring").code == 0
        assert len(backend.entries) == 1
        assert key_of(fresh)["opens"] is True


def test_an_unknown_source_is_refused(fresh: Tic, tic: Tic) -> None:
    for words in (["vault", "rekey", "--key", "cloud"], ["vault", "init", "--key", "cloud"]):
        said = tic(*words)
        assert said.code in (2, 3)
    assert refusal(tic("vault", "rekey", "--key", "cloud")) == (
        "a vault's key can't come from 'cloud'",
        "one of them: --key file, keyring, passphrase or environment",
    )


def test_rekey_replaces_the_key_and_everything_opens(tic: Tic) -> None:
    assert new(tic, "one").code == 0
    before = (tic.home / "vault.key").read_bytes()
    said = tic("vault", "rekey")
    assert (said.code, said.out) == (0, "")
    (former,) = tic.home.glob("vault.key.former-*")
    assert said.err.splitlines() == [
        "the vault has another key",
        f"  its key is {tic.home}/vault.key: keep a copy in a safe place",
        f"  older backups open with the key from before, kept in {former}: remove it when they are gone",
        "  next: tic vault backup FILE",
    ]
    assert (tic.home / "vault.key").read_bytes() != before
    assert (former.read_bytes(), former.stat().st_mode & 0o777) == (before, 0o600)
    assert f"{former} opens older backups: remove it" in tic("vault", "doctor").out
    assert tic("vault", "rekey", "--data-key").err.splitlines()[0] == (
        "the vault has another key; 2 fields are sealed anew (data key 2)"
    )
    assert json.loads(tic("vault", "status", "--json").out)["generation"] == 2
    assert tic("creds", "show", "one").code == 0
    assert tic("vault", "doctor").code == 0


def test_rekey_keeps_no_former_key_where_none_is_wanted(tic: Tic) -> None:
    said = tic("vault", "rekey", "--discard-former")
    assert said.code == 0
    assert "older backups open with the key from before, which is not kept here" in said.err
    assert list(tic.home.glob("vault.key*")) == [tic.home / "vault.key"]


def test_a_backup_from_before_a_rekey_names_the_key_that_opens_it(tic: Tic) -> None:
    file = tic.home.with_name("a.backup")
    assert tic("vault", "backup", str(file)).code == 0
    assert tic("vault", "rekey").code == 0
    (former,) = tic.home.glob("vault.key.former-*")
    following = refusal(tic("vault", "restore", str(file), "--force"))[1]
    assert following == f"a former key opens it: tic vault restore {file} --force --key-file {former}"
    assert tic(*following.split("tic ")[1].split()).code == 0
    assert tic("vault", "doctor").code == 0


def test_rekey_moves_the_key_elsewhere(tic: Tic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIC_NEW_KEY", tic("vault", "new-key").out.strip())
    said = tic("vault", "rekey", "--key", "environment")
    assert said.code == 0
    assert "let TIC_KEY hold it from now on" in said.err
    assert not (tic.home / "vault.key").exists()
    assert key_of(tic)["source"] == "environment"


def test_doctor_says_all_is_well(tic: Tic) -> None:
    said = tic("vault", "doctor")
    assert (said.code, said.err) == (0, "the vault is whole\n")
    assert [line.split()[:2] for line in said.out.splitlines()] == [["ok", name] for name in CHECKS]
    assert json.loads(tic("vault", "doctor", "--json").out)["ok"] is True


def test_doctor_names_what_is_wrong_and_what_is_next(tic: Tic) -> None:
    new(tic, "one")
    with sqlite3.connect(tic.home / "tic.db") as connection:
        connection.execute("UPDATE credential SET scope = 'project:x'")
    said = tic("vault", "doctor")
    assert said.code == 5
    assert said.err == "2 of 10 checks failed\n"
    assert [line.split()[1] for line in said.out.splitlines() if line.startswith("WRONG")] == [
        "tables",
        "credentials",
    ]
    assert said.out.count("next: ") == 2
    known = json.loads(tic("vault", "doctor", "--json").out)
    assert known["ok"] is False
    assert all(check["remedy"] for check in known["checks"] if not check["ok"])


@pytest.mark.parametrize("words", [["vault", "doctor"], ["vault", "rekey"], ["vault", "backup", "x"]])
def test_without_a_vault_each_says_how_to_make_one(fresh: Tic, words: list[str]) -> None:
    said = fresh(*words)
    assert said.code == 5
    assert "make one: tic vault init" in said.out + said.err
    assert not fresh.home.exists()


def test_accept_takes_an_old_copy_for_right(tic: Tic) -> None:
    copy = sqlite3.connect(tic.home.with_name("old.db"))
    database = sqlite3.connect(tic.home / "tic.db")
    database.backup(copy)
    new(tic, "one")
    copy.backup(database)
    copy.close()
    database.close()
    assert "the database is an old copy" in refusal(new(tic, "two"))[0]
    said = tic("vault", "accept")
    assert said.code == 2
    assert "there is no terminal to ask at; nothing was changed" in said.err
    assert "next: say yes in advance: tic vault accept --yes" in said.err
    said = tic("vault", "accept", "--yes")
    assert (said.code, said.out) == (0, "")
    assert "accepted: the vault goes on with change 3" in said.err
    assert new(tic, "two").code == 0
    assert tic("vault", "doctor").code == 0
    assert tic("vault", "accept").err == (
        "the vault is whole, so there is nothing to accept; nothing was changed\n"
    )


def test_accept_does_not_mend_a_lost_key(tic: Tic) -> None:
    (tic.home / "vault.key").unlink()
    said = tic("vault", "accept", "--yes")
    assert said.code == 5
    assert "error: the vault can't be taken as it is before its key is in order" in said.err


@pytest.mark.parametrize("left", ["vault.key", "vault.seen"])
def test_a_lost_database_is_restored_and_not_made_anew(tic: Tic, left: str) -> None:
    for path in list(tic.home.iterdir()):
        if path.name != left:
            path.unlink()
    what = "its key" if left == "vault.key" else "what this machine has seen of it (vault.seen)"
    for words in (["vault", "init"], ["creds", "list"], ["vault", "rekey"]):
        said = tic(*words)
        assert said.code == 5
        error, following = refusal(said)
        assert error == f"the database {tic.home}/tic.db is gone, {what} is still there"
        assert following.startswith("put a backup back: tic vault restore FILE; ")
    assert [path.name for path in tic.home.iterdir()] == [left]


def test_accept_is_refused_where_nothing_can_be_noted(tic: Tic) -> None:
    seen = tic.home / "vault.seen"
    seen.unlink()
    seen.mkdir()
    before = (tic.home / "tic.db").read_bytes()
    said = tic("vault", "accept", "--yes")
    assert said.code == 5
    assert "accepted" not in said.err
    assert f"{seen} is no file, so this machine can't note how far the vault has come" in said.err
    assert f"mv {seen} {seen}.away" in said.err
    assert (tic.home / "tic.db").read_bytes() == before


@pytest.mark.parametrize("column", ["audit_head", "audit_key", "digest"])
def test_a_seal_that_is_gone_is_mended_by_a_backup_and_not_by_the_key(tic: Tic, column: str) -> None:
    with sqlite3.connect(tic.home / "tic.db") as connection:
        connection.execute(f"UPDATE vault SET {column} = NULL")  # noqa: S608
    said = tic("vault", "doctor")
    assert said.code == 5
    assert "cp BACKUP" not in said.out
    assert "next: put a backup back: tic vault restore FILE --force" in said.out
