"""Finds and changes the rows of the vault, inside the caller's transaction; holds no rule and opens no seal.

The statements name their tables as plain SQLAlchemy Core: importing SQLModel takes longer than all the rest
of a listing. `credentials.rows` has the schema; a test proves that both agree.
"""

import base64
import secrets
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, Float, Integer, LargeBinary, Row, String, column, table

from credentials.credential import Credential, RoleState, State
from credentials.names import TOKEN_PREFIX
from credentials.refusals import DamagedRow

LATEST: Final = 253402300800  # seconds since the epoch: the year 10000, which no calendar here knows
_STATES: Final = tuple(state.value for state in State)

VAULT = table(
    "vault",
    column("id", Integer),
    column("vault_id", String),
    column("wrapped_key", LargeBinary),
    column("created_at", Float),
)
CREDENTIAL = table(
    "credential",
    column("id", Integer),
    column("token", String),
    column("name", String),
    column("kind", String),
    column("state", String),
    column("version", Integer),
    column("created_at", Float),
    column("updated_at", Float),
    column("last_used_at", Float),
    column("last_used_for", String),
)
FIELD = table(
    "credential_field",
    column("credential_id", Integer),
    column("version", Integer),
    column("name", String),
    column("sealed", LargeBinary),
)
ROLE = table("linked_role", column("provider", String), column("state", String))


def vault_row(connection: Connection) -> Row[tuple[int, str, bytes, float]] | None:
    """The vault's id, wrapped data key and time of making; None before `tic vault init`."""
    row = connection.execute(VAULT.select()).one_or_none()
    if row is not None and not (
        isinstance(row.vault_id, str)
        and isinstance(row.wrapped_key, bytes)
        and isinstance(row.created_at, int | float)
        and 0 <= row.created_at < LATEST
    ):
        raise DamagedRow("vault")
    return row


def add_vault(connection: Connection, vault_id: str, wrapped_key: bytes, now: float) -> None:
    """Note the one vault of this database."""
    connection.execute(
        VAULT.insert().values(id=1, vault_id=vault_id, wrapped_key=wrapped_key, created_at=now)
    )


def everything(connection: Connection) -> list[Credential]:
    """All credentials, by kind, the Active one first, then by name."""
    order = (CREDENTIAL.c.kind, CREDENTIAL.c.state, CREDENTIAL.c.name)
    return [_credential(row) for row in connection.execute(CREDENTIAL.select().order_by(*order))]


def find(connection: Connection, reference: str) -> Credential | None:
    """The credential of this token or name."""
    if not reference.isprintable():
        return None  # nothing like this was ever stored, and a driver may refuse half a surrogate pair
    key = CREDENTIAL.c.token if reference.startswith(TOKEN_PREFIX) else CREDENTIAL.c.name
    row = connection.execute(CREDENTIAL.select().where(key == reference)).one_or_none()
    return None if row is None else _credential(row)


def names(connection: Connection) -> list[str]:
    """The names of all credentials."""
    return list(connection.execute(CREDENTIAL.select().with_only_columns(CREDENTIAL.c.name)).scalars())


def active(connection: Connection, kind: str) -> Credential | None:
    """The Active credential of a kind."""
    query = CREDENTIAL.select().where(CREDENTIAL.c.kind == kind, CREDENTIAL.c.state == State.ACTIVE.value)
    row = connection.execute(query).one_or_none()
    return None if row is None else _credential(row)


def ready(connection: Connection, kind: str) -> list[str]:
    """The names of the Ready credentials of a kind."""
    query = CREDENTIAL.select().with_only_columns(CREDENTIAL.c.name)
    query = query.where(CREDENTIAL.c.kind == kind, CREDENTIAL.c.state == State.READY.value)
    return list(connection.execute(query.order_by(CREDENTIAL.c.name)).scalars())


def role(connection: Connection, provider: str) -> RoleState:
    """Whether the provider's linked role is enabled; DISABLED where there is none."""
    query = ROLE.select().with_only_columns(ROLE.c.state).where(ROLE.c.provider == provider)
    state = connection.execute(query).scalar() or RoleState.DISABLED.value
    if state not in [one.value for one in RoleState]:
        raise DamagedRow("linked_role")
    return RoleState(state)


def add(connection: Connection, name: str, kind: str, state: State, now: float) -> Credential:
    """A new credential in its first version, without fields yet; its token is random."""
    values = {
        "token": TOKEN_PREFIX + base64.b32encode(secrets.token_bytes(10)).decode().lower(),
        "name": name,
        "kind": kind,
        "state": state.value,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(CREDENTIAL.insert().values(values))
    return _credential(connection.execute(CREDENTIAL.select().where(CREDENTIAL.c.name == name)).one())


def set_state(connection: Connection, credential: Credential, state: State) -> None:
    """Make it Active or Ready; the database refuses a second Active one of its kind."""
    connection.execute(CREDENTIAL.update().where(CREDENTIAL.c.id == credential.id).values(state=state.value))


def set_version(connection: Connection, credential: Credential, version: int, now: float) -> None:
    """Let the fields of `version` be the credential's from now on, and forget every other version's."""
    changed = {"version": version, "updated_at": now}
    connection.execute(CREDENTIAL.update().where(CREDENTIAL.c.id == credential.id).values(changed))
    connection.execute(
        FIELD.delete().where(FIELD.c.credential_id == credential.id, FIELD.c.version != version)
    )


def note_use(connection: Connection, credential: Credential, purpose: str, now: float) -> None:
    """Remember when it was last opened, and what for."""
    used = {"last_used_at": now, "last_used_for": purpose}
    connection.execute(CREDENTIAL.update().where(CREDENTIAL.c.id == credential.id).values(used))


def add_fields(connection: Connection, credential_id: int, version: int, sealed: Mapping[str, bytes]) -> None:
    """Keep the sealed fields of one version."""
    rows = [
        {"credential_id": credential_id, "version": version, "name": name, "sealed": value}
        for name, value in sealed.items()
    ]
    connection.execute(FIELD.insert(), rows)


def fields(connection: Connection, credential: Credential) -> dict[str, bytes]:
    """The sealed fields of the credential's current version."""
    query = FIELD.select().with_only_columns(FIELD.c.name, FIELD.c.sealed)
    query = query.where(FIELD.c.credential_id == credential.id, FIELD.c.version == credential.version)
    # SQLite keeps text in a column of bytes if it is told to; such a row is as damaged as an empty one.
    return {name: sealed if isinstance(sealed, bytes) else b"" for name, sealed in connection.execute(query)}


def remove(connection: Connection, credential: Credential) -> None:
    """Delete it with its fields; the database refuses while a stack is bound to it."""
    connection.execute(FIELD.delete().where(FIELD.c.credential_id == credential.id))
    connection.execute(CREDENTIAL.delete().where(CREDENTIAL.c.id == credential.id))


def _credential(row: Row[tuple[object, ...]]) -> Credential:
    values = dict(row._mapping)
    if not all(_fits(name, value) for name, value in values.items()):
        raise DamagedRow("credential")
    return Credential(**{**values, "state": State(values["state"])})


def _fits(name: str, value: object) -> bool:
    """Whether a column of `credential` holds what tic puts there; SQLite keeps anything anywhere."""
    if value is None:
        return name in ("last_used_at", "last_used_for")
    if name in ("id", "version"):
        return isinstance(value, int)
    if name.endswith("_at"):
        return isinstance(value, int | float) and 0 <= value < LATEST
    return isinstance(value, str) and (name != "state" or value in _STATES)
