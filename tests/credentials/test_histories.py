"""What several processes do at once keeps every rule, on SQLite and on PostgreSQL (A2-A4, A6-A8, B2-B5, B7).

They draw operations from a printed seed. A witness that shares nothing with the vault judges each transaction
in the order of the commits, and compares the outcome with snapshots of the tables.
"""

import collections
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from credentials import rules
from credentials.credential import RoleState
from credentials.refusals import ConflictingChange
from credentials.vault import Vault
from engine import creation
from engine.bindings import Usage
from engine.database import Database
from engine.home import Home
from engine.installation import Installation
from tests.credentials.historian import KINDS, PROJECTS, WEIGHTS
from tests.credentials.plain_sql import plain
from tests.credentials.witness import Witness, install
from tests.credentials.worlds import set_role

ROOT = Path(__file__).parents[2]
PROCESSES = 4
REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)
SECOND_ACTIVE = (
    "INSERT INTO credential (token, name, kind, state, version, created_at, updated_at, scope)"
    " VALUES ('tic_x', 'x', 'tencentcloud', 'active', 1, 0, 0, 'all')"
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    """An empty vault with a witness on each database, and the folders of the projects."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    made = Home(tmp_path / "home", tmp_path / "cache", url)
    database = Database.open(made, create=True)
    Vault.create(database, made.root, usage=Usage())
    database.close()
    install(made)
    for project in PROJECTS:
        (tmp_path / project).mkdir()
        (tmp_path / project / "Pulumi.yaml").write_text(f"name: {project}\nruntime: python\n")
    return made


def history(home: Home, operations: int) -> tuple[collections.Counter[str], Witness]:
    """Let several processes make so many operations, judged meanwhile; prints seed and counts."""
    seed = int(os.environ.get("TIC_TEST_SEED") or random.randrange(2**32))
    witness, began = Witness(home), time.monotonic()
    count: collections.Counter[str] = collections.Counter()
    with contextlib.ExitStack() as running:
        processes = [
            running.enter_context(historian(home, f"{seed}-{number}", operations // PROCESSES))
            for number in range(PROCESSES)
        ]
        for process in processes:
            while process.poll() is None and not witness.violations:
                witness.look()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
            if witness.violations:
                break
            out, err = process.communicate()
            assert process.returncode == 0, f"seed {seed}: {err}"
            count.update(json.loads(out))
    witness.look()
    sys.stdout.write(
        f"seed {seed}: {count.total()} operations by {PROCESSES} processes "
        f"in {time.monotonic() - began:.0f} s, {witness.transactions} transactions and "
        f"{witness.snapshots} snapshots judged, {len(witness.violations)} violations\n"
        + "".join(f"  {number:7}  {what}\n" for what, number in sorted(count.items()))
    )
    return count, witness


@contextlib.contextmanager
def historian(home: Home, seed: str, operations: int) -> Iterator["subprocess.Popen[str]"]:
    """One of the processes, killed where the block ends before it."""
    environment = {**os.environ, "TIC_HOME": str(home.root), "TIC_DATABASE_URL": home.database_url or ""}
    command = [sys.executable, "-m", "tests.credentials.historian", seed, str(operations)]
    with subprocess.Popen(
        [*command, str(home.root.parent)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_short_history_keeps_every_rule(home: Home) -> None:
    count, witness = history(home, 600)
    assert witness.violations == []
    assert count.total() == 600
    assert {what.partition(":")[0] for what in count if what.endswith(": done")} > {"new", "delete", "bind"}
    assert witness.transactions > 200


@pytest.mark.soak
def test_a_long_history_keeps_every_rule(home: Home) -> None:
    """10^5 operations: each of them was done, and each rule has refused some."""
    count, witness = history(home, 100_000)
    assert witness.violations == []
    assert count.total() == 100_000
    assert {what.partition(":")[0] for what in count if what.endswith(": done")} == set(WEIGHTS)
    assert {what.partition(": ")[2] for what in count} >= {
        "NameTaken", "NoCredential", "CredentialIsActive", "CredentialInUse", "RoleServesProvider",
        "RoleInUse", "ScopeInUse", "NothingToFallBackTo", "OutOfScope", "Unauthorized", "NotLinked",
        "CredentialTakesRoleOn",
    }  # fmt: skip


class Used:
    """`first` is the Active credential, and the stack `site/dev` uses it; `second` is Ready."""

    def __init__(self, home: Home) -> None:
        self.installation = Installation(home)
        for name in ("first", "second"):
            self.installation.vault.new(name, "tencentcloud", KINDS["tencentcloud"])
        self.stack = creation.new_stack(
            self.installation,
            "dev",
            home.root.parent / "site",
            template=None,
            settings={},
            providers=["tencentcloud"],
        )


@pytest.mark.parametrize(
    "statement",
    [
        SECOND_ACTIVE,
        "UPDATE credential SET state = 'active'",
        "DELETE FROM credential WHERE name = 'first'",
        "UPDATE binding SET credential_id = 4711",
        "UPDATE binding SET role = 'tencentcloud'",
    ],
)
def test_the_database_alone_refuses_what_the_rules_refuse(home: Home, statement: str) -> None:
    """A second Active one, a bound credential's deletion, a binding to nothing: whoever asks (B2, A8)."""
    Used(home)
    with pytest.raises(REFUSED), plain(home) as run:
        run(statement)


def test_the_database_keeps_a_role_that_a_stack_uses(home: Home) -> None:
    """A3."""
    used = Used(home)
    set_role(used.installation.vault, "tencentcloud", RoleState.ENABLED)
    used.installation.vault.delete("first")
    with pytest.raises(REFUSED), plain(home) as run:
        run("DELETE FROM linked_role")


def test_without_the_rule_the_foreign_key_still_keeps_a_credential_in_use(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A8: two guards, each of which is enough."""
    used = Used(home)
    monkeypatch.setattr(rules, "may_delete", lambda *_, **__: None)
    with pytest.raises(ConflictingChange):
        used.installation.vault.delete("first")
    assert [view.credential.name for view in used.installation.vault.list()] == ["first", "second"]


# The witness itself: what it is there to find, it finds


def test_the_witness_finds_a_second_active_one(home: Home) -> None:
    Used(home)
    witness = Witness(home)
    witness.look()
    assert witness.violations == []
    with plain(home) as run:
        run("DROP INDEX credential_one_active")
        run(SECOND_ACTIVE)
    witness.look()
    assert [each.partition(": ")[2].partition(";")[0] for each in witness.violations] == [
        "two Active ones of tencentcloud (B2)",
        "x was made active, with an Active one: True (B2)",
        "two Active ones of tencentcloud",
    ]


def test_the_witness_finds_a_credential_that_was_deleted_in_use(home: Home) -> None:
    Used(home)
    witness = Witness(home)
    witness.look()
    if home.database_url:
        with plain(home) as run:
            run("ALTER TABLE binding DROP CONSTRAINT binding_credential_id_fkey")
            run("DELETE FROM credential WHERE name = 'first'")
    else:
        with closing(sqlite3.connect(home.database)) as unguarded, unguarded:
            unguarded.execute("DELETE FROM credential WHERE name = 'first'")
    witness.look()
    told = "\n".join(witness.violations)
    assert "first was deleted while" in told
    assert "has no credential (A8)" in told
    assert "a binding of stack 1 has no credential" in told


def test_the_witness_finds_what_no_note_tells_of(home: Home) -> None:
    """Whoever switches the triggers off is found by the snapshots."""
    Used(home)
    witness = Witness(home)
    witness.look()
    with plain(home) as run:
        if home.database_url:
            run("DROP TRIGGER note ON credential")
        else:
            run("DROP TRIGGER note_credential_2")
        run("UPDATE credential SET scope = 'project:elsewhere' WHERE name = 'second'")
    witness.look()
    assert len(witness.violations) == 1
    assert "credential has" in witness.violations[0]
