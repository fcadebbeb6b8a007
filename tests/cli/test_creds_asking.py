"""`tic creds new` and `rotate`: what is asked at a terminal, and secrets that come from files."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Tic, refusal
from tests.cli.creds import CANARY, at_a_terminal

KUBECONFIG = f"""apiVersion: v1
kind: Config
current-context: here
clusters: [{{name: c, cluster: {{server: "https://k8s.example.test"}}}}]
contexts: [{{name: here, context: {{cluster: c, user: u}}}}]
users:
- name: u
  user: {{token: {CANARY}{"x" * 9000}}}
"""


def private(path: Path, content: str | bytes) -> Path:
    """A file that only its owner can read."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


def opened(tic: Tic, name: str) -> dict[str, str]:
    """What is in a credential."""
    from engine.installation import Installation

    fields = Installation.find().vault.opened(name, purpose="test").fields
    return {field: value.reveal().decode() for field, value in fields.items()}


def test_a_choice_of_ways_is_asked_for(tic: Tic) -> None:  # D4
    code, shown = at_a_terminal(
        tic,
        ["creds", "new", "cf", "--provider", "cloudflare"],
        [
            ("Which of these [1]:", "2"),
            ("Account's email address:", "a@b.example"),
            ("Global API key:", CANARY),
        ],
    )
    assert code == 0, shown
    assert CANARY not in shown
    assert "Cloudflare: get it from https://dash.cloudflare.com/profile/api-tokens" in shown
    assert "  2  email and api-key: Account's email address; Global API key" in shown


def test_the_way_that_is_chosen_brings_what_it_needs_and_nothing_of_another(tic: Tic) -> None:  # D4
    code, shown = at_a_terminal(
        tic,
        ["creds", "new", "os", "--provider", "designate"],
        [
            ("Which of these [1]:", "3"),
            ("URL of the identity service:", "https://keystone.example/v3"),
            ("Id of an application credential:", "an-id"),
            ("Secret of the application credential:", CANARY),
            ("Name of the project [none]:", ""),
            ("Name of the region [none]:", ""),
            ("Id of the project [none]:", ""),
            ("Name of the user's domain [none]:", ""),
        ],
    )
    assert code == 0, shown
    assert CANARY not in shown
    fields = json.loads(tic("creds", "show", "os", "--json").out)["fields"]
    assert fields.keys() == {"auth-url", "application-credential-id", "application-credential-secret"}


def test_a_way_with_one_answer_is_not_asked_about_again(tic: Tic) -> None:  # D4
    code, shown = at_a_terminal(
        tic,
        ["creds", "new", "az", "--provider", "azure"],
        [
            ("Which of these [1]:", "3"),
            ("Application (client) ID [none]:", ""),
            ("Directory (tenant) ID [none]:", ""),
            ("Subscription ID [none]:", ""),
            ("Which of Azure's clouds (public or usgovernment or china) [public]:", "china"),
            ("only one is to be searched [none]:", ""),
        ],
    )
    assert code == 0, shown
    fields = json.loads(tic("creds", "show", "az", "--json").out)["fields"]
    assert fields == {"identity": "managed", "environment": "china"}


def test_a_value_of_several_lines_is_asked_for_by_its_path(tic: Tic, tmp_path: Path) -> None:  # B1
    private(tmp_path / "broken", b"\xff\xfe")
    question = "Kubeconfig, the whole file (YAML): path of its file, or - to paste it:"
    code, shown = at_a_terminal(
        tic,
        ["creds", "new", "k", "--provider", "kubernetes"],
        [
            ("Which of these [1]:", ""),
            (question, str(tmp_path / "nowhere")),
            (question, str(tmp_path / "broken")),
            (question, ""),
            (question, str(private(tmp_path / "kubeconfig", KUBECONFIG))),
        ],
    )
    assert code == 0, shown
    assert "the file with kubeconfig can't be read: No such file or directory" in shown
    assert "the file with kubeconfig is not UTF-8 (byte 0)" in shown
    assert "kubeconfig can't be empty" in shown
    assert CANARY not in shown
    assert opened(tic, "k")["kubeconfig"] == KUBECONFIG


def test_a_value_of_several_lines_can_be_pasted_and_does_not_show(tic: Tic) -> None:  # B1
    code, shown = at_a_terminal(
        tic,
        ["creds", "new", "k", "--provider", "kubernetes"],
        [
            ("Which of these [1]:", "1"),
            ("or - to paste it:", "-"),
            ("then press Enter and Ctrl-D:", KUBECONFIG + "\x04"),
        ],
    )
    assert code == 0, shown
    assert CANARY not in shown
    assert opened(tic, "k")["kubeconfig"] == KUBECONFIG


def test_what_tunes_a_provider_is_never_asked_for(tic: Tic) -> None:
    code, shown = at_a_terminal(
        tic, ["creds", "new", "do", "--provider", "digitalocean"], [("(read and write):", CANARY)]
    )
    assert code == 0, shown
    assert "TTL" not in shown


# From files


def test_a_secret_comes_from_a_private_file(tic: Tic, tmp_path: Path) -> None:  # B1
    token = private(tmp_path / "token", CANARY + "\n")
    said = tic(
        *("creds", "new", "do", "--provider", "digitalocean"),
        *("--field", f"auth-token=@{token}", "--field", "ttl=60"),
    )
    assert (said.code, said.out) == (0, "")
    assert CANARY not in said.err
    assert opened(tic, "do") == {"auth-token": CANARY, "ttl": "60"}


def test_a_secret_comes_from_stdin_whole(tic: Tic) -> None:  # B1
    words = ("creds", "new", "k", "--provider", "kubernetes", "--field", "kubeconfig=@-")
    said = tic(*words, stdin=KUBECONFIG)
    assert said.code == 0, said.err
    assert opened(tic, "k")["kubeconfig"] == KUBECONFIG
    code, shown = at_a_terminal(tic, [*words[:2], "k2", *words[3:]], [])
    assert code == 2
    assert "kubeconfig should come from stdin, and that is a terminal" in shown


def test_lines_of_a_file_stay_as_they_are(tic: Tic, tmp_path: Path) -> None:
    file = private(tmp_path / "config", "\ufeff" + KUBECONFIG)
    said = tic("creds", "new", "k", "--provider", "kubernetes", "--field", f"kubeconfig=@{file}")
    assert said.code == 0, said.err
    assert opened(tic, "k")["kubeconfig"] == KUBECONFIG


def test_a_file_that_others_can_read_is_warned_of(tic: Tic, tmp_path: Path) -> None:
    (file := private(tmp_path / "token", CANARY)).chmod(0o644)
    said = tic("creds", "new", "do", "--provider", "digitalocean", "--field", f"auth-token=@{file}")
    assert said.code == 0
    assert said.err.startswith(f"warning: other users can read {file}; close it: chmod 600 {file}\n")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (f"@{CANARY}", "the file with auth-token can't be read: No such file or directory"),
        (f"@/{CANARY}\0", "the file with auth-token can't be read: this is no path"),
        ("@", "no file is named for auth-token"),
        (f"@~{CANARY}/x", "the file with auth-token can't be read: this is no path"),
        ("@/dev/zero", "the file with auth-token is too large (1048576 bytes at most)"),
        (CANARY, "auth-token is a secret, and other users can read the arguments of a process"),
    ],
)
def test_a_file_that_can_t_be_used_is_one_clear_error_without_what_was_given(
    tic: Tic, value: str, error: str
) -> None:
    said = tic("creds", "new", "do", "--provider", "digitalocean", "--field", f"auth-token={value}")
    assert said.code == 2
    assert refusal(said)[0].startswith(error)
    assert CANARY not in said.err


def test_an_at_sign_in_what_is_no_secret_is_part_of_it(tic: Tic, tmp_path: Path) -> None:
    file = private(tmp_path / "password", CANARY)
    said = tic(
        *("creds", "new", "me", "--provider", "username-password"),
        *("--field", "username=@me", "--field", f"password=@{file}"),
    )
    assert said.code == 0, said.err
    assert opened(tic, "me")["username"] == "@me"


def test_a_variable_with_a_path_gives_what_is_in_the_file(tic: Tic, tmp_path: Path) -> None:  # B1, D4
    file = private(tmp_path / "config", KUBECONFIG)
    said = tic(
        "creds", "new", "k", "--provider", "kubernetes", "--from-env", environ={"KUBECONFIG": str(file)}
    )
    assert said.code == 0, said.err
    assert opened(tic, "k") == {"kubeconfig": KUBECONFIG}
    said = tic(
        "creds", "new", "k2", "--provider", "kubernetes", "--from-env", environ={"KUBECONFIG": "/nowhere"}
    )
    assert said.code == 2
    assert refusal(said)[0] == "the file with kubeconfig can't be read: No such file or directory"
    said = tic("creds", "new", "k2", "--provider", "kubernetes", "--from-env", environ={"KUBECONFIG": ""})
    assert refusal(said)[0] == "none of KUBECONFIG is set"
