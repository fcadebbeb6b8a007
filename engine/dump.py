"""The rows of every table as lines, the same whichever database they come from or go to.

For each table, those that others refer to first: `{"table": name, "columns": [...], "given": n}`, then each
row as a list. All of it is JSON; bytes are `{"bytes": base64}`. `given` is the highest id that a table has
ever given out, where the database never gives one twice, else null.
"""

import base64
import binascii
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

VERSION_TABLE: Final = "alembic_version"
_ROWS_AT_ONCE: Final = 100


class ForeignDump(Exception):
    """A dump does not fit the tables that it should go into; the text says how, and repeats no value."""


def dump(connection: "Connection") -> Iterator[bytes]:
    """Every table's lines, read in the caller's snapshot."""
    import orjson

    given = _ids_given(connection)
    for table in _tables(connection):
        columns = [column.name for column in table.columns]
        head = {"table": table.name, "columns": columns, "given": given.get(table.name)}
        yield orjson.dumps(head) + b"\n"
        rows = _untyped(table).select().order_by(*_key(table)).execution_options(yield_per=_ROWS_AT_ONCE)
        for row in connection.execute(rows):
            yield orjson.dumps([_written(cell) for cell in row]) + b"\n"


def load(connection: "Connection", lines: Iterable[bytes]) -> int:
    """Fill empty tables with a dump of the same schema; returns the number of rows. Raises ForeignDump."""
    import orjson

    tables = {table.name: table for table in _tables(connection)}
    filler: _Filler | None = None
    given: dict[str, int | None] = {}
    count = 0
    for line in lines:
        try:
            content = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise ForeignDump("a line in it is not JSON") from None
        match content:
            case list() if filler is not None:
                filler.add(content)
            case {"table": str(name), "columns": list(columns), "given": int() | None as highest}:
                count += filler.done() if filler is not None else 0
                if name not in tables or name in given:
                    raise ForeignDump(f"there is no table {name[:64]!r}, or it comes twice")
                filler, given[name] = _Filler(connection, tables[name], columns), highest
            case _:
                raise ForeignDump("a line in it is not one of a dump")
    count += filler.done() if filler is not None else 0
    if missing := sorted(tables.keys() - given.keys()):
        raise ForeignDump(f"its table {missing[0]} is missing")
    _give_no_less(connection, {name: highest for name, highest in given.items() if highest is not None})
    return count


def empty(connection: "Connection") -> None:
    """Delete every row, those that refer to others first."""
    for table in reversed(_tables(connection)):
        connection.execute(table.delete())


def copy(source: "Connection", target: "Connection") -> int:
    """Fill the empty tables of one database with the rows of another of the same schema."""
    return load(target, dump(source))


def _tables(connection: "Connection") -> "list[Table]":
    """Every table of the schema, those that others refer to first."""
    from sqlalchemy import MetaData

    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSION_TABLE]


def _untyped(table: "Table") -> Any:
    """The table with columns that are read and written as they are."""
    from sqlalchemy import column
    from sqlalchemy import table as plain

    return plain(table.name, *(column(one.name) for one in table.columns))


def _key(table: "Table") -> list[Any]:
    from sqlalchemy import column

    return [column(one.name) for one in table.primary_key.columns] or [
        column(one.name) for one in table.columns
    ]


class _Filler:
    """Puts rows into one table, many at a time."""

    def __init__(self, connection: "Connection", table: "Table", columns: Sequence[str]) -> None:
        from sqlalchemy import Boolean

        if set(columns) != {column.name for column in table.columns}:
            raise ForeignDump(f"the columns of its table {table.name} are others")
        self._connection = connection
        self._insert = _untyped(table).insert()
        self._columns = columns
        kept_as_number = connection.dialect.name == "sqlite"
        switches = {column.name for column in table.columns if isinstance(column.type, Boolean)}
        self._switches = set() if kept_as_number else switches
        self._waiting: list[dict[str, Any]] = []
        self._count = 0

    def add(self, row: list[Any]) -> None:
        """Put in one row, sooner or later."""
        if len(row) != len(self._columns):
            raise ForeignDump("a row in it has more or fewer values than columns")
        values = dict(zip(self._columns, map(_read, row), strict=True))
        for name in self._switches:
            values[name] = bool(values[name]) if values[name] in (0, 1) else values[name]
        self._waiting.append(values)
        if len(self._waiting) == _ROWS_AT_ONCE:
            self._flush()

    def done(self) -> int:
        """Put in what waits; returns how many rows there were."""
        self._flush()
        return self._count

    def _flush(self) -> None:
        if self._waiting:
            self._connection.execute(self._insert, self._waiting)
            self._count += len(self._waiting)
            self._waiting = []


def _written(cell: Any) -> Any:
    match cell:
        case bytes() | memoryview():
            return {"bytes": base64.b64encode(cell).decode()}
        case bool():
            return int(cell)
        case float() if not math.isfinite(cell):
            return {"float": str(cell)}
        case _:
            return cell


def _read(cell: Any) -> Any:
    try:
        match cell:
            case {"bytes": str(text)}:
                return base64.b64decode(text, validate=True)
            case {"float": str(text)}:
                return float(text)
            case None | int() | float() | str():
                return cell
    except (binascii.Error, ValueError):
        pass
    raise ForeignDump("a value in it is not what a dump holds")


def _ids_given(connection: "Connection") -> dict[str, int]:
    """The highest id that each table has given out, where the database keeps that."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
        return {name: number for name, number in found if isinstance(number, int)}
    given = {}
    for table, _, sequence in _sequences(connection):
        query = f"SELECT last_value FROM {sequence} WHERE is_called"  # noqa: S608  the server quoted it
        given[table] = connection.exec_driver_sql(query).scalar() or 0
    return given


def _give_no_less(connection: "Connection", given: Mapping[str, int]) -> None:
    """Let each table's next id be higher than any that it holds, or has given out."""
    if connection.dialect.name == "sqlite":
        never_twice = "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"
        for table in set(connection.exec_driver_sql(never_twice).scalars()) & given.keys():
            highest = given[table]  # what the rows reach, SQLite has noted itself
            change = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?"
            if connection.exec_driver_sql(change, (highest, table)).rowcount == 0:
                connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, highest))
        return
    for table, column, sequence in _sequences(connection):
        query = f"SELECT max({column}) FROM {table}"  # noqa: S608  names of the schema's own
        reached = max(connection.exec_driver_sql(query).scalar() or 0, given.get(table, 0))
        if reached:
            connection.exec_driver_sql("SELECT setval(%s, %s)", (sequence, reached))


def _sequences(connection: "Connection") -> list[tuple[str, str, str]]:
    """PostgreSQL's tables that number their rows: table, column, and the sequence that counts."""
    found = connection.exec_driver_sql(
        "SELECT table_name, column_name, pg_get_serial_sequence(quote_ident(table_name), column_name)"
        " FROM information_schema.columns WHERE table_schema = current_schema()"
    )
    return [(table, column, sequence) for table, column, sequence in found if sequence is not None]
