"""`tic` with a home of its own, and one with a vault in it."""

from pathlib import Path

import pytest

from tests.cli.command import Tic


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tic:
    return Tic(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def tic(fresh: Tic) -> Tic:
    assert fresh("vault", "init").code == 0
    return fresh
