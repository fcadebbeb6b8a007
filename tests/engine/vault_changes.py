"""Changes to a vault's database that no tic makes: of its bytes, and of its rows, by chance."""

# ruff: noqa: S608  the names are those of the schema

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from credentials.proof import MOMENT
from credentials.tables import ROLE

PAGE = 4096
BETWEEN = "a text that no row has"
_ROLE = ", ".join(column.name for column in ROLE.c if column.name != "checked_at")
GUARDED = {
    "vault": "SELECT * FROM vault ORDER BY id",
    "data_key": "SELECT * FROM data_key ORDER BY generation",
    "credential": "SELECT last_used_at, * FROM credential ORDER BY id",
    "credential_field": "SELECT * FROM credential_field ORDER BY credential_id, version, name",
    "linked_role": f"SELECT {_ROLE} FROM linked_role ORDER BY provider",
    "binding": "SELECT * FROM binding ORDER BY stack_id, provider",
    "audit": "SELECT * FROM audit ORDER BY seq",
}
"""All that a vault holds, but for what guards nothing: who works with a version, when a role was tried."""

Content = dict[str, list[tuple[Any, ...]]]


def content(path: Path) -> Content | None:
    """What the vault's tables hold; None where that can't be read to its end."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        return {name: connection.execute(query).fetchall() for name, query in GUARDED.items()}
    except (sqlite3.Error, UnicodeDecodeError):  # the latter of SQLite's own message
        return None
    finally:
        connection.close()


def same(one: Content | None, other: Content | None) -> bool:
    """Whether both hold the same; a last use may differ by the moment that its proof allows."""
    if one is None or other is None:
        return False
    return all(
        len(rows) == len(other[table]) and all(map(_alike, rows, other[table])) for table, rows in one.items()
    )


def _alike(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    if [(type(each), each) for each in one] == [(type(each), each) for each in other]:
        return True
    used, again = one[0], other[0]  # floats of a credential that was used, and of no other table
    near = isinstance(used, float) and isinstance(again, float) and abs(used - again) < MOMENT
    return near and [each for each in one if each != used] == [each for each in other if each != again]


# Of the file


def flip(path: Path, chance: Random) -> str:
    """One bit, anywhere."""
    data = bytearray(path.read_bytes())
    bit = chance.randrange(len(data) * 8)
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    return f"bit {bit % 8} of byte {bit // 8}"


def cut(path: Path, chance: Random) -> str:
    """The file's end, from anywhere on."""
    length = chance.randrange(path.stat().st_size)
    with path.open("r+b") as file:
        file.truncate(length)
    return f"cut to {length} bytes"


def swap_pages(path: Path, chance: Random) -> str:
    """Two pages in each other's place."""
    data = path.read_bytes()
    one, other = sorted(chance.sample(range(len(data) // PAGE), 2))
    pages = [data[start : start + PAGE] for start in range(0, len(data), PAGE)]
    pages[one], pages[other] = pages[other], pages[one]
    path.write_bytes(b"".join(pages))
    return f"pages {one} and {other} swapped"


def old_page(path: Path, chance: Random, older: bytes) -> str:
    """One page as it was in an old copy."""
    data = bytearray(path.read_bytes())
    number = chance.randrange(min(len(data), len(older)) // PAGE)
    data[number * PAGE : (number + 1) * PAGE] = older[number * PAGE : (number + 1) * PAGE]
    path.write_bytes(data)
    return f"page {number} of an old copy"


# Of the rows


def statement(path: Path, chance: Random, older: Path) -> str | None:
    """One change by SQL that a person who has the file could make; None where the database refuses it."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("ATTACH ? AS older", (str(older),))
        return chance.choice(_STATEMENTS)(connection, chance)
    except sqlite3.IntegrityError:
        return None
    finally:
        connection.close()


def _edit(connection: sqlite3.Connection, chance: Random) -> str:
    """Another value in one column of one row: that of another row, or one near it."""
    table, row = _row(connection, chance)
    column = chance.choice(_columns(connection, table))
    query = f"SELECT {column} FROM {table} WHERE rowid = ?"
    value = connection.execute(query, (row,)).fetchone()[0]
    others = [each for (each,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}")]
    new = chance.choice([*others, _near(value, chance), None, "", b"", 0])
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))
    return f"{table}.{column} of row {row} edited"


def _swap(connection: sqlite3.Connection, chance: Random) -> str:
    """The values of one column of two rows in each other's place."""
    table, one = _row(connection, chance)
    rows = [each for (each,) in connection.execute(f"SELECT rowid FROM {table}")]
    other, column = chance.choice(rows), chance.choice(_columns(connection, table))
    query = f"SELECT {column} FROM {table} WHERE rowid = ?"
    first, second = (connection.execute(query, (each,)).fetchone()[0] for each in (one, other))
    connection.execute("BEGIN")
    change = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
    connection.execute(change, (BETWEEN if isinstance(first, str) else None, one))
    connection.execute(change, (first, other))
    connection.execute(change, (second, one))
    connection.execute("COMMIT")
    return f"{table}.{column} of rows {one} and {other} swapped"


def _delete(connection: sqlite3.Connection, chance: Random) -> str:
    table, row = _row(connection, chance)
    connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
    return f"row {row} of {table} deleted"


def _insert(connection: sqlite3.Connection, chance: Random) -> str:
    """A copy of a row that differs in one column."""
    table, row = _row(connection, chance)
    columns = _columns(connection, table)
    key = chance.choice(columns)
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    values = list(connection.execute(f"SELECT {names} FROM {table} WHERE rowid = ?", (row,)).fetchone())
    values[columns.index(key)] = _near(values[columns.index(key)], chance)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
    return f"a row like row {row} of {table} inserted, with another {key}"


def _put_back(connection: sqlite3.Connection, chance: Random) -> str:
    """A row as it was in an old copy, or all of a table's."""
    table = chance.choice(list(GUARDED))
    if chance.random() < 0.3:
        connection.execute("BEGIN")
        connection.execute(f"DELETE FROM main.{table}")
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM older.{table}")
        connection.execute("COMMIT")
        return f"all of {table} as it was"
    rows = [each for (each,) in connection.execute(f"SELECT rowid FROM older.{table}")]
    if not rows:
        return "nothing"
    row = chance.choice(rows)
    again = f"INSERT OR REPLACE INTO main.{table} SELECT * FROM older.{table} WHERE rowid = ?"
    connection.execute(again, (row,))
    return f"row {row} of {table} as it was"


_STATEMENTS: tuple[Callable[[sqlite3.Connection, Random], str], ...] = (
    _edit,
    _edit,
    _swap,
    _swap,
    _delete,
    _insert,
    _put_back,
)


def _row(connection: sqlite3.Connection, chance: Random) -> tuple[str, int]:
    """A row of a table that has any."""
    counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in GUARDED}
    table = chance.choice([table for table, count in counts.items() if count])
    rows = [each for (each,) in connection.execute(f"SELECT rowid FROM {table}")]
    return table, chance.choice(rows)


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _near(value: Any, chance: Random) -> Any:
    match value:
        case bytes() if value:
            data = bytearray(value)
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            return bytes(data)
        case str() if value:
            place = chance.randrange(len(value))
            return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
        case int():
            return value + chance.choice((-1, 1, 2**31))
        case float():
            return value + chance.choice((-86400.0, 3600.0, 1e9))
        case _:
            return chance.choice(("all", "active", b"\0" * 40, 1))
