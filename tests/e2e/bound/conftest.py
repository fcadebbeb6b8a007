"""The world of stacks that are bound to clouds."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from engine.home import Home
from engine.toolchain import yaml_host
from engine.toolchain.progress import Printer
from tests.e2e.bound.world import SDKS, World, world


@pytest.fixture(scope="session")
def yaml_command() -> Path:
    """The language host of YAML programs; got, with progress, where it is missing."""
    return yaml_host.ensure(Home.find(), Printer(sys.stderr))


@pytest.fixture
def bound(
    tmp_path: Path,
    pulumi_command: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[World]:
    """A fresh vault, in the middle of stray keys."""
    for module, package in SDKS.items():
        if find_spec(module) is None:
            pytest.skip(f"the SDK {package} is not installed: pip install {package}")
    with world(tmp_path, pulumi_command, monkeypatch, capsys) as made:
        yield made
