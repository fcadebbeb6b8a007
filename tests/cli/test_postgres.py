"""`tic` on PostgreSQL: the same commands, and no password in anything that they say."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Said, Tic, refusal
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.server

CANARY = "canary-of-the-credential"
KEYS = json.dumps({"password": CANARY})


@pytest.fixture
def team(fresh: Tic, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Tic:
    """A home whose database is PostgreSQL, empty."""
    monkeypatch.setenv("TIC_DATABASE_URL", empty_postgres_url)
    return fresh


def new(tic: Tic, name: str) -> Said:
    field = ["--field", "username=me"]
    kind = ["--provider", "username-password"]
    return tic("creds", "new", name, *kind, *field, "--secrets-from", "-", stdin=KEYS)


def test_a_vault_lives_there_and_its_key_here(team: Tic, shared_postgres: Postgres) -> None:
    assert refusal(team("creds", "list"))[1].startswith("make one: tic vault init")
    assert team("vault", "init").code == 0
    assert refusal(team("vault", "init"))[0].endswith("already; nothing was changed")
    assert not (team.home / "tic.db").exists()
    assert (team.home / "vault.key").exists()
    status = json.loads(team("vault", "status", "--json").out)
    assert status["database"].startswith("postgresql://tic@/test_")
    assert status["key"]["opens"] is True
    assert team("doctor").code == 0
    assert shared_postgres.password not in team("vault", "status").out


def test_credentials_keep_their_rules(team: Tic) -> None:
    """B2, A8."""
    team("vault", "init")
    assert [new(team, name).code for name in ("first", "second")] == [0, 0]
    assert refusal(new(team, "first"))[0].startswith("there is a credential 'first'")
    assert team("creds", "delete", "first", "--yes").code == 3
    assert team("creds", "activate", "second").code == 0
    assert team("creds", "delete", "first", "--yes").code == 0
    another = json.dumps({"password": f"{CANARY}-2"})
    rotated = team("creds", "rotate", "second", "--no-verify", "--secrets-from", "-", stdin=another)
    assert rotated.code == 0, rotated.err
    listed = json.loads(team("creds", "list", "--json").out)
    assert [(one["name"], one["state"], one["version"]) for one in listed] == [("second", "active", 2)]


def test_what_is_there_is_sealed(team: Tic, shared_postgres: Postgres, empty_postgres_url: str) -> None:
    team("vault", "init")
    new(team, "first")
    name = empty_postgres_url.partition("@/")[2].partition("?")[0]
    tables = shared_postgres.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=name)
    for (table,) in tables:
        for row in shared_postgres.run("SELECT one::text FROM {} AS one", table, database=name):
            assert CANARY not in row[0]
            assert CANARY.encode().hex() not in row[0]


@pytest.mark.parametrize("words", [["vault", "init"], ["creds", "list"], ["stack", "list"], ["doctor"]])
def test_each_command_says_that_the_server_is_away_and_never_the_password(
    fresh: Tic, tmp_path: Path, words: list[str]
) -> None:
    password = "canary-of-the-password"
    url = f"postgresql://tic:{password}@/tic?host={tmp_path}"
    said = fresh(*words, environ={"TIC_DATABASE_URL": url})
    assert said.code == 5
    assert "can't be reached" in said.out + said.err
    assert "pg_isready" in said.out + said.err
    assert password not in said.out + said.err


def test_a_password_that_spoils_its_url_is_not_repeated(fresh: Tic) -> None:
    said = fresh("creds", "list", environ={"TIC_DATABASE_URL": "postgresql://tic:canary/@canary@h/tic"})
    assert said.code == 2
    assert "canary" not in " ".join(refusal(said))


def test_a_foreign_key_file_does_not_open_the_teams_vault(team: Tic, tmp_path: Path) -> None:
    """A second machine needs the team's key: its own says nothing."""
    team("vault", "init")
    new(team, "first")
    key = (team.home / "vault.key").read_bytes()
    (team.home / "vault.key").unlink()
    (team.home / "vault.seen").unlink()
    assert json.loads(team("creds", "list", "--json").out)[0]["name"] == "first"
    assert team("creds", "show", "first").code == 5
    (team.home / "vault.key").write_bytes(key)
    (team.home / "vault.key").chmod(0o600)
    assert team("creds", "show", "first").code == 0


def test_a_vault_moves_from_a_file_to_the_server_and_back(
    fresh: Tic, tmp_path: Path, empty_postgres_url: str
) -> None:
    """B2, C1. A backup holds the same rows whichever database they come from or go to."""
    backup, url = str(tmp_path / "backup"), {"TIC_DATABASE_URL": empty_postgres_url}
    fresh("vault", "init")
    for name in ("B", "a", "first"):
        assert new(fresh, name).code == 0
    before = json.loads(fresh("creds", "list", "--json").out)
    assert fresh("vault", "backup", backup).code == 0
    there = fresh("vault", "restore", backup, environ=url)
    assert there.code == 0, there.err
    assert json.loads(fresh("creds", "list", "--json", environ=url).out) == before
    assert fresh("vault", "doctor", environ=url).code == 0
    (tmp_path / "backup").unlink()
    assert fresh("vault", "backup", backup, environ=url).code == 0
    (fresh.home / "tic.db").unlink()
    back = fresh("vault", "restore", backup)
    assert back.code == 0, back.err
    assert json.loads(fresh("creds", "list", "--json").out) == before
    assert fresh("vault", "doctor").code == 0
