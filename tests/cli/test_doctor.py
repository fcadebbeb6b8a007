"""`tic doctor` on a home that is there and can't be used; `tests/cli/test_engine.py` has what is missing."""

import json
import sqlite3

import pytest

from credentials.vault import Vault
from engine.bindings import Usage
from engine.database import Database
from engine.home import Home
from tests.cli.command import Tic
from tests.cli.creds import change, new


@pytest.fixture
def still(fresh: Tic) -> Tic:
    """A vault that nobody has open, so that all of it is in the file."""
    home = Home(fresh.home, fresh.home / "cache")
    database = Database.open(home, create=True)
    Vault.create(database, home.root, usage=Usage())
    database.close()
    return fresh


def checks(tic: Tic) -> tuple[int, dict[str, dict[str, object]]]:
    said = tic("doctor", "--json")
    return said.code, {check["name"]: check for check in json.loads(said.out)["checks"]}


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"x" * 5000, b"no database"])
def test_a_damaged_database_is_named_and_nothing_sends_back_to_the_doctor(still: Tic, content: bytes) -> None:
    (still.home / "tic.db").write_bytes(content)
    code, found = checks(still)
    assert code == 5
    assert found["database"]["unusable"] is True
    assert f"the database {still.home}/tic.db is damaged" in str(found["database"]["detail"])
    assert f"cp BACKUP {still.home}/tic.db" in str(found["database"]["remedy"])
    for words in (["creds", "list"], ["stack", "list"], ["vault", "status"], ["vault", "init"], ["doctor"]):
        said = still(*words)
        assert said.code == 5, words
        assert "tic doctor" not in said.out + said.err
        assert "vault.key stays" in said.out + said.err


def test_the_whole_file_is_checked(still: Tic) -> None:
    file = still.home / "tic.db"
    assert str(checks(still)[1]["database"]["detail"]).endswith("(0600), whole")
    with sqlite3.connect(file) as other:
        other.execute("PRAGMA ignore_check_constraints = ON")
        other.execute(  # which no command here reads
            "INSERT INTO linked_role (provider, state, role, session_seconds, source, settings, account, "
            "principal, created_at) VALUES ('aws', 'x', 'r', 1, 'oidc', '{}', '', '', 0)"
        )
    other.close()
    code, found = checks(still)
    assert code == 5
    assert str(found["database"]["detail"]).endswith("is damaged: CHECK constraint failed in linked_role")


def test_a_damaged_row_is_seen(tic: Tic) -> None:
    new(tic, "prod")
    change(tic, "UPDATE credential SET created_at = 'long ago'")
    code, found = checks(tic)
    assert (code, found["vault"]["unusable"]) == (5, True)


def test_a_home_that_is_no_folder_is_not_to_be_closed_but_left(fresh: Tic) -> None:
    fresh.home.write_text("")
    said = fresh("doctor")
    assert said.code == 5
    assert f"unusable  home      {fresh.home} is no folder" in said.out
    assert "next: set TIC_HOME to a folder of your own\n" in said.out
    assert "chmod" not in said.out


def test_each_remedy_is_said_in_one_style(fresh: Tic) -> None:
    said = fresh("doctor")
    steps = [line.strip() for line in said.out.splitlines() if line.startswith(" ")]
    assert "next: tic vault init" in steps
    assert all(step.startswith(("next: ", "optional: ")) for step in steps)
    assert not any(step.removeprefix("next: ").startswith(("make one", "mend", "run:")) for step in steps)


def test_what_is_open_to_others_is_closed_by_the_command(tic: Tic) -> None:
    tic.home.chmod(0o755)
    code, found = checks(tic)
    assert (code, found["home"]["remedy"]) == (5, f"chmod 700 {tic.home}")


def test_a_database_that_is_gone_is_put_back_and_never_made_anew(tic: Tic) -> None:
    for file in tic.home.glob("tic.db*"):
        file.unlink()
    code, found = checks(tic)
    assert code == 5
    assert found["database"]["remedy"] == "tic vault restore FILE"
    assert str(found["database"]["detail"]).endswith("vault.key is still there")
