"""What runs a program in another language is looked for before anything is started."""

from pathlib import Path

import pytest

from engine import language_hosts, project
from engine.home import Home
from engine.language_hosts import LanguageHostMissing
from engine.project import Project
from engine.toolchain.pins import pins


def made(folder: Path, runtime: str) -> Project:
    (folder / "Pulumi.yaml").write_text(f"name: shop\nruntime: {runtime}\n")
    return project.read(folder)


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", tmp_path / "cache")


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    return program(tmp_path / "engine" / "pulumi")


def wanted(home: Home, where: Project, engine: Path, path: str = "") -> list[Path]:
    return language_hosts.folders(home, where, engine, {"PATH": path})


def test_a_python_program_needs_none(tmp_path: Path, home: Home, engine: Path) -> None:
    assert wanted(home, made(tmp_path, "python"), engine) == []


@pytest.mark.parametrize("where", ["path", "beside", "behind a link", "plugin"])
def test_a_host_that_pulumi_finds_itself_is_left_to_it(
    tmp_path: Path, home: Home, engine: Path, where: str
) -> None:
    places = {
        "path": tmp_path / "bin",
        "beside": engine.parent,
        "behind a link": engine.parent,
        "plugin": home.pulumi / "plugins" / "language-go-v3.0.0",
    }
    program(places[where] / "pulumi-language-go")
    if where == "behind a link":
        (tmp_path / "links").mkdir()
        (tmp_path / "links" / "pulumi").symlink_to(engine)
        engine = tmp_path / "links" / "pulumi"
    assert wanted(home, made(tmp_path, "go"), engine, str(tmp_path / "bin")) == []


def test_a_host_that_is_missing_is_named_with_how_to_get_it(tmp_path: Path, home: Home, engine: Path) -> None:
    with pytest.raises(LanguageHostMissing, match="pulumi-language-nodejs is neither on PATH") as missing:
        wanted(home, made(tmp_path, "nodejs"), engine)
    assert missing.value.exit_code == 6
    assert "https://www.pulumi.com/docs/install" in missing.value.hint
    assert str(tmp_path / "Pulumi.yaml") in missing.value.hint


def test_the_host_for_yaml_is_one_command_away(tmp_path: Path, home: Home, engine: Path) -> None:
    with pytest.raises(LanguageHostMissing, match="the program of shop is in YAML") as missing:
        wanted(home, made(tmp_path, "yaml"), engine)
    assert missing.value.hint == "get it: tic engine install --yaml"


def test_the_host_for_yaml_that_tic_built_is_put_on_path(tmp_path: Path, home: Home, engine: Path) -> None:
    shelf = home.cache / "tools" / "pulumi-yaml" / str(pins()["pulumi-yaml"].version)
    program(shelf / "bin" / "pulumi-language-yaml")
    (shelf / "receipt.json").write_text('{"source": "build"}')
    assert wanted(home, made(tmp_path, "yaml"), engine) == [shelf / "bin"]
