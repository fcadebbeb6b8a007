"""A stack's configuration file: secrets sealed for the stack, everything else kept as it was written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from credentials.vault import Vault
from engine import config, project
from engine.bindings import Usage
from engine.config import ConfigRefused, Entry, PlainSecret
from engine.database import Database
from engine.home import Home
from engine.installation import Installation
from engine.project import Project
from engine.state import stacks
from engine.state.stacks import Stack

CANARY = "canary-of-the-config"
FOREIGN = "v1:pgt0bKNsO9RM3cXm:7Yxbmy4KXP5OKW8jwGUzrBIkyfC3VlVuVJ8r"  # as a passphrase seals


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    home = Home(tmp_path / "home", tmp_path / "cache")
    database = Database.open(home, create=True)
    Vault.create(database, home.root, usage=Usage())
    database.close()
    made = Installation(home)
    yield made
    made.database.close()


@pytest.fixture
def where(tmp_path: Path) -> Project:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: yaml\n")
    return project.read(folder)


@pytest.fixture
def stack(installation: Installation, where: Project) -> Stack:
    return new_stack(installation, where, "dev")


def new_stack(installation: Installation, where: Project, name: str) -> Stack:
    with installation.database.write() as connection:
        return stacks.create(connection, "shop", name, str(where.folder))


@pytest.mark.parametrize("key", ["alicloud:secretKey", "aws:secretKey", "tencentcloud:securityToken"])
def test_a_providers_secret_is_not_kept_in_plain_text(
    installation: Installation, stack: Stack, where: Project, key: str
) -> None:
    """C2, B4: not when it is set, and not when it is found in a file."""
    with pytest.raises(PlainSecret, match="would stand in") as refused:
        config.put(installation.database, stack, where, key, CANARY)
    with pytest.raises(PlainSecret):
        config.with_values(where.stack_file("dev"), "shop", {key: CANARY})
    assert not where.stack_file("dev").exists()
    assert f"tic stack config set {key} --secret" in refused.value.hint
    put_secret(installation, stack, where, key)
    config.check(installation.vault, stack, where.folder)
    for file, written in (
        (where.stack_file("dev"), {"config": {key: CANARY}}),
        (where.file, {"name": "shop", "runtime": "yaml", "config": {key: {"value": CANARY}}}),
    ):
        before = file.read_text()
        file.write_text(yaml.safe_dump(written))
        with pytest.raises(PlainSecret, match=f"stands in {file}") as found:
            config.check(installation.vault, stack, where.folder)
        assert CANARY not in str(found.value) + found.value.hint
        file.write_text(before)
    config.check(installation.vault, stack, where.folder)


def put_secret(installation: Installation, stack: Stack, where: Project, key: str = "pw") -> str:
    return config.put(installation.database, stack, where, key, CANARY, installation.vault)


def values(stack: Stack, where: Project) -> Any:
    return yaml.safe_load(where.stack_file(stack.name).read_text())["config"]


def test_a_secret_is_sealed_and_shown_only_when_asked_for(
    installation: Installation, where: Project, stack: Stack, tmp_path: Path
) -> None:
    assert put_secret(installation, stack, where) == "shop:pw"
    config.put(installation.database, stack, where, "aws:region", "eu-west-1")
    assert set(values(stack, where)["shop:pw"]) == {"secure"}
    assert all(CANARY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    shut = config.entries(installation.vault, stack, where, show_secrets=False)
    assert shut == [Entry("aws:region", "eu-west-1", False), Entry("shop:pw", "[secret]", True)]
    opened = config.entries(installation.vault, stack, where, show_secrets=True)
    assert opened[1] == Entry("shop:pw", CANARY, True)
    config.check(installation.vault, stack, where.folder)


def test_the_same_key_in_another_form_gives_way(
    installation: Installation, where: Project, stack: Stack
) -> None:
    where.stack_file("dev").write_text("config:\n  pw: plain\n  shop:config:pw: plain\n  other:pw: kept\n")
    put_secret(installation, stack, where)
    assert sorted(values(stack, where)) == ["other:pw", "shop:pw"]
    config.remove(installation.database, stack, where, "shop:config:pw")
    assert values(stack, where) == {"other:pw": "kept"}
    with pytest.raises(ConfigRefused, match="has no shop:pw"):
        config.remove(installation.database, stack, where, "pw")


def test_a_plain_value_never_replaces_a_secret(
    installation: Installation, where: Project, stack: Stack
) -> None:
    put_secret(installation, stack, where)
    before = where.stack_file("dev").read_bytes()
    with pytest.raises(ConfigRefused, match="is a secret"):
        config.put(installation.database, stack, where, "pw", "plain")
    with pytest.raises(ConfigRefused, match="is a secret"):
        config.with_values(where.stack_file("dev"), "shop", {"pw": "plain"})
    assert where.stack_file("dev").read_bytes() == before


def test_other_values_stay_as_they_were_written(
    installation: Installation, where: Project, stack: Stack
) -> None:
    path = where.stack_file("dev")
    path.write_text("config:\n  shop:a: yes\n  shop:b: 012345\n  shop:c: |\n    two\n    lines\n")
    path.chmod(0o600)
    config.put(installation.database, stack, where, "z", "1e3")
    kept = path.read_text()
    for line in ("  shop:a: yes\n", "  shop:b: 012345\n", "  shop:c: |\n    two\n", "  shop:z: '1e3'\n"):
        assert line in kept
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in where.folder.iterdir() if "dev" in each.name] == [path.name]


@pytest.mark.parametrize(
    "value", ["yes", "null", "0o17", "1_000", "~", "", "a: b", "# x", "ü", "two\nlines", "=", "<<"]
)
def test_text_stays_text(value: str, tmp_path: Path) -> None:
    text = config.with_values(tmp_path / "Pulumi.dev.yaml", "shop", {"x": value})
    assert yaml.safe_load(text) == {"config": {"shop:x": value}}


def test_lists_and_objects_are_written_as_such(tmp_path: Path) -> None:
    value = {"a": ["1", 2, True, None], "b": {}}
    text = config.with_values(tmp_path / "Pulumi.dev.yaml", "shop", {"x": value})
    assert yaml.safe_load(text)["config"]["shop:x"] == value


@pytest.mark.parametrize(
    "written",
    [
        f"shop:pw: {{secure: '{FOREIGN}'}}",
        f"shop:pw: {{deep: [{{secure: '{FOREIGN}'}}]}}",
        "shop:pw: {secure: AAAA}",
    ],
)
def test_a_secret_that_this_vault_cant_open_is_found_before_the_run(
    installation: Installation, where: Project, stack: Stack, written: str
) -> None:
    path = where.stack_file("dev")
    path.write_text(f"encryptionsalt: v1:salt\nconfig:\n  {written}\n")
    with pytest.raises(ConfigRefused) as refused:
        config.check(installation.vault, stack, where.folder)
    assert refused.value.exit_code == 2
    assert str(path) in str(refused.value)
    assert "shop:pw" in str(refused.value)
    assert "tic stack config set shop:pw --secret" in refused.value.hint
    assert config.entries(installation.vault, stack, where, show_secrets=False)[0].secret
    with pytest.raises(ConfigRefused, match="does not open"):
        config.entries(installation.vault, stack, where, show_secrets=True)
    put_secret(installation, stack, where)
    config.check(installation.vault, stack, where.folder)


def test_another_providers_key_goes_with_its_last_secret(
    installation: Installation, where: Project, stack: Stack
) -> None:
    path = where.stack_file("dev")
    secrets = "".join(f"  shop:{name}:\n    secure: {FOREIGN}\n" for name in ("one", "two"))
    path.write_text(f"encryptionsalt: v1:salt\nconfig:\n{secrets}")
    put_secret(installation, stack, where, "one")
    assert "encryptionsalt" in path.read_text()
    put_secret(installation, stack, where, "two")
    assert "encryptionsalt" not in path.read_text()


def test_another_secrets_provider_is_named(installation: Installation, where: Project, stack: Stack) -> None:
    where.stack_file("dev").write_text("secretsprovider: awskms://alias/x\nconfig: {a: b}\n")
    with pytest.raises(ConfigRefused, match="secretsprovider"):
        config.check(installation.vault, stack, where.folder)
    where.stack_file("dev").write_text("secretsprovider: default\n")
    config.check(installation.vault, stack, where.folder)


def test_a_secret_of_one_stack_does_not_open_in_another(
    installation: Installation, where: Project, stack: Stack
) -> None:
    put_secret(installation, stack, where)
    other = new_stack(installation, where, "prod")
    where.stack_file("prod").write_bytes(where.stack_file("dev").read_bytes())
    with pytest.raises(ConfigRefused, match="shop/prod"):
        config.check(installation.vault, other, where.folder)


@pytest.mark.parametrize(("key", "full"), [("a", "p:a"), ("aws:region", "aws:region"), ("p:config:a", "p:a")])
def test_a_bare_key_is_the_projects(key: str, full: str) -> None:
    assert config.full_key("p", key) == full


def test_a_folder_that_cant_be_written_is_one_error(
    installation: Installation, where: Project, stack: Stack
) -> None:
    (where.folder / "Pulumi.yaml").write_text("name: shop\nruntime: yaml\nstackConfigDir: gone\n")
    with pytest.raises(ConfigRefused, match="can't be written"):
        put_secret(installation, stack, project.read(where.folder))
