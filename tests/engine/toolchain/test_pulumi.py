from collections.abc import Callable
from pathlib import Path

import pytest

from engine.home import Home
from engine.toolchain import pulumi
from engine.toolchain.cache import Shelf
from engine.toolchain.errors import ToolchainError, WayFailed
from engine.toolchain.official import install
from engine.toolchain.pins import pins
from engine.toolchain.tool import Tool
from tests.engine.toolchain.conftest import Told

Program = Callable[[str, str], Path]


def put(home: Home, version: str, *, source: str = "build") -> Path:
    """Pretend that this version was got before."""
    pin = pins()["pulumi"]
    shelf = Shelf.of(home, pin, pin.version.parse(version))
    with shelf.locked(Told()), shelf.workplace() as workplace:
        made = workplace / "bin"
        made.mkdir()
        (made / "pulumi").write_text("#!/bin/sh\n")
        (made / "pulumi").chmod(0o755)
        shelf.put(made, source=source, made_with="a test")
    return shelf.programs / "pulumi"


def test_a_new_enough_pulumi_on_path_is_taken_first(home: Home, program: Program) -> None:
    path = program("pulumi", "echo v3.999.1")
    put(home, "3.259.0")
    assert pulumi.locate(home) == Tool(path, "3.999.1", "path")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo v3.100.0", "is 3.100.0, older than 3.254.0"),
        ("echo v4.0.0", "is 4.0.0; tic works with version 3"),
        ("exit 1", "does not say its version"),
        ("echo hello", "does not say its version"),
    ],
)
def test_another_pulumi_on_path_is_passed_over_and_said_so(
    home: Home, program: Program, script: str, reason: str
) -> None:
    program("pulumi", script)
    cached = put(home, "3.259.0", source="installer")
    assert pulumi.locate(home) == Tool(cached, "3.259.0", "installer")
    first = pulumi.options(home)[0]
    assert not first.usable
    assert reason in first.detail


def test_the_version_on_path_is_asked_once_and_again_when_the_file_changes(
    home: Home, program: Program, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    program("pulumi", f"echo x >> {asked}; echo v3.259.0")
    for _ in range(3):
        tool = pulumi.locate(home)
    assert tool
    assert tool.version == "3.259.0"
    assert asked.read_text() == "x\n"
    program("pulumi", f"echo x >> {asked}; echo v3.259.10")
    tool = pulumi.locate(home)
    assert tool
    assert tool.version == "3.259.10"


def test_a_damaged_memory_of_it_is_asked_anew(home: Home, program: Program) -> None:
    program("pulumi", "echo v3.259.0")
    home.cache.mkdir()
    (home.cache / "pulumi-on-path.json").write_text("[1")
    assert pulumi.locate(home)


def test_a_version_that_is_asked_for_is_taken_literally(
    home: Home, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("pulumi", "echo v3.259.0")
    assert pulumi.locate(home, "3.258.0") is None
    monkeypatch.setenv("TIC_PULUMI_VERSION", "v3.258.0")
    assert pulumi.locate(home) is None
    cached = put(home, "3.258.0")
    tool = pulumi.locate(home)
    assert tool
    assert tool.path == cached


@pytest.mark.parametrize("version", ["newest", "3.1.0", "4.0.0"])
def test_a_version_that_tic_can_not_use_is_refused_with_a_hint(home: Home, version: str) -> None:
    with pytest.raises(ToolchainError) as caught:
        pulumi.locate(home, version)
    assert caught.value.exit_code == 6
    assert "3.2" in caught.value.hint


def test_without_an_engine_every_way_is_listed_with_what_it_would_do(home: Home, program: Program) -> None:
    program("other", "")
    assert pulumi.locate(home) is None
    path, cache, installer, build = pulumi.options(home)
    assert (path.way, path.usable, path.detail) == ("path", False, "there is no pulumi on PATH")
    assert (cache.way, cache.usable) == ("cache", False)
    assert (installer.way, installer.usable) == ("installer", True)
    assert build.usable
    assert "Go would come from PyPI" in build.detail


def test_an_installer_that_takes_too_long_is_ended(home: Home, told: Told) -> None:
    pin = pins()["pulumi"]
    shelf = Shelf.of(home, pin, pin.version)
    with shelf.locked(told), pytest.raises(WayFailed, match="it took longer than 0 min"):
        install(shelf, told, limit=0.0)
    assert shelf.source() is None
    assert not shelf.folder.with_name(f"{pin.version}.partial").exists()
