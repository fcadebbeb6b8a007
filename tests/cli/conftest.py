"""`tic` with a home of its own, and one with a vault in it."""

import shutil
from pathlib import Path

import pytest

from credentials.vault import Vault
from engine.bindings import Usage
from engine.database import Database
from engine.home import Home
from tests.cli.command import Tic


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tic:
    return Tic(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def tic(fresh: Tic, made: Path) -> Tic:
    shutil.copytree(made, fresh.home)
    return fresh


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a new vault: making one each time would take longer than most tests."""
    home = Home(tmp_path_factory.mktemp("made") / "home", tmp_path_factory.mktemp("cache"))
    database = Database.open(home, create=True)
    Vault.create(database, home.root, usage=Usage(), actor="somebody@here")
    database.close()
    return home.root
