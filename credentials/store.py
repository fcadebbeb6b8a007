"""Finds and changes the credentials' rows, inside the caller's transaction; holds no rule, opens no seal."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Row, bindparam

from credentials.credential import Credential, Lease, State, Use
from credentials.names import TOKEN_PREFIX
from credentials.refusals import DamagedRow
from credentials.tables import CREDENTIAL, FIELD, LATEST, LEASE

_STATES: Final = {state.value: state for state in State}

# Which types a row may have: a time is a whole number where somebody stored one, and a use may be missing.
_SHAPES: Final = frozenset(
    (int, str, str, str, str, int, made, changed, used, purpose, str)
    for made in (float, int)
    for changed in (float, int)
    for used, purpose in ((float, str), (int, str), (type(None), type(None)))
)

# What each opening of a credential does is put together once: that takes longer than doing it.
_BY_TOKEN = CREDENTIAL.select().where(CREDENTIAL.c.token == bindparam("reference"))
_BY_NAME = CREDENTIAL.select().where(CREDENTIAL.c.name == bindparam("reference"))
_USED = (
    CREDENTIAL.update()
    .where(CREDENTIAL.c.id == bindparam("credential_id"))
    .values(last_used_at=bindparam("at"), last_used_for=bindparam("purpose"))
)
_FIELDS = (
    FIELD.select()
    .with_only_columns(FIELD.c.name, FIELD.c.sealed)
    .where(FIELD.c.credential_id == bindparam("owner"), FIELD.c.version == bindparam("of"))
)


def everything(connection: Connection) -> list[Credential]:
    """All credentials, by kind, the Active one first, then by name."""
    order = (CREDENTIAL.c.kind, CREDENTIAL.c.state, CREDENTIAL.c.name)
    return [_credential(row) for row in connection.execute(CREDENTIAL.select().order_by(*order))]


def find(connection: Connection, reference: str) -> Credential | None:
    """The credential of this token or name."""
    if not reference.isprintable():
        return None  # nothing like this was ever stored, and a driver may refuse half a surrogate pair
    query = _BY_TOKEN if reference.startswith(TOKEN_PREFIX) else _BY_NAME
    return _one_or_none(connection.execute(query, {"reference": reference}))


def names(connection: Connection) -> list[str]:
    """The names of all credentials."""
    return list(connection.execute(CREDENTIAL.select().with_only_columns(CREDENTIAL.c.name)).scalars())


def active(connection: Connection, kind: str) -> Credential | None:
    """The Active credential of a kind."""
    query = CREDENTIAL.select().where(CREDENTIAL.c.kind == kind, CREDENTIAL.c.state == State.ACTIVE.value)
    return _one_or_none(connection.execute(query))


def ready(connection: Connection, kind: str) -> list[str]:
    """The names of the Ready credentials of a kind."""
    query = CREDENTIAL.select().with_only_columns(CREDENTIAL.c.name)
    query = query.where(CREDENTIAL.c.kind == kind, CREDENTIAL.c.state == State.READY.value)
    return list(connection.execute(query.order_by(CREDENTIAL.c.name)).scalars())


def of_kind(connection: Connection, kind: str) -> list[Credential]:
    """The credentials of a kind, by name."""
    query = CREDENTIAL.select().where(CREDENTIAL.c.kind == kind).order_by(CREDENTIAL.c.name)
    return [_credential(row) for row in connection.execute(query)]


def add(connection: Connection, name: str, kind: str, state: State, now: float, *, scope: str) -> Credential:
    """A new credential in its first version, without fields yet; its token is random."""
    values = {
        "token": TOKEN_PREFIX + base64.b32encode(secrets.token_bytes(10)).decode().lower(),
        "name": name,
        "kind": kind,
        "state": state.value,
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "scope": scope,
    }
    connection.execute(CREDENTIAL.insert().values(values))
    return _credential(connection.execute(CREDENTIAL.select().where(CREDENTIAL.c.name == name)).one())


def set_state(connection: Connection, credential: Credential, state: State) -> None:
    """Make it Active or Ready; the database refuses a second Active one of its kind."""
    connection.execute(CREDENTIAL.update().where(CREDENTIAL.c.id == credential.id).values(state=state.value))


def set_scope(connection: Connection, credential: Credential, scope: str) -> Credential:
    """Let it be used there and nowhere else; its fields must be sealed anew."""
    connection.execute(CREDENTIAL.update().where(CREDENTIAL.c.id == credential.id).values(scope=scope))
    return _credential(connection.execute(CREDENTIAL.select().where(CREDENTIAL.c.id == credential.id)).one())


def set_version(connection: Connection, credential: Credential, version: int, now: float) -> None:
    """Let the fields of `version` be the credential's from now on; earlier ones stay where they are."""
    changed = {"version": version, "updated_at": now}
    connection.execute(CREDENTIAL.update().where(CREDENTIAL.c.id == credential.id).values(changed))


def forget_version(connection: Connection, credential_id: int, version: int) -> None:
    """Delete what is sealed for one version."""
    connection.execute(
        FIELD.delete().where(FIELD.c.credential_id == credential_id, FIELD.c.version == version)
    )


def kept_versions(connection: Connection, credential_id: int) -> list[int]:
    """The versions of a credential that are sealed in the vault."""
    query = FIELD.select().with_only_columns(FIELD.c.version).where(FIELD.c.credential_id == credential_id)
    return sorted(connection.execute(query.distinct()).scalars())


def earlier_versions(connection: Connection, credential_id: int | None = None) -> set[tuple[int, int]]:
    """What is sealed of versions that are not the present one: pairs of credential id and version."""
    query = (
        FIELD.join(CREDENTIAL, CREDENTIAL.c.id == FIELD.c.credential_id)
        .select()
        .with_only_columns(FIELD.c.credential_id, FIELD.c.version)
        .where(FIELD.c.version != CREDENTIAL.c.version)
        .distinct()
    )
    if credential_id is not None:
        query = query.where(FIELD.c.credential_id == credential_id)
    return {(owner, version) for owner, version in connection.execute(query)}


def add_lease(connection: Connection, credential: Credential, use: Use, now: float) -> None:
    """Note that somebody works with the credential's present version, unless it is noted already."""
    noted = LEASE.select().where(
        LEASE.c.credential_id == credential.id,
        LEASE.c.version == credential.version,
        LEASE.c.holder == use.holder,
    )
    if connection.execute(noted).first() is not None:
        return
    connection.execute(
        LEASE.insert().values(
            credential_id=credential.id,
            version=credential.version,
            holder=use.holder,
            purpose=use.purpose,
            host=use.host,
            pid=use.pid,
            process_started=use.process_started,
            since=now,
        )
    )


def leases(connection: Connection, credential_id: int | None = None) -> list[Lease]:
    """Who works with which version, of one credential or of all."""
    query = LEASE.select().order_by(LEASE.c.id)
    if credential_id is not None:
        query = query.where(LEASE.c.credential_id == credential_id)
    return [
        Lease(
            row.credential_id,
            row.version,
            Use(row.holder, row.purpose, row.host, row.pid, row.process_started),
            row.since,
        )
        for row in connection.execute(query)
    ]


def end_leases(connection: Connection, holder: str) -> None:
    """Forget what one holder worked with."""
    connection.execute(LEASE.delete().where(LEASE.c.holder == holder))


def note_use(connection: Connection, credential: Credential, purpose: str, now: float) -> None:
    """Remember when it was last opened, and what for."""
    connection.execute(_USED, {"credential_id": credential.id, "at": now, "purpose": purpose})


def add_fields(connection: Connection, credential_id: int, version: int, sealed: Mapping[str, bytes]) -> None:
    """Keep the sealed fields of one version."""
    rows = [
        {"credential_id": credential_id, "version": version, "name": name, "sealed": value}
        for name, value in sealed.items()
    ]
    connection.execute(FIELD.insert(), rows)


def replace_fields(
    connection: Connection, credential_id: int, version: int, sealed: Mapping[str, bytes]
) -> None:
    """Keep the fields of one version, sealed anew."""
    connection.execute(
        FIELD.delete().where(FIELD.c.credential_id == credential_id, FIELD.c.version == version)
    )
    add_fields(connection, credential_id, version, sealed)


def fields(connection: Connection, credential: Credential) -> dict[str, bytes]:
    """The sealed fields of the credential's version."""
    found = connection.execute(_FIELDS, {"owner": credential.id, "of": credential.version})
    # SQLite keeps text in a column of bytes if it is told to, and bytes in one of text; such a row is damaged
    # as one with an empty value is, or with a name that no field has.
    return {str(name): sealed if isinstance(sealed, bytes) else b"" for name, sealed in found}


def remove(connection: Connection, credential: Credential) -> None:
    """Delete it with its fields; the database refuses while a stack is bound to it."""
    connection.execute(LEASE.delete().where(LEASE.c.credential_id == credential.id))
    connection.execute(FIELD.delete().where(FIELD.c.credential_id == credential.id))
    connection.execute(CREDENTIAL.delete().where(CREDENTIAL.c.id == credential.id))


def _one_or_none(found: CursorResult[tuple[object, ...]]) -> Credential | None:
    rows = found.all()
    if len(rows) > 1:
        raise DamagedRow("credential")  # an index that allows one was damaged as well
    return _credential(rows[0]) if rows else None


def _credential(row: Row[tuple[object, ...]]) -> Credential:
    """The value of a row; raises DamagedRow for what tic did not put there: SQLite keeps anything."""
    values: Any = tuple(row)  # in the order of the table's columns, and of Credential's own fields
    if tuple(map(type, values)) not in _SHAPES:
        raise DamagedRow("credential")
    number, token, name, kind, state, version, created_at, updated_at, used_at, used_for, scope = values
    times = (created_at, updated_at, used_at or 0)
    if state not in _STATES or min(times) < 0 or not max(times) < LATEST:
        raise DamagedRow("credential")
    return Credential(
        number,
        token,
        name,
        kind,
        _STATES[state],
        version,
        created_at,
        updated_at,
        used_at,
        used_for,
        scope,
    )
