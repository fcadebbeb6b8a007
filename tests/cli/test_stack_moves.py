"""`tic stack import-state` and `export-state`: transcripts; no secret where none was asked for."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from cli import move_passphrase
from engine.state import untyped
from engine.state.passphrase import Passphrase
from tests.cli.command import Said, Tic, refusal
from tests.engine.moved_states import CANARY, KEY, PHRASE, shown, state

SEALED, SHOWN = json.dumps(state()), json.dumps(state(shown))
PROJECT = "name: shop\nruntime: yaml\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, to stand in, and no passphrase anywhere."""
    for name in (move_passphrase.DIRECT, move_passphrase.IN_FILE):
        monkeypatch.delenv(name, raising=False)
    made = tmp_path / "shop"
    made.mkdir()
    (made / "Pulumi.yaml").write_text(PROJECT)
    monkeypatch.chdir(made)
    return made


def phrase_in(folder: Path, text: str = PHRASE) -> str:
    path = folder.parent / "phrase"
    path.write_text(f"{text}\n")
    return str(path)


def take_in(tic: Tic, *words: str, stdin: str = SHOWN, **more: Any) -> Said:
    return tic("stack", "import-state", "dev", "-", *words, stdin=stdin, **more)


def test_what_came_in_is_told_with_what_is_left_to_do(tic: Tic, folder: Path) -> None:
    said = take_in(tic)
    assert (said.code, said.out) == (0, "")
    assert said.err.splitlines() == [
        "shop/dev is made: 3 resources, version 1",
        "  3 secrets sealed by the vault",
        "  tencentcloud: bound to nothing yet: add one: tic creds new NAME --provider tencentcloud; or link "
        "its role, which needs no key: tic role enable tencentcloud --role ROLE",
        "  next: tic stack preview shop/dev",
    ]
    (one,) = json.loads(tic("stack", "list", "--json").out)
    assert (one["stack"], one["resources"]) == ("shop/dev", 3)
    assert json.loads(tic("stack", "show", "dev", "--json").out)["folder"] == str(folder)


@pytest.mark.parametrize("way", ["file", "variable", "variable of a file", "stdin"])
def test_the_passphrase_comes_from_a_file_a_variable_or_stdin(tic: Tic, folder: Path, way: str) -> None:
    file = folder / "state.json"
    file.write_text(SEALED)
    words, stdin, environ = ["stack", "import-state", "dev", "state.json"], "", {}
    if way == "file":
        words += ["--passphrase-file", phrase_in(folder)]
    elif way == "stdin":
        words, stdin = [*words, "--passphrase-file", "-"], PHRASE
    elif way == "variable":
        environ = {move_passphrase.DIRECT: PHRASE}
    else:
        environ = {move_passphrase.IN_FILE: phrase_in(folder)}
    said = tic(*words, stdin=stdin, environ=environ)
    assert said.code == 0, said.err
    outputs = json.loads(tic("stack", "outputs", "dev", "--json", "--show-secrets").out)
    assert outputs == {"password": CANARY}


def test_an_empty_passphrase_is_one(tic: Tic) -> None:
    key = Passphrase.new("")
    body = state()
    body["deployment"]["secrets_providers"]["state"]["salt"] = key.state
    body["deployment"]["resources"] = body["deployment"]["resources"][:1]
    body["deployment"]["resources"][0]["outputs"]["password"]["ciphertext"] = key.seal(b'"x"')
    assert take_in(tic, stdin=json.dumps(body), environ={move_passphrase.DIRECT: ""}).code == 0


def test_the_configuration_comes_along_and_keeps_its_comments(tic: Tic, folder: Path) -> None:  # C2
    file = folder / "Pulumi.dev.yaml"
    sealed = KEY.seal(CANARY.encode())
    text = f"encryptionsalt: {KEY.state}\nconfig:\n  # why\n  shop:pw:\n    secure: {sealed}\n"
    file.write_text(text)
    assert "names another secrets provider, which sealed 1 secret" in take_in(tic).err
    environ = {move_passphrase.DIRECT: PHRASE}
    said = tic("stack", "import-state", "dev", "--config", "Pulumi.dev.yaml", environ=environ)
    assert said.code == 0, said.err
    assert f"{file} is its configuration: 1 secret sealed by the vault" in said.err
    assert "  # why\n" in file.read_text()
    assert "encryptionsalt" not in file.read_text()
    listed = json.loads(tic("stack", "config", "list", "--stack", "dev", "--json", "--show-secrets").out)
    assert listed["shop:pw"] == {"value": CANARY, "secret": True}
    # And both at once, under another name, from another file.
    (folder / "old.yaml").write_text(text)
    words = ("stack", "import-state", "site/prod", "-", "--rename", "--config", "old.yaml")
    (folder / "Pulumi.yaml").write_text(PROJECT.replace("shop", "site"))
    assert tic(*words, stdin=SEALED, environ=environ).code == 0
    assert "site:pw" in (folder / "Pulumi.prod.yaml").read_text()


def test_a_configuration_that_does_not_open_leaves_nothing_behind(tic: Tic, folder: Path) -> None:
    file = folder / "Pulumi.dev.yaml"
    file.write_text(f"encryptionsalt: {KEY.state}\nconfig:\n  shop:pw:\n    secure: v1:AAAA:AAAA\n")
    before = file.read_text()
    said = take_in(tic, "--config", "Pulumi.dev.yaml", environ={move_passphrase.DIRECT: PHRASE})
    assert said.code == 2
    assert file.read_text() == before
    assert json.loads(tic("stack", "list", "--json").out) == []


@pytest.mark.parametrize(
    ("words", "stdin", "code", "error", "following"),
    [
        (("dev", "missing.json"), "", 2, "can't be read: No such file", "pulumi stack export"),
        (("dev", "-"), "{", 2, "this is not JSON (line 1, column", "pulumi stack export"),
        (("dev",), "", 2, "nothing to take in", "pulumi stack export | tic stack import-state dev -"),
        (
            ("dev", "-", "--passphrase-file", "-"),
            "{}",
            2,
            "can't both come from stdin",
            "--passphrase-file FILE",
        ),
        (("other/dev", "-"), SEALED, 3, "belong to shop/dev, not to other/dev", "--rename"),
        (("dev", "-"), SEALED, 2, "there is no terminal to ask for it at", "PULUMI_CONFIG_PASSPHRASE"),
        (
            ("dev", "-", "--passphrase-file", "no"),
            SEALED,
            2,
            "can't be read: No such file",
            "--passphrase-file",
        ),
        (("dev", "-", "--passphrase-file", "Pulumi.yaml"), SEALED, 2, "is not the one", "PULUMI_CONFIG_"),
        (("dev", "-", "--config", "none.yaml"), SEALED, 2, "there is no file none.yaml", "--config"),
        (("dev", "--config", "none.yaml"), "", 4, "there is no stack", "tic stack list"),
    ],
)
def test_what_can_not_be_taken_in_is_said_in_words(
    tic: Tic, words: tuple[str, ...], stdin: str, code: int, error: str, following: str
) -> None:
    refused = tic("stack", "import-state", *words, stdin=stdin)
    said, hint = refusal(refused)
    assert (refused.code, error in said, following in hint) == (code, True, True), refused.err
    assert CANARY not in refused.err
    assert json.loads(tic("stack", "list", "--json").out) == []


def test_a_stack_that_has_resources_is_replaced_after_a_yes(tic: Tic) -> None:
    take_in(tic)
    assert take_in(tic).code == 3
    refused = take_in(tic, "--force")
    assert "--force lets shop/dev forget its 3 resources" in refusal(refused)[0]
    assert take_in(tic, "--force", "--yes").err.startswith("shop/dev has a new state: 3 resources, version 2")


def test_sealed_it_goes_out_and_comes_in_again(tic: Tic) -> None:  # C2
    take_in(tic)
    out = tic("stack", "export-state", "dev")
    assert out.code == 0
    assert CANARY not in out.out + out.err
    assert "3 secrets, sealed: only this vault opens them" in out.err
    again = tic("stack", "import-state", "shop/copy", "-", "--rename", stdin=out.out)
    assert again.code == 0, again.err
    assert "  its resources were those of shop/dev, and have its name now" in again.err


def test_plaintext_needs_a_yes_and_goes_into_a_private_file(tic: Tic, folder: Path) -> None:  # C2
    take_in(tic)
    refused = tic("stack", "export-state", "dev", "--show-secrets")
    assert refusal(refused)[1] == "say yes in advance: tic stack export-state shop/dev --show-secrets --yes"
    target = folder / "state.json"
    words = ("stack", "export-state", "dev", "--show-secrets", "--yes", "--file", "state.json")
    said = tic(*words)
    assert (said.code, said.out) == (0, "")
    assert "3 secrets in plaintext: whoever reads it has them" in said.err
    assert CANARY not in said.err
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert CANARY in target.read_text()
    assert "state.json is there already" in refusal(tic(*words))[0]
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_under_a_passphrase_it_goes_anywhere(tic: Tic, folder: Path) -> None:  # C2
    take_in(tic)
    said = tic("stack", "export-state", "dev", "--passphrase-file", phrase_in(folder, "elsewhere"))
    assert said.code == 0
    assert CANARY not in said.out + said.err
    found = untyped.read(said.out.encode())
    Passphrase.of("elsewhere", found.deployment["secrets_providers"]["state"]["salt"])
    both = tic("stack", "export-state", "dev", "--passphrase", "--show-secrets")
    assert "say two things" in refusal(both)[0]
    assert "no terminal to ask" in refusal(tic("stack", "export-state", "dev", "--passphrase"))[0]
    assert "has no version 7" in refusal(tic("stack", "export-state", "dev", "--version", "7"))[0]
