"""One schema, said three times: the migrations make it, the rows declare it, the store names it."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.expression import TableClause
from sqlmodel import SQLModel

import engine.state.rows  # noqa: F401  # what the bindings point to
from credentials import tables
from credentials.audit_store import AUDIT
from credentials.rows import (
    AuditRow,
    CredentialFieldRow,
    CredentialLeaseRow,
    CredentialRow,
    DataKeyRow,
    LinkedRoleRow,
    VaultRow,
)
from tests.credentials.worlds import World

ROWS: tuple[type[SQLModel], ...] = (
    VaultRow,
    DataKeyRow,
    CredentialRow,
    CredentialFieldRow,
    CredentialLeaseRow,
    LinkedRoleRow,
    AuditRow,
)
NAMES = tuple(str(row.__tablename__) for row in ROWS)


def test_the_rows_are_what_the_migrations_make(world: World) -> None:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name in NAMES

    with world.database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, SQLModel.metadata) == []


@pytest.mark.parametrize("row", ROWS)
def test_checks_and_partial_indexes_are_the_same_too(world: World, row: type[SQLModel]) -> None:
    """Alembic compares neither, so the text of the schema is compared."""
    fresh = create_engine("sqlite://")
    SQLModel.metadata.create_all(fresh, tables=[SQLModel.metadata.tables[name] for name in NAMES])
    query = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY name"
    with fresh.connect() as declared, world.database.read() as migrated:
        texts = [
            [" ".join(str(sql).split()) for (sql,) in connection.exec_driver_sql(query, (row.__tablename__,))]
            for connection in (declared, migrated)
        ]
    fresh.dispose()
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "named",
    [tables.VAULT, tables.DATA_KEY, tables.CREDENTIAL, tables.FIELD, tables.LEASE, tables.ROLE, AUDIT],
    ids=lambda one: one.name,
)
def test_the_store_names_the_rows_columns(named: TableClause) -> None:
    declared = SQLModel.metadata.tables[named.name]
    types = [
        {column.name: column.type.compile(dialect=sqlite.dialect()) for column in columns}
        for columns in (named.columns, declared.columns)
    ]
    assert types[0] == types[1]
