"""A home of the test's own, a PATH that holds what the test puts there, a program that builds quickly."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.home import Home
from engine.toolchain.cache import Shelf
from engine.toolchain.pins import Pin
from engine.toolchain.version import Version


class Told:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.live: list[str] = []
        self.on_say: Callable[[str], None] = lambda _text: None

    def say(self, text: str) -> None:
        self.lines.append(text)
        self.on_say(text)

    def doing(self, text: str) -> None:
        self.live.append(text)

    def clear(self) -> None:
        self.live.append("")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("TIC_PULUMI_VERSION", raising=False)
    return Home(tmp_path / "home", tmp_path / "cache")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a shell script on a PATH that holds only such scripts and the system's own tools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    tools = [folder / name for name in ("sh", "cat", "sleep", "mkdir", "chmod")]
    for tool in tools:
        tool.symlink_to(shutil.which(tool.name) or "")
    monkeypatch.setenv("PATH", str(folder))

    def write(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def pin(tmp_path: Path) -> Pin:
    """A program of one file, in a module beside it, so that a real build takes a second and no network."""
    source, modules = tmp_path / "hello", tmp_path / "modules"
    source.mkdir()
    modules.mkdir()
    (source / "go.mod").write_text("module example.test/hello\n\ngo 1.21\n")
    (source / "main.go").write_text(
        'package main\n\nvar version = "dev"\n\nfunc main() { print("hello ", version) }\n'
    )
    (modules / "go.mod").write_text(
        "module tic.local/hello\n\ngo 1.21\n\nrequire example.test/hello v1.2.3\n\n"
        f"replace example.test/hello v1.2.3 => {source}\n"
    )
    (modules / "go.sum").write_text("")
    (modules / "tools.go").write_text('//go:build tools\n\npackage tools\n\nimport _ "example.test/hello"\n')
    return Pin(
        name="hello",
        title="the greeter",
        version=Version(1, 2, 3),
        packages=("example.test/hello",),
        programs=("hello",),
        ldflags="-X main.version=v1.2.3",
        minutes=1,
        modules=modules,
    )


@pytest.fixture
def shelf(home: Home, pin: Pin) -> Shelf:
    return Shelf.of(home, pin, pin.version)
