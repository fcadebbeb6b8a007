"""A home whose database is a server of a test, and how tic refuses what can't be used."""

from pathlib import Path

import pytest
from sqlalchemy import Connection

from engine.database import Database, DatabaseUnusable
from engine.home import Home


def home_at(tmp_path: Path, url: str) -> Home:
    return Home(tmp_path / "home", tmp_path / "cache", url)


def stacks(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT name FROM stack ORDER BY 1").scalars())


def refusal(home: Home, *, create: bool = False) -> DatabaseUnusable:
    """What opening it is refused with."""
    with pytest.raises(DatabaseUnusable) as refused:
        Database.open(home, create=create)
    assert refused.value.exit_code == 5
    assert refused.value.__cause__ is None
    return refused.value
