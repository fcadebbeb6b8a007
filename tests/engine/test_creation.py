"""Making stacks: what is refused leaves nothing behind."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from credentials.vault import Vault
from engine import bindings, creation, selection
from engine.bindings import Unauthorized, Usage
from engine.config import ConfigRefused
from engine.creation import NewStackRefused
from engine.database import Database
from engine.home import Home
from engine.installation import Installation
from engine.project import ProjectUnusable
from engine.selection import StackUnknown
from engine.state import stacks
from engine.state.stacks import StackExists
from stacks.templates import SettingRefused

HTTPREQ = {"endpoint": "http://127.0.0.1:1/"}
DOMAINS: dict[str, Any] = {"domains": ["a.test", "*.a.test"]}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    home = Home(tmp_path / "home", tmp_path / "cache")
    database = Database.open(home, create=True)
    Vault.create(database, home.root, usage=Usage())
    database.close()
    made = Installation(home)
    yield made
    made.database.close()


def new(
    installation: Installation, name: str, folder: Path, template: str | None = "certificate", **settings: Any
) -> Any:
    return creation.new_stack(installation, name, folder, template=template, settings=settings, providers=())


def count(installation: Installation) -> int:
    with installation.database.read() as connection:
        return len(stacks.list_all(connection))


def test_a_template_becomes_a_project_of_the_users_own(installation: Installation, tmp_path: Path) -> None:
    installation.vault.new("dns", "httpreq", HTTPREQ)
    folder = tmp_path / "site"
    stack = new(installation, "site", folder, **DOMAINS)
    assert stack.full_name == "site/site"
    assert yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"] == "site"
    config = yaml.safe_load((folder / "Pulumi.site.yaml").read_text())["config"]
    assert config == {"site:domains": DOMAINS["domains"], "site:provider": "httpreq"}
    assert "__pycache__/" in (folder / ".gitignore").read_text().splitlines()
    assert sorted(path.name for path in folder.iterdir()) == [
        ".gitignore",
        "Pulumi.site.yaml",
        "Pulumi.yaml",
        "__main__.py",
    ]
    assert stat.S_ISREG((folder / "__main__.py").stat().st_mode)


def test_a_clouds_template_needs_its_clouds_credential(installation: Installation, tmp_path: Path) -> None:
    """A1, B3."""
    settings = {"domain": "example.com", "address": "192.0.2.1"}
    with pytest.raises(Unauthorized, match="alicloud"):
        new(installation, "site", tmp_path / "site", "alicloud", **settings)
    assert not (tmp_path / "site").exists()
    installation.vault.new("ali", "alicloud", {"access-key": "LTAI", "secret-key": "s"})
    stack = new(installation, "site", tmp_path / "site", "alicloud", **settings)
    with installation.database.read() as connection:
        assert [each.credential for each in bindings.bound(connection, stack.id)] == ["ali"]
    assert "pulumi-alicloud" in (tmp_path / "site" / "requirements.txt").read_text()


@pytest.mark.parametrize("name", ["", "-x", "a/b", "../x", "a b", "a\n", "é", "x" * 101, "\x1b[31m"])
def test_a_bad_name_is_refused(installation: Installation, tmp_path: Path, name: str) -> None:
    with pytest.raises(NewStackRefused):
        new(installation, name, tmp_path / "site", **DOMAINS)
    assert count(installation) == 0


def test_what_is_refused_leaves_nothing(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    with pytest.raises(NewStackRefused, match="no Active credential"):
        new(installation, "site", folder, **DOMAINS)
    with pytest.raises(Unauthorized):
        new(installation, "site", folder, provider="exec", **DOMAINS)
    installation.vault.new("dns", "httpreq", HTTPREQ)
    with pytest.raises(SettingRefused):
        new(installation, "site", folder)
    assert not folder.exists()
    assert count(installation) == 0


def test_two_providers_that_could_publish_must_be_told_apart(
    installation: Installation, tmp_path: Path
) -> None:
    installation.vault.new("one", "httpreq", HTTPREQ)
    installation.vault.new("two", "cloudflare", {"api-token": "0123456789abcdef0123456789abcdef01234567"})
    with pytest.raises(NewStackRefused, match="cloudflare, httpreq"):
        new(installation, "site", tmp_path / "site", **DOMAINS)
    stack = new(installation, "site", tmp_path / "site", provider="httpreq", **DOMAINS)
    assert count(installation) == 1
    assert stack.name == "site"


def test_a_folder_with_something_in_it_is_not_touched(installation: Installation, tmp_path: Path) -> None:
    installation.vault.new("dns", "httpreq", HTTPREQ)
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(NewStackRefused, match="not empty"):
        new(installation, "site", folder, **DOMAINS)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_stacks_of_one_project_keep_what_stands_in_their_files(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: yaml\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  shop:kept: yes it is\n")
    new(installation, "dev", tmp_path, template=None, colour="red", **{"other:key": "value"})
    new(installation, "prod", tmp_path, template=None)
    config = yaml.safe_load((tmp_path / "Pulumi.dev.yaml").read_text())["config"]
    assert config == {"shop:kept": "yes it is", "shop:colour": "red", "other:key": "value"}
    assert not (tmp_path / "Pulumi.prod.yaml").exists()
    with pytest.raises(StackExists):
        new(installation, "dev", tmp_path, template=None)
    with installation.database.read() as connection:
        assert selection.choose(connection, "prod", Path("/")).full_name == "shop/prod"
        with pytest.raises(StackUnknown, match="more than one"):
            selection.choose(connection, None, tmp_path)
        with pytest.raises(StackUnknown, match="there is no stack 'nope'"):
            selection.choose(connection, "nope", tmp_path)


@pytest.mark.parametrize("text", [b"config: [1", b"[1]", b"\xff\xfe\xfa", b"config: {1: x}", b"config: text"])
def test_a_malformed_stack_file_is_named_and_stays(
    installation: Installation, tmp_path: Path, text: bytes
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: yaml\n")
    (tmp_path / "Pulumi.dev.yaml").write_bytes(text)
    with pytest.raises((ProjectUnusable, ConfigRefused), match=r"Pulumi\.dev\.yaml") as refused:
        new(installation, "dev", tmp_path, template=None, x="1")
    assert refused.value.exit_code == 2
    assert (tmp_path / "Pulumi.dev.yaml").read_bytes() == text
    assert count(installation) == 0


def test_an_empty_config_takes_settings(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: yaml\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n")
    new(installation, "dev", tmp_path, template=None, x="1")
    assert yaml.safe_load((tmp_path / "Pulumi.dev.yaml").read_text()) == {"config": {"shop:x": "1"}}


@pytest.mark.parametrize("key", ["a b", "", "a:b:c", ":a", "a:", "a/b", "a\nb", "\x1b[31m"])
def test_a_setting_that_is_no_key_is_refused(installation: Installation, tmp_path: Path, key: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: yaml\n")
    with pytest.raises(ConfigRefused, match="not a configuration key"):
        new(installation, "dev", tmp_path, template=None, **{key: "1"})
    assert count(installation) == 0
    assert not (tmp_path / "Pulumi.dev.yaml").exists()


def test_a_project_without_its_program_gets_no_stack(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: nowhere/\n")
    with pytest.raises(ProjectUnusable, match="nowhere"):
        new(installation, "dev", tmp_path, template=None)
    assert count(installation) == 0


@pytest.mark.parametrize("setting", [{"directory": "nope"}, {"domains": ["../../x"]}])
def test_what_the_provider_would_refuse_makes_no_project(
    installation: Installation, tmp_path: Path, setting: dict[str, Any]
) -> None:
    installation.vault.new("dns", "httpreq", HTTPREQ)
    with pytest.raises(SettingRefused, match=next(iter(setting))):
        new(installation, "site", tmp_path / "site", **{**DOMAINS, **setting})
    assert count(installation) == 0
    assert not (tmp_path / "site").exists()
    assert not installation.vault.list()[0].used_by
