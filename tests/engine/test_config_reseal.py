"""A stack's file that moves in: its secrets are the vault's, and everything else in it stays as it was."""

import base64
from pathlib import Path

import pytest
import yaml

from engine import config_reseal
from engine.config import ConfigRefused
from engine.config_reseal import ConfigMove, ConfigSealedByAnother, foreign, resealed
from engine.project import Project
from engine.state.passphrase import Unreadable, WrongPassphrase
from tests.engine.moved_states import CANARY, KEY, PHRASE

ONE, TWO = KEY.seal(CANARY.encode()), KEY.seal("zwei ü".encode())
FILE = f"""# What production needs
encryptionsalt: {KEY.state}
config:
  # the region first
  aws:region: eu-west-1   # in Ireland
  shop:deep:
    - plain
    - {{ secure: {ONE} }}
  shop:list: ["a", 'b']
  "shop:quoted":
    secure: "{TWO}"   # kept
  shop:folded:
    secure: >-
      {ONE}
  shop:last: |
    two
    lines
environment: [prod]
"""


def encrypt(plaintext: bytes) -> str:
    """A seal that a test can read."""
    return base64.b64encode(b"sealed " + plaintext).decode()


def taken(text: str, folder: Path, **more: tuple[str, str]) -> tuple[str, int]:
    path = folder / "Pulumi.dev.yaml"
    path.write_text(text)
    return resealed(path, target="shop/dev", phrase=lambda: PHRASE, encrypt=encrypt, **more)


def test_secrets_are_sealed_anew_and_nothing_else_changes(tmp_path: Path) -> None:  # C2
    text, count = taken(FILE, tmp_path)
    assert count == 3
    expected = FILE.replace(f"encryptionsalt: {KEY.state}\n", "")
    expected = expected.replace(f"    secure: >-\n      {ONE}\n", f"    secure: {encrypt(CANARY.encode())}\n")
    expected = expected.replace(ONE, encrypt(CANARY.encode()))
    expected = expected.replace(f'"{TWO}"', encrypt("zwei ü".encode()))
    assert text == expected
    before, after = (yaml.safe_load(each) for each in (FILE, text))
    assert after["config"]["aws:region"] == before["config"]["aws:region"]
    assert after["config"]["shop:last"] == before["config"]["shop:last"]
    assert after["config"]["shop:folded"]["secure"] == encrypt(CANARY.encode())


def test_a_renamed_project_takes_its_keys_along(tmp_path: Path) -> None:
    text, _ = taken(FILE, tmp_path, renaming=("shop", "site"))
    keys = list(yaml.safe_load(text)["config"])
    assert keys == ["aws:region", "site:deep", "site:list", "site:quoted", "site:folded", "site:last"]
    assert "# the region first" in text


def test_an_alias_is_sealed_once(tmp_path: Path) -> None:
    text, count = taken(
        f"encryptionsalt: {KEY.state}\nconfig:\n  a:b: &it\n    secure: {ONE}\n  a:c: *it\n", tmp_path
    )
    assert count == 1
    assert yaml.safe_load(text)["config"]["a:b"] == yaml.safe_load(text)["config"]["a:c"]


def test_a_file_without_secrets_needs_no_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(f"config:\n  a:b: c\nencryptionsalt: {KEY.state}")

    def nobody() -> str:
        raise AssertionError("nothing is to be opened")

    text, count = resealed(path, target="shop/dev", phrase=nobody, encrypt=encrypt)
    assert (text, count) == ("config:\n  a:b: c\n", 0)


def test_a_file_that_is_one_line_of_json_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match="one line of JSON"):
        taken(f'{{"encryptionsalt": "{KEY.state}", "config": {{}}}}', tmp_path)


@pytest.mark.parametrize(
    ("head", "who"),
    [
        ("secretsprovider: awskms://alias/x\nencryptedkey: k\n", "a key service (awskms)"),
        ("", "Pulumi Cloud, or another service"),
        (f"secretsprovider: gcpkms://x\nencryptionsalt: {KEY.state}\n", "a key service (gcpkms)"),
    ],
)
def test_what_another_has_sealed_is_refused_with_the_commands(tmp_path: Path, head: str, who: str) -> None:
    with pytest.raises(ConfigSealedByAnother) as refused:
        taken(f"{head}config:\n  a:b:\n    secure: AAAA\n  a:c:\n    secure: AAAA\n", tmp_path)
    assert who in str(refused.value)
    command = "pulumi config get a:b | tic stack config set a:b --secret --stack shop/dev"
    assert command in refused.value.hint
    assert "the others are a:c" in refused.value.hint


def test_a_wrong_passphrase_or_a_changed_secret_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(FILE)
    with pytest.raises(WrongPassphrase):
        resealed(path, target="shop/dev", phrase=lambda: "no", encrypt=encrypt)
    with pytest.raises(Unreadable):
        taken(FILE.replace(ONE, ONE[:-8] + "AAAAAA=="), tmp_path)


def test_foreign_tells_what_is_sealed_by_another(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    assert foreign(path) is None
    path.write_text("config: {a:b: c}\n")
    assert foreign(path) is None
    path.write_text(FILE)
    found = foreign(path)
    assert found is not None
    assert (found.keys, found.salt) == (("shop:deep", "shop:quoted", "shop:folded"), KEY.state)


def test_a_file_takes_no_other_files_place(tmp_path: Path) -> None:
    project = Project("shop", tmp_path, "python", tmp_path, None, tmp_path / "Pulumi.yaml", tmp_path)
    old, own = tmp_path / "old.yaml", tmp_path / "Pulumi.dev.yaml"
    with pytest.raises(ConfigRefused, match="there is no file"):
        config_reseal.move(old, project, "dev", None)
    old.write_text(FILE)
    assert config_reseal.move(old, project, "dev", None) == ConfigMove(old, own)
    own.write_text("config: {}\n")
    assert config_reseal.move(own, project, "dev", None) == ConfigMove(own, own)
    with pytest.raises(ConfigRefused, match="would be lost"):
        config_reseal.move(old, project, "dev", None)
    with pytest.raises(ConfigRefused, match="lies in its project's folder"):
        config_reseal.move(old, None, "dev", None)
