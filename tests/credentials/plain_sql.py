"""Plain SQL on a vault's database, past tic: what an observer, or another program, would use."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from engine.home import Home

Rows = list[tuple[Any, ...]]
Run = Callable[[str], Rows]


@contextmanager
def plain(home: Home) -> Iterator[Run]:
    """One transaction on one snapshot; what the block writes is committed at its end, or not at all."""
    with _postgresql(home.database_url) if home.database_url else _sqlite(home) as run:
        yield run


@contextmanager
def _postgresql(url: str) -> Iterator[Run]:
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

        def run(statement: str) -> Rows:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

        yield run


@contextmanager
def _sqlite(home: Home) -> Iterator[Run]:
    with closing(sqlite3.connect(home.database, isolation_level=None, timeout=60)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN")
        yield lambda statement: connection.execute(statement).fetchall()
        connection.execute("COMMIT")
