"""`tic creds`: transcripts. Data is on stdout, everything else on stderr, and a secret on neither."""

import json
import os
import pty
import re
import select
import sys
from pathlib import Path

import pytest

from tests.cli.command import Said, Tic, anything, refusal

CANARY = "cAnArY-5f0e1d-Zx9"
KEYS = json.dumps({"secret-id": "an-id", "secret-key": CANARY})
TOKEN = re.compile(r"tic_[a-z2-7]{16}")
ROOT = Path(__file__).parents[2]


def new(tic: Tic, name: str, *words: str, stdin: str = KEYS) -> Said:
    return tic("creds", "new", name, "--provider", "tencentcloud", "--secrets-from", "-", *words, stdin=stdin)


def masked(said: Said) -> str:
    """Stderr with tokens replaced."""
    return TOKEN.sub("TOKEN", said.err)


NO_AWS = dict.fromkeys(
    (
        f"AWS_{name}"
        for name in (
            "ACCESS_KEY_ID",
            "SECRET_ACCESS_KEY",
            "SESSION_TOKEN",
            "REGION",
            "DEFAULT_REGION",
            "HOSTED_ZONE_ID",
        )
    ),
    "",
)
NO = "these fields make no tencentcloud credential: "


# new


def test_the_first_is_active_and_the_second_ready(tic: Tic) -> None:  # B2
    first, second = new(tic, "prod", "--field", "region=ap-guangzhou"), new(tic, "next")
    assert (first.code, first.out, second.code, second.out) == (0, "", 0, "")
    assert masked(first) == (
        "credential prod is made: tencentcloud, Active, TOKEN\n"
        "  next: tic stack new NAME --template certificate\n"
    )
    assert masked(second) == (
        "credential next is made: tencentcloud, Ready, TOKEN\n"
        "  new stacks use prod; to have them use this one: tic creds activate next\n"
    )


def test_a_secret_as_an_argument_is_refused_and_not_repeated(tic: Tic) -> None:  # B1
    said = tic("creds", "new", "prod", "--provider", "tencentcloud", "--field", f"secret-key={CANARY}")
    assert said.code == 2
    error, following = refusal(said)
    assert error.startswith("secret-key is a secret, and other users can read the arguments of a process")
    assert "--secrets-from FILE|-" in following
    assert CANARY not in said.err
    assert tic("creds", "list").out == ""


def test_secrets_come_from_a_file(tic: Tic, tmp_path: Path) -> None:  # B1
    file = tmp_path / "keys.json"
    file.write_text("\ufeff" + KEYS)
    file.chmod(0o600)
    said = tic("creds", "new", "prod", "--provider", "tencentcloud", "--secrets-from", str(file))
    assert (said.code, "warning" in said.err) == (0, False)


def test_a_file_that_others_can_read_is_taken_with_a_warning(tic: Tic, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(KEYS)
    file.chmod(0o644)
    said = tic("creds", "new", "prod", "--provider", "tencentcloud", "--secrets-from", str(file))
    assert said.code == 0
    assert said.err.startswith(f"warning: other users can read {file}; close it: chmod 600 {file}\n")


def test_fields_come_from_the_environment(tic: Tic) -> None:  # B1
    said = tic(
        "creds", "new", "prod", "--provider", "alicloud", "--from-env", "--field", "region=cn-beijing",
        environ={"ALICLOUD_ACCESS_KEY": "id", "ALICLOUD_SECRET_KEY": CANARY, "ALICLOUD_REGION": "cn-a"},
    )  # fmt: skip
    assert said.code == 0
    shown = json.loads(tic("creds", "show", "prod", "--json").out)
    assert shown["fields"] == {"access-key": "id", "secret-key": "***", "region": "cn-beijing"}


@pytest.mark.parametrize(
    ("words", "stdin", "error"),
    [
        (["--field", "secret-id"], KEYS, "--field number 1 has no '='"),
        (["--field", "region=r", "--field", CANARY], KEYS, "--field number 2 has no '='"),
        (["--field", "colour=red"], KEYS, "--field number 1 of tencentcloud: colour is no field of it"),
        (["--field", f"{CANARY}=red"], KEYS, "--field number 1 of tencentcloud: one name is no field of it"),
        (["--field", "region=a", "--field", "region=b"], KEYS, "--field region is given twice"),
        (["--field", "secret-id=a"], KEYS, "secret-id is given twice"),
        ([], "", "stdin is not JSON: Expecting value (line 1, column 1)"),
        ([], KEYS[:-1], "stdin is not JSON: Expecting ',' delimiter (line 1, column"),
        ([], json.dumps([CANARY]), "stdin holds JSON, but not an object"),
        ([], "[" * 100_000, "stdin is not JSON that can be read"),
        ([], "9" * 5000, "stdin is not JSON that can be read"),
        ([], '{"secret-id": "a", "secret-id": "b"}', "a name stands twice in the JSON object"),
        ([], b"\xff\xfe{}", "stdin is not UTF-8 (byte 0)"),
        ([], " " * 1_100_000, "stdin is too large (1048576 bytes at most)"),
        ([], json.dumps({"secret-id": "a"}), "secret-key of the tencentcloud credential is missing"),
        ([], "{}", "secret-id and secret-key of the tencentcloud credential are missing"),
        ([], json.dumps({"secret-id": 5, "secret-key": CANARY}), NO + "secret-id is not text"),
        ([], json.dumps({"secret-id": "a", "secret-key": CANARY, "colour": "red"}), NO + "colour is no"),
        ([], json.dumps({"secret-id": "a", "secret-key": CANARY + "\x00"}), NO + "secret-key holds"),
        ([], json.dumps({"secret-id": "a", "secret-key": "\ud800"}), NO + "secret-key is not valid"),
        ([], json.dumps({"secret-id": "a", "secret-key": CANARY * 9999}), NO + "secret-key has 169983"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_error_and_nothing_is_made(
    tic: Tic, words: list[str], stdin: str, error: str
) -> None:
    said = new(tic, "prod", *words, stdin=stdin)
    assert said.code == 2
    assert refusal(said)[0].startswith(error)
    assert CANARY not in said.err
    assert tic("creds", "list", "--json").out == "[]\n"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["a b", "--provider", "aws"], 2, "this name can't be used: it contains ' '"),
        (["x" * 65, "--provider", "aws"], 2, "this name can't be used: it has 65 characters"),
        (["a\x1b[2J", "--provider", "aws"], 2, "this name can't be used: it contains U+001B"),
        (["a\udcff", "--provider", "aws"], 2, "this name can't be used: it contains U+DCFF"),
        (["--provider", "aws", "--", "-x"], 2, "this name can't be used: it begins with '-'"),
        (["x", "--provider", "awss"], 2, "'awss' is no kind of credential; did you mean aws?"),
        (["taken", "--provider", "aws"], 2, "there is a credential 'taken' already; nothing was changed"),
        (["x", "--provider", "aws", "--from-env"], 2, "none of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
        (["x", "--provider", "username-password", "--from-env"], 2, "username-password has no environment"),
        (["x", "--provider", "aws", "--secrets-from", "/nowhere"], 2, "/nowhere can't be read: No such file"),
        (["x", "--provider", "aws", "--secrets-from", "/"], 2, "/ can't be read: Is a directory"),
    ],
)  # fmt: skip
def test_a_bad_command_line_is_one_clear_error(tic: Tic, words: list[str], code: int, error: str) -> None:
    new(tic, "taken")
    said = tic("creds", "new", *words, environ=NO_AWS)
    assert said.code == code
    assert refusal(said)[0].startswith(error)
    assert [one["name"] for one in json.loads(tic("creds", "list", "--json").out)] == ["taken"]


def test_a_path_that_names_nothing_yet_is_taken_with_a_warning(tic: Tic) -> None:
    said = tic("creds", "new", "dns", "--provider", "exec", "--field", "path=/nowhere/update-dns")
    assert said.code == 0
    assert said.err.startswith("warning: path names no file that is there now: '/nowhere/update-dns'\n")


@pytest.mark.parametrize(
    ("mode", "why"), [(0o600, "is not an executable program"), (0o777, "is writable by")]
)
def test_a_program_that_runs_would_refuse_is_taken_with_the_same_words(
    tic: Tic, tmp_path: Path, mode: int, why: str
) -> None:
    program = tmp_path / "update-dns"
    program.write_text("#!/bin/sh\n")
    program.chmod(mode)
    path = f"path={program}"
    made = tic("creds", "new", "dns", "--provider", "exec", "--field", path)
    rotated = tic("creds", "rotate", "dns", "--field", path)
    for said in (made, rotated):
        first, following = said.err.splitlines()[:2]
        assert first.startswith("warning: runs on this machine refuse it: ")
        assert why in first
        assert following.startswith("  next: ")
        assert str(program) in following
    folder = tic("creds", "rotate", "dns", "--field", f"path={tmp_path}")
    assert "is a folder, and no program" in folder.err
    assert "chmod" not in folder.err


def test_clearing_what_is_not_there_speaks_of_no_stacks(tic: Tic) -> None:  # A7
    said = tic("creds", "clear", "tencentcloud")
    assert said.code == 3
    assert "there are no credentials of tencentcloud to clear" in said.err
    assert "stacks would be left" not in said.err
    new(tic, "prod")
    assert "its linked role is not enabled" in tic("creds", "clear", "tencentcloud").err


# list and show


def test_the_list_fits_eighty_columns(tic: Tic) -> None:  # B8
    assert tic("creds", "list").err == (
        "no credentials yet\n  next: tic creds new NAME --provider P (tic creds kinds lists them)\n"
    )
    new(tic, "prod")
    new(tic, "生产")
    tic("creds", "new", "dns", "--provider", "exec", "--field", f"path={sys.executable}")
    said = tic("creds", "list")
    assert (said.code, said.err) == (0, "")
    out = re.sub(r"\d+ s", "0 s", TOKEN.sub("tic_abcdefghijklmnop", said.out))
    assert out.splitlines() == [
        "NAME  PROVIDER      STATE   SCOPE  TOKEN                 USED   AGE  STACKS",
        "dns   exec          Active  all    tic_abcdefghijklmnop  never  0 s  -",
        "prod  tencentcloud  Active  all    tic_abcdefghijklmnop  never  0 s  -",
        "生产  tencentcloud  Ready   all    tic_abcdefghijklmnop  never  0 s  -",
    ]
    assert max(map(len, out.splitlines())) <= 80


def test_the_list_as_json_names_the_stacks(tic: Tic) -> None:  # B4, B8
    new(tic, "prod")
    bind(tic, "prod", "web", "site")
    (one,) = json.loads(tic("creds", "list", "--json").out)
    assert one == anything(
        name="prod", provider="tencentcloud", state="active", version=1, stacks=["web/site"]
    )
    assert one == anything(last_used_at=None, last_used_for=None)
    assert TOKEN.fullmatch(one["token"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["created_at"])
    assert "web/site" in tic("creds", "list").out


def test_show_hides_secrets_by_name_and_by_token(tic: Tic) -> None:  # B4
    new(tic, "prod", "--field", "region=ap-guangzhou")
    token = json.loads(tic("creds", "show", "prod", "--json").out)["token"]
    said = tic("creds", "show", token)
    assert said == tic("creds", "show", "prod")
    fields = said.out.split("\n\n")[1].splitlines()
    assert fields == [
        "FIELD       VALUE",
        "region      ap-guangzhou",
        "secret-id   an-id",
        "secret-key  ***",
    ]
    assert f"token:        {token}\n" in said.out


@pytest.mark.parametrize(
    "command",
    [["show"], ["activate"], ["delete", "--yes"], ["rotate", "--secrets-from", "-"]],
    ids=lambda one: one[0],
)
def test_what_is_not_there_is_not_found(tic: Tic, command: list[str]) -> None:
    new(tic, "production")
    said = tic("creds", command[0], "producton", *command[1:], stdin=KEYS)
    assert said.code == 4
    assert refusal(said) == (
        "there is no credential 'producton'; did you mean 'production'?",
        "see all of them: tic creds list",
    )


# rotate, activate, delete


def test_rotate_keeps_token_and_settings(tic: Tic) -> None:  # B5
    new(tic, "prod", "--field", "region=r")
    before = json.loads(tic("creds", "show", "prod", "--json").out)
    said = tic(
        "creds", "rotate", "prod", "--no-verify", "--secrets-from", "-",
        stdin='{"secret-id": "new", "secret-key": "k"}',
    )  # fmt: skip
    assert said.code == 0
    assert masked(said).startswith(
        "credential prod has new values (version 2); its token is the same: TOKEN\n"
    )
    after = json.loads(tic("creds", "show", "prod", "--json").out)
    assert after["fields"] == {"region": "r", "secret-id": "new", "secret-key": "***"}
    assert (after["token"], after["version"]) == (before["token"], 2)


def test_a_refused_rotation_keeps_the_old_values(tic: Tic) -> None:
    new(tic, "prod")
    before = tic("creds", "show", "prod", "--json").out
    said = tic("creds", "rotate", "prod", "--secrets-from", "-", stdin='{"secret-key": "k"}')
    assert said.code == 2
    assert refusal(said)[0] == "secret-id of the tencentcloud credential is missing"
    assert tic("creds", "show", "prod", "--json").out == before


def test_rotate_says_what_is_gone(tic: Tic) -> None:
    tic(
        "creds",
        "new",
        "cf",
        "--provider",
        "cloudflare",
        "--field",
        "email=a@b",
        "--secrets-from",
        "-",
        stdin='{"api-key": "k"}',
    )
    words = ["creds", "rotate", "cf", "--no-verify", "--secrets-from", "-"]
    said = tic(*words, stdin='{"api-token": "t"}')
    assert "  it no longer has: api-key, email\n" in said.err


def test_activate_swaps_and_says_so(tic: Tic) -> None:  # B2, B3
    new(tic, "prod")
    new(tic, "next")
    said = tic("creds", "activate", "next")
    assert (said.code, said.out) == (0, "")
    assert said.err == (
        "credential next is Active: new stacks that need tencentcloud use it\n"
        "  prod is Ready; stacks that are bound to it stay with it\n"
        "  next: move a stack to it: tic stack bind STACK next\n"
    )
    assert [one["state"] for one in json.loads(tic("creds", "list", "--json").out)] == ["active", "ready"]


def test_deleting_asks_and_without_a_terminal_wants_yes(tic: Tic) -> None:
    new(tic, "prod")
    new(tic, "next")
    said = tic("creds", "delete", "next")
    assert said.code == 2
    assert refusal(said) == (
        "deleting 'next' is for good, and there is no terminal to ask at",
        "say yes in advance: tic creds delete next --yes",
    )
    assert tic("creds", "delete", "next", "--yes").code == 0
    assert [one["name"] for one in json.loads(tic("creds", "list", "--json").out)] == ["prod"]


def test_the_active_one_is_not_deleted(tic: Tic) -> None:  # A8
    new(tic, "prod")
    said = tic("creds", "delete", "prod", "--yes")
    assert said.code == 3
    assert refusal(said)[0] == "'prod' can't be deleted: it is the Active credential of tencentcloud"


def test_one_in_use_is_not_deleted_and_the_error_names_its_stacks(tic: Tic) -> None:  # A8
    new(tic, "prod")
    new(tic, "next")
    bind(tic, "next", "web", "site")
    for words in (["--yes"], []):
        said = tic("creds", "delete", "next", *words)
        assert said.code == 3
        assert refusal(said) == (
            "'next' can't be deleted: web/site uses it",
            "destroy the stack first: tic stack destroy web/site; or move it to another credential: "
            "tic stack bind web/site OTHER (in a slot: --as SLOT)",
        )


# Secrets


def test_no_command_prints_a_secret(tic: Tic) -> None:  # B4
    said = [
        new(tic, "prod"),
        new(tic, "prod"),
        new(tic, "next"),
        *(tic("creds", *words) for words in (
            ["list"], ["list", "--json"], ["show", "prod"], ["show", "prod", "--json"], ["activate", "next"],
            ["delete", "next", "--yes"], ["delete", "prod", "--yes"],
        )),
        tic("vault", "status"),
        tic("vault", "status", "--json"),
    ]  # fmt: skip
    for one in said:
        assert CANARY not in one.out + one.err
    assert all(CANARY.encode() not in path.read_bytes() for path in tic.home.rglob("*") if path.is_file())


def test_a_damaged_credential_is_an_error_that_names_it(tic: Tic) -> None:
    new(tic, "prod")
    change(tic, "UPDATE credential_field SET sealed = x'0000'")
    said = tic("creds", "show", "prod")
    assert said.code == 5
    assert refusal(said)[0].startswith("'prod' (tic_")
    assert tic("creds", "list").code == 0


# At a terminal


def at_a_terminal(tic: Tic, words: list[str], answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Run `tic` at a terminal of its own: wait for each question, type its answer. Returns what was shown."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        environ = {**os.environ, "TIC_HOME": str(tic.home)}
        os.execve(sys.executable, [sys.executable, "-m", "cli.main", *words], environ)  # noqa: S606
    shown = ""
    for question, answer in answers:
        while not shown.rstrip().endswith(question):
            more = _read(terminal)
            assert more, f"never asked {question!r}: {shown}"
            shown += more
        os.write(terminal, answer.encode() + b"\n")
    while more := _read(terminal):
        shown += more
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown


def _read(terminal: int) -> str:
    """What the other side wrote; nothing when it has closed (Linux says EIO then) or is silent for long."""
    ready, _, _ = select.select([terminal], [], [], 30)
    try:
        return os.read(terminal, 1024).decode() if ready else ""
    except OSError:
        return ""


def test_missing_fields_are_asked_for_and_secrets_without_echo(tic: Tic) -> None:  # B1
    code, shown = at_a_terminal(
        tic,
        ["creds", "new", "prod", "--provider", "tencentcloud"],
        [
            ("SecretId:", "an-id"),
            ("SecretKey:", CANARY),
            ("Session token (temporary keys only) [none]:", ""),
            ("Region, e.g. ap-guangzhou [none]:", "not a region"),
            ("Region, e.g. ap-guangzhou [none]:", "ap-guangzhou"),
        ],
    )
    assert code == 0, shown
    assert CANARY not in shown
    assert "credential prod is made: tencentcloud, Active" in shown
    assert "region must be the name of a region" in shown
    fields = json.loads(tic("creds", "show", "prod", "--json").out)["fields"]
    assert fields == {"region": "ap-guangzhou", "secret-id": "an-id", "secret-key": "***"}


def test_a_rotation_asks_only_for_what_it_does_not_keep(tic: Tic) -> None:  # B5
    tic(
        "creds",
        "new",
        "me",
        "--provider",
        "username-password",
        "--field",
        "username=u",
        "--secrets-from",
        "-",
        stdin='{"password": "p"}',
    )
    code, shown = at_a_terminal(tic, ["creds", "rotate", "me"], [("Password:", CANARY)])
    assert code == 0, shown
    assert json.loads(tic("creds", "show", "me", "--json").out)["version"] == 2


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("", 2), ("y", 1)])
def test_deleting_asks_at_a_terminal(tic: Tic, answer: str, left: int) -> None:
    new(tic, "prod")
    new(tic, "next")
    code, shown = at_a_terminal(tic, ["creds", "delete", "next"], [("for good? [y/N]:", answer)])
    assert (code == 0) == (left == 1), shown
    assert len(json.loads(tic("creds", "list", "--json").out)) == left


# What a test needs besides


def bind(tic: Tic, credential: str, project: str, stack: str) -> None:
    """A stack, bound to a credential, as the engine makes them."""
    from engine import bindings
    from engine.installation import Installation
    from engine.state import stacks

    installation = Installation.find()
    found = installation.vault.find(credential)
    with installation.vault.quiet_change() as change:
        made = stacks.create(change.connection, project, stack)
        bindings.bind(change.connection, made.id, found.id, found.kind)
    installation.database.close()


def change(tic: Tic, statement: str) -> None:
    """Change the database behind tic's back."""
    from engine.installation import Installation

    installation = Installation.find()
    with installation.database.write() as connection:
        connection.exec_driver_sql(statement)
    installation.database.close()
