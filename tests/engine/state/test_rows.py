"""One schema, said three times: the migrations make it, the rows declare it, the statements name it."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.expression import TableClause
from sqlmodel import SQLModel

import credentials.rows  # noqa: F401  # what the bindings point to
from engine.database import Database
from engine.state import tables
from engine.state.rows import (
    AccessTokenRow,
    AcmeAccountKeyRow,
    AcmeAccountRow,
    AcmeTermsRow,
    CertificateRow,
    CheckpointRow,
    EventRow,
    JournalRow,
    ResourceBodyRow,
    StackRow,
    UpdateRow,
)

ROWS: tuple[type[SQLModel], ...] = (
    AccessTokenRow,
    StackRow,
    UpdateRow,
    ResourceBodyRow,
    CheckpointRow,
    JournalRow,
    EventRow,
    CertificateRow,
    AcmeAccountRow,
    AcmeAccountKeyRow,
    AcmeTermsRow,
)
NAMES = tuple(str(row.__tablename__) for row in ROWS)


def test_the_rows_are_what_the_migrations_make(database: Database) -> None:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name in NAMES

    with database.read() as connection:
        options = {"include_object": ours, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []


@pytest.mark.parametrize("name", NAMES)
def test_checks_and_partial_indexes_are_the_same_too(database: Database, name: str) -> None:
    """Alembic compares neither, so the text of the schema is compared."""
    fresh = create_engine("sqlite://")
    SQLModel.metadata.create_all(fresh, tables=[SQLModel.metadata.tables[each] for each in NAMES])
    query = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY name"
    with fresh.connect() as declared, database.read() as migrated:
        texts = [
            sorted(part for (sql,) in connection.exec_driver_sql(query, (name,)) for part in parts(str(sql)))
            for connection in (declared, migrated)
        ]
    fresh.dispose()
    assert texts[0] == texts[1]


def parts(sql: str) -> list[str]:
    """A statement of the schema in pieces: a column that was added later stands at another place in it."""
    head, _, body = " ".join(sql.split()).partition(" (")
    depth, begin, found = 0, 0, [head]
    for place, character in enumerate(body):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0 or (character == "," and not depth):
            found.append(body[begin:place].strip())
            begin = place + 1
    return [*found, body[begin:].strip()]


@pytest.mark.parametrize(
    "named",
    [
        tables.ACCESS_TOKEN,
        tables.STACK,
        tables.UPDATE,
        tables.RESOURCE_BODY,
        tables.CHECKPOINT,
        tables.JOURNAL,
        tables.EVENT,
        tables.CERTIFICATE,
        tables.ACME_ACCOUNT,
        tables.ACME_ACCOUNT_KEY,
        tables.ACME_TERMS,
    ],
    ids=lambda table: str(table.name),
)
def test_the_statements_name_the_rows_columns(named: TableClause) -> None:
    declared = SQLModel.metadata.tables[named.name]
    types = [
        {column.name: column.type.compile(dialect=sqlite.dialect()) for column in columns}
        for columns in (named.columns, declared.columns)
    ]
    assert types[0] == types[1]
