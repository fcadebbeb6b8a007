"""`tic creds new`: what is given, and what is refused before anything is made."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Tic, refusal
from tests.cli.creds import CANARY, KEYS, masked, new

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
