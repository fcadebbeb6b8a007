"""Finds and changes the linked roles, inside the caller's transaction; holds no rule."""

import json
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from credentials.credential import RoleState
from credentials.refusals import DamagedRow
from credentials.roles.role import SOURCE_KINDS, Role, Source
from credentials.tables import CREDENTIAL, LATEST, ROLE

_STATES: Final = {state.value: state for state in RoleState if state is not RoleState.DISABLED}


@dataclass(frozen=True, slots=True)
class LinkedRole:
    """A role as it is linked.

    `account` and `principal` are what it was taken on as, `problem` is what kept it from being taken on when
    that was last tried. Times are seconds since the epoch (UTC).
    """

    role: Role
    state: RoleState
    account: str
    principal: str
    problem: str | None
    created_at: float
    checked_at: float | None


def state(connection: Connection, provider: str) -> RoleState:
    """The state of the provider's linked role; DISABLED where there is none."""
    query = ROLE.select().with_only_columns(ROLE.c.state).where(ROLE.c.provider == provider)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        return RoleState.DISABLED
    if found not in _STATES:
        raise DamagedRow("linked_role")
    return _STATES[found]


def states(connection: Connection) -> dict[str, RoleState]:
    """The states of the linked roles by provider; a provider without one is not there."""
    return {linked.role.provider: linked.state for linked in everything(connection)}


def everything(connection: Connection) -> list[LinkedRole]:
    """All linked roles, by provider."""
    return [_linked(row) for row in connection.execute(_QUERY.order_by(ROLE.c.provider))]


def find(connection: Connection, provider: str) -> LinkedRole | None:
    """The provider's linked role; None where there is none."""
    row = connection.execute(_QUERY.where(ROLE.c.provider == provider)).one_or_none()
    return None if row is None else _linked(row)


def put(connection: Connection, role: Role, state: RoleState, source_id: int | None, now: float) -> None:
    """Link a role that was not tried yet, instead of the one that was linked, if any."""
    values = {
        "state": state.value,
        "role": role.role,
        "external_id": role.external_id,
        "session_seconds": role.session_seconds,
        "source": role.source.kind,
        "source_credential_id": source_id,
        "token_file": role.source.token_file,
        "settings": json.dumps(dict(role.settings), sort_keys=True),
        "account": "",
        "principal": "",
        "problem": None,
        "created_at": now,
        "checked_at": None,
    }
    changed = connection.execute(ROLE.update().where(ROLE.c.provider == role.provider).values(values))
    if changed.rowcount == 0:
        connection.execute(ROLE.insert().values(provider=role.provider, **values))


def mark(connection: Connection, provider: str, **values: object) -> None:
    """Give some columns of a linked role new values."""
    connection.execute(ROLE.update().where(ROLE.c.provider == provider).values(**values))


def remove(connection: Connection, provider: str) -> None:
    """Take the provider's role away; the database refuses while a binding points to it."""
    connection.execute(ROLE.delete().where(ROLE.c.provider == provider))


def taken_on_with(connection: Connection, credential_id: int) -> list[str]:
    """The providers whose role is taken on with this credential."""
    query = ROLE.select().with_only_columns(ROLE.c.provider).order_by(ROLE.c.provider)
    return list(connection.execute(query.where(ROLE.c.source_credential_id == credential_id)).scalars())


_QUERY = (
    ROLE.outerjoin(CREDENTIAL, CREDENTIAL.c.id == ROLE.c.source_credential_id)
    .select()
    .with_only_columns(*ROLE.c, CREDENTIAL.c.token.label("source_token"))
)


def _linked(row: Any) -> LinkedRole:
    """The value of a row; raises DamagedRow for what tic did not put there: SQLite keeps anything."""
    texts = (row.provider, row.role, row.source, row.settings, row.account, row.principal)
    maybe = (row.external_id, row.token_file, row.problem, row.source_token)
    try:
        settings = json.loads(row.settings)
    except (TypeError, ValueError):
        settings = None
    if not (
        row.state in _STATES
        and row.source in SOURCE_KINDS
        and all(isinstance(one, str) for one in texts)
        and all(one is None or isinstance(one, str) for one in maybe)
        and isinstance(row.session_seconds, int)
        and isinstance(settings, dict)
        and all(isinstance(one, str) for one in settings.values())
        and _is_time(row.created_at)
        and (row.checked_at is None or _is_time(row.checked_at))
    ):
        raise DamagedRow("linked_role")
    source = Source(row.source, row.source_token, row.token_file)
    role = Role(row.provider, row.role, row.external_id, row.session_seconds, source, settings)
    return LinkedRole(
        role,
        _STATES[row.state],
        row.account,
        row.principal,
        row.problem,
        row.created_at,
        row.checked_at,
    )


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < LATEST
