"""Listing is quick because it imports little; what it must not import is named here, not timed."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("credentials.vault", {"sqlmodel", "sqlalchemy.orm", "pydantic", "alembic", "pulumi", "tomllib"}),
        ("cli.creds", {"sqlalchemy", "nacl", "engine", "credentials.vault"}),
        ("cli.vault", {"sqlalchemy", "nacl", "engine", "credentials.vault"}),
    ],
)
def test_importing_it_imports_nothing_that_takes_long(module: str, slow: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.split())
    assert module in imported
    assert imported & slow == set()
