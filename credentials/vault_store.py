"""Finds and changes the vault's own row and its retired data keys, and reads what the digest guards."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, literal, select

from credentials.digest import Table
from credentials.refusals import DamagedRow, DamagedVault
from credentials.tables import CREDENTIAL, DATA_KEY, FIELD, LATEST, ROLE, VAULT


@dataclass(frozen=True, slots=True)
class VaultRecord:
    """The vault's row. `key_params` is JSON; what is None was never sealed (a vault of an older tic)."""

    vault_id: str
    wrapped_key: bytes
    created_at: float
    key_source: str
    key_params: str | None
    generation: int
    digest: bytes | None
    audit_key: bytes | None
    audit_head: bytes | None


_ROW = VAULT.select()
_HEAD = VAULT.update().values(audit_head=bindparam("head"))


def find(connection: Connection) -> VaultRecord | None:
    """The vault of this database; None before `tic vault init`.

    Raises DamagedRow, and DamagedVault where its row is gone and what belongs to it is not.
    """
    rows = connection.execute(_ROW).all()
    if not rows:
        _check_nothing_is_left(connection)
        return None
    if len(rows) > 1:
        raise DamagedRow("vault")
    values: dict[str, Any] = {name: value for name, value in rows[0]._mapping.items() if name != "id"}
    if not all(_fits(name, value) for name, value in values.items()):
        raise DamagedRow("vault")
    return VaultRecord(**values)


def add(connection: Connection, vault_id: str, created_at: float) -> None:
    """Note the one vault of this database; `change` then gives it its keys."""
    connection.execute(
        VAULT.insert().values(
            id=1, vault_id=vault_id, wrapped_key=b"", created_at=created_at, key_source="file", generation=1
        )
    )


def change(connection: Connection, **values: object) -> None:
    """Give some columns of the vault's row new values."""
    connection.execute(VAULT.update().values(**values))


def set_audit_head(connection: Connection, sealed: bytes) -> None:
    """Note the end of the audit log, sealed."""
    connection.execute(_HEAD, {"head": sealed})


def data_keys(connection: Connection) -> dict[int, bytes]:
    """The retired data keys by generation, sealed by the one in use."""
    keys = {row.generation: row.sealed for row in connection.execute(DATA_KEY.select())}
    if not all(type(generation) is int and type(sealed) is bytes for generation, sealed in keys.items()):
        raise DamagedRow("data_key")
    return keys


def replace_data_keys(connection: Connection, keys: dict[int, bytes]) -> None:
    """Keep these retired data keys, and no others."""
    connection.execute(DATA_KEY.delete())
    if keys:
        connection.execute(
            DATA_KEY.insert(),
            [{"generation": generation, "sealed": sealed} for generation, sealed in keys.items()],
        )


def guarded(connection: Connection) -> Iterator[Table]:
    """The vault's tables as the digest reads them: everything but what each use changes."""
    vault = [VAULT.c[name] for name in ("vault_id", "created_at", "key_source", "key_params", "generation")]
    yield "vault", connection.execute(VAULT.select().with_only_columns(*vault))
    yield "data_key", connection.execute(DATA_KEY.select().order_by(DATA_KEY.c.generation))
    credential = [each for each in CREDENTIAL.c if each.name not in ("last_used_at", "last_used_for")]
    yield (
        "credential",
        connection.execute(CREDENTIAL.select().with_only_columns(*credential).order_by(CREDENTIAL.c.id)),
    )
    order = (FIELD.c.credential_id, FIELD.c.version, FIELD.c.name)
    yield "credential_field", connection.execute(FIELD.select().order_by(*order))
    role = [each for each in ROLE.c if each.name != "checked_at"]
    yield (
        "linked_role",
        connection.execute(ROLE.select().with_only_columns(*role).order_by(ROLE.c.provider)),
    )


def _check_nothing_is_left(connection: Connection) -> None:
    from credentials.audit_store import AUDIT  # here, because a vault that is there needs no look

    for one in (CREDENTIAL, FIELD, ROLE, DATA_KEY, AUDIT):
        if connection.execute(select(literal(1)).select_from(one).limit(1)).first() is not None:
            raise DamagedVault(one.name)


def _fits(name: str, value: object) -> bool:
    """Whether a column of `vault` holds what tic puts there; SQLite keeps anything anywhere."""
    match name:
        case "wrapped_key":
            return isinstance(value, bytes)
        case "digest" | "audit_key" | "audit_head":
            return value is None or isinstance(value, bytes)
        case "created_at":
            return isinstance(value, int | float) and 0 <= value < LATEST
        case "generation":
            return isinstance(value, int) and 0 < value < 2**32
        case "key_params":
            return value is None or isinstance(value, str)
        case _:
            return isinstance(value, str)
