"""`tic audit`: transcripts. What is done with the other commands is there, and tampering shows (B10)."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine.installation import Installation
from tests.cli.command import Said, Tic, refusal
from tests.e2e.command import Tic as Process

CANARY = "cAnArY-a1b2c3d4"
FIELDS = json.dumps({"secret-id": "an-id", "secret-key": CANARY})
NEXT = json.dumps({"secret-id": "another-id", "secret-key": CANARY})
AFTER = json.dumps({"secret-id": "a-third-id", "secret-key": CANARY})
GONE = "do not trust what it says"
Change = Callable[[list[str]], list[str]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves the home that the others begin with."""
    return tmp_path_factory.mktemp("audit") / "home"


@pytest.fixture
def used(fresh: Tic, kept: Path) -> Tic:
    """A vault in which something was done: five entries."""
    if kept.exists():
        shutil.copytree(kept, fresh.home)
        return fresh
    _done_in(fresh)
    _copied(fresh.home / "tic.db", fresh.home / "folded.db")
    shutil.copytree(fresh.home, kept, ignore=shutil.ignore_patterns("tic.db*"))
    (fresh.home / "folded.db").unlink()
    (kept / "folded.db").rename(kept / "tic.db")
    (kept / "tic.db").chmod(0o600)
    return fresh


def _done_in(tic: Tic) -> None:
    _ok(tic("vault", "init"))
    for name in ("prod", "spare"):
        _ok(tic("creds", "new", name, "--provider", "tencentcloud", "--secrets-from", "-", stdin=FIELDS))
    _ok(tic("creds", "activate", "spare"))
    _ok(tic("creds", "rotate", "prod", "--no-verify", "--secrets-from", "-", stdin=NEXT))


def _ok(said: Said) -> Said:
    assert said.code == 0, said.err
    return said


def _copied(source: Path, target: Path) -> None:
    """Make one database what another one is."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def entries(tic: Tic, *words: str) -> list[str]:
    """The log as "action outcome name"."""
    listed = json.loads(_ok(tic("audit", "list", "--json", *words)).out)
    return [f"{one['action']} {one['outcome']} {one['name'] or '-'}" for one in listed]


def sql(tic: Tic, statement: str, *values: object) -> None:
    """Change the database behind tic's back."""
    with closing(sqlite3.connect(tic.home / "tic.db")) as connection, connection:
        connection.execute(statement, values)


def public_key(tic: Tic) -> str:
    return str(json.loads(tic("audit", "verify", "--json").out)["public_key"])


def test_what_the_commands_do_is_in_the_log(used: Tic) -> None:
    assert used("creds", "delete", "spare", "--yes").code == 3
    _ok(used("creds", "delete", "prod", "--yes"))
    assert entries(used) == [
        "vault.init done -",
        "credential.new done prod",
        "credential.new done spare",
        "credential.activate done spare",
        "credential.rotate done prod",
        "credential.delete refused spare",
        "credential.delete done prod",
    ]


def test_a_use_is_told_and_so_is_one_that_is_refused(used: Tic, tmp_path: Path) -> None:
    process = Process(used.home, tmp_path)
    process("creds", "exec", "prod", "--", "true")
    Installation.find().vault.rescope("prod", "project:shop")
    process("creds", "exec", "prod", "--", "touch", "ran", code=3)
    assert not (tmp_path / "ran").exists()
    assert entries(used)[5:] == [
        "credential.open done prod",
        "credential.scope done prod",
        "credential.open refused prod",
    ]
    (refused,) = json.loads(used("audit", "list", "--refused", "--json").out)
    assert refused["purpose"] == "exec touch"
    assert "its scope is project:shop" in refused["detail"]["why"]


def test_no_command_gets_a_secret_whose_use_cant_be_told(used: Tic, tmp_path: Path) -> None:
    sql(used, "ALTER TABLE audit RENAME TO elsewhere")
    done = Process(used.home, tmp_path)("creds", "exec", "prod", "--", "touch", "ran", code=5)
    assert f"error: the database {used.home / 'tic.db'} failed: no such table: audit" in done.err
    assert not (tmp_path / "ran").exists()


def test_list_is_a_table_newest_last(used: Tic) -> None:
    said = _ok(used("audit", "list"))
    head, *rows = said.out.splitlines()
    assert head.split() == ["ENTRY", "TIME", "WHO", "ACTION", "OUTCOME", "CREDENTIAL", "STACK", "DETAIL"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4", "5"]
    number, time, who, action, outcome, name, stack, detail = rows[4].split(maxsplit=7)
    assert (number, action, outcome, name, stack) == ("5", "credential.rotate", "done", "prod", "-")
    assert (len(time), time[-1], detail) == (20, "Z", "verified: no (--no-verify); version: 2")
    assert "@" in who
    assert said.err == ""


def test_list_can_be_narrowed(used: Tic) -> None:
    token = json.loads(used("creds", "list", "--json").out)[0]["token"]
    assert entries(used, "--credential", "prod") == [
        "credential.new done prod",
        "credential.rotate done prod",
    ]
    assert entries(used, "--credential", token) == [
        "credential.new done spare",
        "credential.activate done spare",
    ]
    assert entries(used, "--action", "vault") == ["vault.init done -"]
    assert entries(used, "--action", "credential.activate") == ["credential.activate done spare"]
    assert len(entries(used, "--since", "1h")) == 5
    assert entries(used, "--since", "2999-01-01") == []
    assert entries(used, "--stack", "shop/prod") == []
    assert entries(used, "--refused") == []


def test_list_says_that_there_are_older_ones(used: Tic) -> None:
    said = _ok(used("audit", "list", "--limit", "2"))
    assert [row.split()[0] for row in said.out.splitlines()[1:]] == ["4", "5"]
    assert said.err == "there are older ones; see more: tic audit list --limit 20\n"


def test_a_list_without_entries_says_so(used: Tic) -> None:
    said = _ok(used("audit", "list", "--credential", "no\udcff\x1b"))
    assert (said.out, said.err) == ("", "the audit log has no such entry\n  next: tic audit list\n")


@pytest.mark.parametrize("words", [["list"], ["verify"], ["export"]])
def test_without_a_vault_each_command_says_how_to_make_one(fresh: Tic, words: list[str]) -> None:
    said = fresh("audit", *words)
    assert said.code == 5
    assert refusal(said) == (f"there is no vault in {fresh.home}", "make one: tic vault init")


@pytest.mark.parametrize("words", [["list"], ["export"]])
def test_a_beginning_that_is_none_is_refused(used: Tic, words: list[str]) -> None:
    said = used("audit", *words, "--since", "yesterday")
    assert said.code == 2
    assert refusal(said)[0] == "--since 'yesterday' is neither a span nor a date"


def test_verify_says_that_the_log_is_whole(used: Tic) -> None:
    said = _ok(used("audit", "verify"))
    assert (said.out, said.err) == ("the audit log is whole: 5 entries, none changed, missing or added\n", "")
    known = json.loads(_ok(used("audit", "verify", "--json")).out)
    assert (known["whole"], known["entries"], known["problems"], known["further"]) == (True, 5, [], 0)
    assert len(known["public_key"]) == 64


CHANGED = "it was changed: its content does not fit its hash and the hash before it"
LOST = "so the entry after it can't be compared with it"
OTHERS = "at, actor, action, outcome, credential, name, kind, stack, purpose, detail, hash, mac"
TAMPERED = {
    "UPDATE audit SET outcome = 'refused' WHERE seq = 3": ("3", CHANGED),
    "UPDATE audit SET name = NULL WHERE seq = 3": ("3", CHANGED),
    "DELETE FROM audit WHERE seq = 3": ("4", "what comes before it is missing: 3"),
    "DELETE FROM audit WHERE seq > 3": ("4", "the end of the log is missing: 4 to 5"),
    "DELETE FROM audit": ("1", "the end of the log is missing: 1 to 5"),
    f"INSERT INTO audit SELECT 6, {OTHERS} FROM audit WHERE seq = 5": ("6", CHANGED),  # noqa: S608
    "UPDATE audit SET seq = -4 WHERE seq = 3": ("-4", f"its seq is not what tic puts there, {LOST}"),
    "UPDATE audit SET mac = zeroblob(32) WHERE seq = 3": (
        "3",
        "it was not written by this vault: its MAC is wrong",
    ),
    "UPDATE audit SET at = 'never' WHERE seq = 3": ("3", f"its at is not what tic puts there, {LOST}"),
    "UPDATE vault SET audit_head = zeroblob(40)": (
        "-",
        "the vault's seal over the end of the log was changed",
    ),
}


@pytest.mark.parametrize("statement", TAMPERED)
def test_tampering_shows_and_the_exit_code_is_5(used: Tic, statement: str) -> None:
    sql(used, statement)
    said = used("audit", "verify")
    assert said.code == 5
    head, first, *_ = said.out.splitlines()
    assert head == "ENTRY  WHAT IS WRONG"
    assert tuple(first.split(maxsplit=1)) == TAMPERED[statement]
    assert said.err.startswith("error: the audit log was changed by something else than tic: ")
    assert f"found; {GONE}\n  next: see them: tic audit verify" in said.err
    known = json.loads(used("audit", "verify", "--json").out)
    assert (known["whole"], bool(known["problems"])) == (False, True)
    assert used("audit", "export").out == ""


def test_two_entries_that_changed_places_show(used: Tic) -> None:
    for old, new in ((3, 100), (4, 3), (100, 4)):
        sql(used, "UPDATE audit SET seq = ? WHERE seq = ?", new, old)
    said = used("audit", "verify")
    assert said.code == 5
    assert [line.split()[0] for line in said.out.splitlines()] == ["ENTRY", "3", "4", "5"]


def test_an_old_copy_that_is_put_back_shows(used: Tic) -> None:
    copy = used.home.parent / "copy.db"
    _copied(used.home / "tic.db", copy)
    _ok(used("creds", "rotate", "prod", "--no-verify", "--secrets-from", "-", stdin=AFTER))
    _copied(copy, used.home / "tic.db")
    said = used("audit", "verify")
    assert said.code == 5
    assert "6      this machine has seen the log up to entry 6: the database is an old copy" in said.out


def test_a_list_of_a_damaged_log_shows_the_rest_and_fails(used: Tic) -> None:
    sql(used, "UPDATE audit SET at = 'never' WHERE seq = 3")
    said = used("audit", "list")
    assert [row.split()[0] for row in said.out.splitlines()[1:]] == ["1", "2", "4", "5"]
    assert said.code == 5
    assert "a row of its table audit holds what tic does not put there" in said.err


def test_nothing_in_a_changed_log_steers_a_terminal(used: Tic) -> None:
    sql(used, "UPDATE audit SET actor = ? WHERE seq = 3", "\x1b[2J\u202e")
    for words in (["list"], ["list", "--json"], ["verify"]):
        said = used("audit", *words)
        assert "\x1b" not in said.out + said.err
        assert "\u202e" not in said.out + said.err


def test_an_export_verifies_without_a_vault(used: Tic, tmp_path: Path) -> None:
    key, file = public_key(used), tmp_path / "log.jsonl"
    said = _ok(used("audit", "export", "--output", str(file)))
    assert said.out == ""
    assert said.err == (
        "entries 1 to 5 of the audit log are exported\n"
        f"  verify it anywhere: tic audit verify {file} --public-key {key}\n"
    )
    assert file.stat().st_mode & 0o777 == 0o600
    shutil.rmtree(used.home)
    said = _ok(used("audit", "verify", str(file), "--public-key", key))
    assert said.err == ""
    assert said.out.startswith("the export is whole and signed by its vault: entries 1 to 5 of vault ")
    assert not used.home.exists()
    known = json.loads(_ok(used("audit", "verify", str(file), "--public-key", key, "--json")).out)
    assert (known["whole"], known["from"], known["entries"], known["problems"]) == (True, 1, 5, [])
    assert _ok(used("audit", "verify", "-", "--public-key", key, stdin=file.read_bytes())).out == said.out


def test_an_export_goes_to_stdout_whole(used: Tic) -> None:
    lines = _ok(used("audit", "export")).out.splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["format", *["seq"] * 5, "count"]


def test_a_segment_says_that_it_is_one(used: Tic) -> None:
    moment = json.loads(used("audit", "list", "--json").out)[2]["at"]
    text = _ok(used("audit", "export", "--since", moment)).out
    said = _ok(used("audit", "verify", "-", "--public-key", public_key(used), stdin=text))
    assert "entries 3 to 5 of vault" in said.out
    assert said.out.endswith("it is a segment: what came before entry 3 is not in it\n")
    text = _ok(used("audit", "export", "--since", "2999-01-01")).out
    said = _ok(used("audit", "verify", "-", "--public-key", public_key(used), stdin=text))
    assert "no entries from 6 on of vault" in said.out


@pytest.mark.parametrize(
    ("changed", "line", "what"),
    [
        (
            lambda lines: [*lines[:3], lines[3].replace("spare", "other"), *lines[4:]],
            "4",
            "entry 3: it was changed",
        ),
        (lambda lines: [*lines[:3], *lines[4:]], "4", "entry 4: what comes before it is missing: 3"),
        (lambda lines: lines[:4], "5", "the end is missing"),
        (
            lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
            "3",
            "entry 3: what comes before it is missing: 2",
        ),
        (lambda lines: lines[1:], "1", "it does not begin an export of an audit log"),
    ],
)
def test_a_changed_export_is_named_with_its_line(used: Tic, changed: Change, line: str, what: str) -> None:
    lines = used("audit", "export").out.splitlines(keepends=True)
    said = used("audit", "verify", "-", "--public-key", public_key(used), stdin="".join(changed(lines)))
    assert said.code == 5
    first = said.out.splitlines()[1]
    assert first.split()[0] == line
    assert what in first
    assert "the export on stdin is not what the vault with this public key has signed: " in said.err


def test_an_export_of_another_vault_is_refused(used: Tic) -> None:
    text = used("audit", "export").out
    said = used("audit", "verify", "-", "--public-key", "00" * 32, "--json", stdin=text)
    assert said.code == 5
    known = json.loads(said.out)
    assert [one["line"] for one in known["problems"]] == [1, 7]


def test_a_file_that_is_there_is_not_replaced(used: Tic, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("mine")
    said = used("audit", "export", "--output", str(file))
    assert said.code == 2
    assert refusal(said) == (
        f"{file} is there already; nothing was written",
        "name a new file: --output FILE",
    )
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["log.jsonl"]


def test_a_refused_export_leaves_no_file(used: Tic, tmp_path: Path) -> None:
    sql(used, "DELETE FROM audit WHERE seq = 3")
    said = used("audit", "export", "--output", str(tmp_path / "log.jsonl"))
    assert said.code == 5
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["FILE"], "whose export it is can't be told without the vault's public key"),
        (
            ["FILE", "--public-key", "abc"],
            "--public-key 'abc' is not a public key: that has 64 hexadecimal digits",
        ),
        (["none", "--public-key", "00" * 32], "none can't be read: No such file or directory"),
        (["/", "--public-key", "00" * 32], "/ can't be read: Is a directory"),
        (["--public-key", "00" * 32], "--public-key is for an export, and there is none"),
    ],
)
def test_what_verify_cant_use_is_refused(used: Tic, words: list[str], error: str) -> None:
    said = used("audit", "verify", *words)
    assert said.code == 2
    assert refusal(said)[0] == error


def test_an_export_into_a_folder_that_is_not_there_is_refused(used: Tic) -> None:
    said = used("audit", "export", "--output", "nowhere/log.jsonl")
    assert said.code == 2
    assert refusal(said)[0] == "nowhere/log.jsonl can't be made: No such file or directory"


def test_no_secret_comes_out(used: Tic) -> None:
    for words in (["list"], ["list", "--json"], ["verify"], ["export"]):
        said = used("audit", *words)
        assert CANARY not in said.out + said.err


def test_the_commands_import_nothing_that_takes_long() -> None:
    """What verifies an export starts neither a database nor a vault."""
    script = "import sys, cli.audit, cli.audit_export; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"sqlalchemy", "nacl", "engine", "credentials.vault"} & set(done.stdout.split())


def test_a_log_whose_end_nobody_has_seen_is_whole_and_may_be_an_old_copy(tic: Tic) -> None:
    assert json.loads(tic("audit", "verify", "--json").out)["end_known"] is True
    (tic.home / "vault.seen").unlink()
    said = tic("audit", "verify")
    assert said.code == 0
    assert said.err == (
        "warning: vault.seen is missing, so it can't be told whether this is an old copy of the log, "
        "without its newest entries\n  next: tic vault doctor\n"
    )
    assert json.loads(tic("audit", "verify", "--json").out)["end_known"] is False
