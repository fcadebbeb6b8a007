"""A dump holds every row of every table, as it was, and goes into another database of the same schema."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.database import Database
from engine.dump import ForeignDump, copy, dump, empty, load
from engine.state import versions
from engine.state.versions import Checkpoint
from tests.engine.state.journals import resource
from tests.engine.vaults import fresh, full

OTHER = b'{"table": "other", "columns": [], "given": null}'


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """What each table holds."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}  # noqa: S608
    return {name: sorted(each, key=repr) for name, each in found.items()}


@pytest.fixture
def source(tmp_path: Path) -> Database:
    return Database.open(full(tmp_path / "source").home)


@pytest.fixture
def target(tmp_path: Path) -> Database:
    return Database.open(fresh(tmp_path / "target"))


def lines(database: Database) -> list[bytes]:
    with database.read() as connection:
        return list(dump(connection))


def test_all_of_it_comes_over(source: Database, target: Database) -> None:
    with source.write() as connection:  # what only SQLite would keep, and what JSON can't say
        connection.exec_driver_sql("UPDATE credential SET last_used_at = 9e999, updated_at = 7 WHERE id = 1")
        connection.exec_driver_sql("UPDATE credential SET last_used_for = x'00ff' WHERE id = 2")
    with source.read() as there, target.write() as here:
        count = copy(there, here)
    kept = rows(Path(source.name))
    assert rows(Path(target.name)) == kept
    ours = kept.keys() - {"sqlite_sequence", "alembic_version"}
    assert count == sum(len(kept[name]) for name in ours)
    assert lines(source) == lines(target)


def test_an_id_that_was_given_once_is_not_given_again(source: Database, target: Database) -> None:
    with source.write() as connection:
        connection.exec_driver_sql("DELETE FROM binding")
        connection.exec_driver_sql("DELETE FROM stack")
    with source.read() as there, target.write() as here:
        copy(there, here)
        here.exec_driver_sql(
            "INSERT INTO stack (org, project, name, folder, version, tags, created_at)"
            " VALUES ('o', 'p', 'n', '', 0, '{}', 1.0)"
        )
        assert here.exec_driver_sql("SELECT id FROM stack").scalar_one() == 3


def test_a_stacks_versions_come_over_with_their_resources(source: Database, target: Database) -> None:
    states = [
        Checkpoint(version, 3, (), {"resources": [resource("a"), resource(f"b{version}")]})
        for version in (1, 2)
    ]
    with source.write() as connection:
        for state in states:
            versions.save(connection, 1, state.version, state)
    with source.read() as there, target.write() as here:
        copy(there, here)
        assert [versions.at(here, 1, state.version) for state in states] == states
        versions.save(here, 2, 1, states[0])
        assert versions.newest(here, 1) == states[1]


def test_emptying_goes_by_what_refers_to_what(source: Database) -> None:
    with source.write() as connection:
        empty(connection)
    kept = rows(Path(source.name))
    assert [name for name, each in kept.items() if each] == ["alembic_version", "sqlite_sequence"]


UNFIT: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "more or fewer values": lambda found: [found[0], b"[]", *found[1:]],
    "its table .* is missing": lambda found: found[:-1],
    "or it comes twice": lambda found: [*found, found[0]],
    "there is no table 'other'": lambda found: [OTHER, *found],
    "columns of its table": lambda found: [found[0].replace(b'"columns":["', b'"columns":["x'), *found[1:]],
    "is not JSON": lambda found: [found[0], b"nonsense", *found[1:]],
    "is not one of a dump": lambda found: [b"null", *found],
}


@pytest.mark.parametrize("said", UNFIT)
def test_a_dump_that_does_not_fit_is_refused(source: Database, target: Database, said: str) -> None:
    unfit = UNFIT[said](lines(source))
    with pytest.raises(ForeignDump, match=said), target.write() as connection:
        load(connection, unfit)
    assert rows(Path(target.name))["credential"] == []


@pytest.mark.parametrize("cell", ['{"bytes": "!"}', '{"float": "x"}', '{"other": 1}', "[]"])
def test_a_value_that_no_dump_holds_is_refused(source: Database, target: Database, cell: str) -> None:
    found = lines(source)
    place = next(number for number, line in enumerate(found) if b'"table":"data_key"' in line)
    forged = [*found[: place + 1], f"[1, {cell}]".encode(), *found[place + 1 :]]
    with pytest.raises(ForeignDump, match="a value in it"), target.write() as connection:
        load(connection, forged)
