"""`tic creds exec|export-process|notify` as commands: what they refuse, before anything is opened."""

import json
import sys
from pathlib import Path

import pytest

from tests.cli.command import Tic, refusal

CANARY = "canary-of-the-command"


@pytest.fixture
def keys(tic: Tic) -> Tic:
    """A vault with a key of AWS, a cluster, a bot, and a password without an address."""
    for name, provider, fields in (
        ("cloud", "aws", {"access-key-id": "AKIA1", "secret-access-key": CANARY}),
        ("cluster", "kubernetes", {"server": "https://k8s.example.test", "token": CANARY}),
        ("bot", "dingtalk", {"token": CANARY.replace("-", "")}),
        ("login", "username-password", {"username": "me", "password": CANARY}),
    ):
        made = tic(
            "creds", "new", name, "--provider", provider, "--secrets-from", "-", stdin=json.dumps(fields)
        )
        assert made.code == 0, made.err
    return tic


def used(tic: Tic, name: str) -> str | None:
    """What the credential was last used for."""
    shown = json.loads(tic("creds", "show", name, "--json").out)
    purpose = shown["last_used_for"]
    assert purpose is None or isinstance(purpose, str)
    return purpose


def opened(tic: Tic, name: str) -> list[str]:
    """How it came out each time that the credential was opened, by the audit log."""
    listed = tic("audit", "list", "--action", "credential.open", "--credential", name, "--json").out
    return [entry["outcome"] for entry in json.loads(listed)]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["cloud", "ls"], "no --"),
        (["cloud"], "no --"),
        ([], "no --"),
        (["cloud", "--"], "no command behind --"),
        (["cloud", "--", ""], "no command behind --"),
        (["--", "ls"], "Missing argument"),
    ],
)
def test_without_dashes_or_a_command_it_says_how_it_is_written(
    keys: Tic, words: list[str], error: str
) -> None:
    said = keys("creds", "exec", *words)
    assert said.code == 2
    assert error in refusal(said)[0]


def test_its_help_shows_where_the_command_stands(tic: Tic) -> None:
    for words in (["--help"], ["--help", "--", "ls"]):
        said = tic("creds", "exec", *words)
        assert said.code == 0
        assert "-- COMMAND [ARGUMENT]..." in said.out


def test_a_command_that_is_not_there_is_127_and_nothing_is_opened(keys: Tic) -> None:
    """B10."""
    said = keys("creds", "exec", "cloud", "--", "no-such-command")
    assert said.code == 127
    assert refusal(said)[0] == "there is no command 'no-such-command'"
    assert used(keys, "cloud") is None


def test_a_file_that_may_not_be_executed_is_126(keys: Tic, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("")
    said = keys("creds", "exec", "cloud", "--", str(tmp_path / "text"))
    assert said.code == 126
    assert "may not be executed" in refusal(said)[0]


def test_what_gives_a_command_nothing_says_what_is_missing(keys: Tic) -> None:
    said = keys("creds", "exec", "login", "--", "true")
    assert said.code == 2
    assert refusal(said) == (
        "without url, 'login' (username-password) makes nothing that a command could read",
        "give it: tic creds rotate login --field url=VALUE",
    )
    assert "tic creds notify bot MESSAGE" in refusal(keys("creds", "exec", "bot", "--", "true"))[1]
    for name in ("login", "bot"):  # B10: that can be told without opening it
        assert (opened(keys, name), used(keys, name)) == ([], None)


def test_nothing_is_opened_where_one_of_several_gives_a_command_nothing(keys: Tic) -> None:  # B10
    assert keys("creds", "exec", "cloud", "login", "--", "true").code == 2
    assert (opened(keys, "cloud"), used(keys, "cloud")) == ([], None)


def test_two_of_the_same_provider_are_refused_and_the_command_is_not_run(keys: Tic, tmp_path: Path) -> None:
    fields = {"server": "https://another.example.test", "token": CANARY}
    keys("creds", "new", "other", "--provider", "kubernetes", "--secrets-from", "-", stdin=json.dumps(fields))
    said = keys("creds", "exec", "cluster", "other", "--", "touch", str(tmp_path / "ran"))
    assert said.code == 3
    assert "KUBECONFIG" in refusal(said)[0]
    assert not (tmp_path / "ran").exists()
    assert opened(keys, "other") == ["failed"]  # B10: what was opened in vain was not used
    assert used(keys, "other") is None


def test_out_of_its_scope_a_credential_runs_nothing(keys: Tic, tmp_path: Path) -> None:
    """B7."""
    assert keys("creds", "scope", "cluster", "project:elsewhere").code == 0
    said = keys("creds", "exec", "cluster", "--", "touch", str(tmp_path / "ran"))
    assert said.code == 3
    assert "project:elsewhere" in refusal(said)[0]
    assert not (tmp_path / "ran").exists()


def test_a_command_reads_its_file_which_is_gone_afterwards_and_the_use_is_noted(
    keys: Tic, tmp_path: Path
) -> None:
    """B6, B10."""
    script = 'cp "$KUBECONFIG" copy; echo "$KUBECONFIG" > path; exit 3'
    said = keys("creds", "exec", "cluster", "--", "sh", "-c", f"cd {tmp_path}; {script}")
    assert (said.code, said.out, said.err) == (3, "", "")
    assert json.loads((tmp_path / "copy").read_text())["users"][0]["user"] == {"token": CANARY}
    assert not Path((tmp_path / "path").read_text().strip()).exists()
    assert (used(keys, "cluster"), opened(keys, "cluster")) == ("exec sh", ["done"])


def test_export_process_speaks_version_1(keys: Tic) -> None:
    said = keys("creds", "export-process", "cloud")
    assert json.loads(said.out) == {"Version": 1, "AccessKeyId": "AKIA1", "SecretAccessKey": CANARY}
    assert said.err == ""
    assert used(keys, "cloud") == "AWS credential_process"


def test_export_process_hands_a_session_token_over(keys: Tic) -> None:
    fields = {"access-key-id": "ASIA1", "secret-access-key": CANARY, "session-token": "a-token"}
    keys("creds", "new", "session", "--provider", "aws", "--secrets-from", "-", stdin=json.dumps(fields))
    assert json.loads(keys("creds", "export-process", "session").out)["SessionToken"] == "a-token"


def test_export_process_is_for_aws_keys_alone(keys: Tic) -> None:
    said = keys("creds", "export-process", "cluster")
    assert said.code == 2
    assert refusal(said)[1] == "run a command with it: tic creds exec cluster -- COMMAND"
    assert used(keys, "cluster") is None
    keys("creds", "new", "here", "--provider", "aws", "--field", "identity=instance")
    held_elsewhere = keys("creds", "export-process", "here")
    assert held_elsewhere.code == 3
    assert "holds no access key" in refusal(held_elsewhere)[0]
    assert (opened(keys, "here"), used(keys, "here")) == (["failed"], None)  # B10


def test_a_message_needs_a_bot(keys: Tic) -> None:
    said = keys("creds", "notify", "cloud", "hello")
    assert said.code == 2
    assert refusal(said)[0] == "'cloud' is of the kind aws, and sends no messages"
    assert keys("creds", "notify", "nobody", "hello").code == 4
    assert keys("creds", "notify", "bot", " ").code == 2
    assert used(keys, "bot") is None


def test_without_its_package_a_message_says_how_to_get_it(keys: Tic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    said = keys("creds", "notify", "bot", "hello")
    assert said.code == 6
    assert refusal(said)[1] == "install it: pip install 'tic-engine[notify]'"
