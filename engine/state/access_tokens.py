"""Access tokens that are kept: a row for each, which holds the token's SHA-256 and what it may do.

A row opens the secrets of stacks, so the vault seals what is in it: one that tic has not written, or that
was changed, is worth nothing. A row that was put back after it was removed is noticed by the vault's digest,
which covers the table.
"""

import hmac
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import Connection, delete, insert, or_, select, update

from credentials.errors import CredentialError
from credentials.keys import KeyUnusable
from engine.state.reach import Reach
from engine.state.tables import ACCESS_TOKEN, UPDATE

if TYPE_CHECKING:
    from credentials.digest import Table
    from engine.state.sealing import Sealing

PREFIX: Final = "tic-access-"
"""How a token begins, so that a person, or what looks for leaked secrets, knows one."""
_CONTEXT: Final = "access-token"
_RANDOM_BYTES: Final = 32
_LENGTH: Final = len(PREFIX) + 43  # base64 of 256 bits, without padding


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What is known of a token; times in seconds since the epoch (UTC), `expires_at` None: never."""

    id: int
    name: str
    reach: Reach
    made_by: str
    created_at: float
    expires_at: float | None
    last_used_at: float | None

    def has_expired(self, now: float) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


def new_secret() -> str:
    """A token that nobody can guess."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def may_be_one(text: str) -> bool:
    """Whether it is worth a look into the database."""
    return len(text) == _LENGTH and text.startswith(PREFIX)


def add(
    connection: Connection,
    sealing: "Sealing",
    name: str,
    digest: bytes,
    reach: Reach,
    *,
    made_by: str,
    now: float,
    expires_at: float | None,
) -> AccessToken:
    """Keep a token by its SHA-256; the database refuses a name or a token that is there."""
    values = {
        "name": name,
        "hash": digest,
        "project": reach.project,
        "stack": reach.stack,
        "read_only": reach.read_only,
        "made_by": made_by,
        "created_at": now,
        "expires_at": expires_at,
    }
    sealed = sealing.seal(_CONTEXT, _content(values))
    statement = insert(ACCESS_TOKEN).values(**values, last_used_at=None, seal=sealed)
    token_id = connection.execute(statement.returning(ACCESS_TOKEN.c.id)).scalar_one()
    return AccessToken(token_id, name, reach, made_by, now, expires_at, None)


def list_all(connection: Connection) -> list[AccessToken]:
    """Every token, by name; expired ones too."""
    return [_value(row) for row in connection.execute(select(ACCESS_TOKEN).order_by(ACCESS_TOKEN.c.name))]


def named(connection: Connection, name: str) -> AccessToken | None:
    """The token of this name."""
    row = connection.execute(select(ACCESS_TOKEN).where(ACCESS_TOKEN.c.name == name)).one_or_none()
    return None if row is None else _value(row)


def shown(connection: Connection, sealing: "Sealing", digest: bytes) -> AccessToken | None:
    """The token with this SHA-256, if tic has written it; raises KeyUnusable."""
    row = connection.execute(select(ACCESS_TOKEN).where(ACCESS_TOKEN.c.hash == digest)).one_or_none()
    return None if row is None or not hmac.compare_digest(row.hash, digest) else _proven(row, sealing)


def of_update(connection: Connection, sealing: "Sealing", update_id: str, lease: bytes) -> AccessToken | None:
    """The token with which the update of this lease (a SHA-256) was started; raises KeyUnusable."""
    joined = ACCESS_TOKEN.join(UPDATE, UPDATE.c.access == ACCESS_TOKEN.c.id)
    query = select(*ACCESS_TOKEN.c, UPDATE.c.lease_hash).select_from(joined).where(UPDATE.c.id == update_id)
    row = connection.execute(query).one_or_none()
    return None if row is None or not hmac.compare_digest(row.lease_hash, lease) else _proven(row, sealing)


def remove(connection: Connection, token: AccessToken) -> None:
    """Forget a token: it opens nothing any more, and what was started with it has lost its lease."""
    connection.execute(update(UPDATE).where(UPDATE.c.access == token.id).values(access=None))
    connection.execute(delete(ACCESS_TOKEN).where(ACCESS_TOKEN.c.id == token.id))


def note_uses(connection: Connection, uses: Mapping[int, float]) -> None:
    """Note when tokens were last used, by id; an earlier moment than is known changes nothing."""
    known = ACCESS_TOKEN.c.last_used_at
    for token_id, moment in uses.items():
        later = or_(known.is_(None), known < moment)
        statement = update(ACCESS_TOKEN).where(ACCESS_TOKEN.c.id == token_id, later)
        connection.execute(statement.values(last_used_at=moment))


def guarded(connection: Connection) -> "Iterator[Table]":
    """The tokens as the vault's digest reads them; nothing where there are none, as before there were any."""
    columns = [column for column in ACCESS_TOKEN.c if column.name != "last_used_at"]
    rows = connection.execute(select(*columns).order_by(ACCESS_TOKEN.c.id)).all()
    if rows:
        yield "access_token", rows


def _proven(row: Any, sealing: "Sealing") -> AccessToken | None:
    try:
        written = sealing.unseal(_CONTEXT, row.seal) == _content(row._mapping)
    except KeyUnusable:
        raise
    except (CredentialError, TypeError):  # SQLite keeps any type in any column
        return None
    return _value(row) if written else None


def _content(values: Mapping[str, Any]) -> bytes:
    """What the seal is about: everything but the row's place and its last use."""
    return orjson.dumps(
        [
            values["name"],
            values["hash"].hex(),
            values["project"],
            values["stack"],
            bool(values["read_only"]),
            values["made_by"],
            values["created_at"],
            values["expires_at"],
        ]
    )


def _value(row: Any) -> AccessToken:
    return AccessToken(
        id=row.id,
        name=row.name,
        reach=Reach(row.project, row.stack, bool(row.read_only)),
        made_by=row.made_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
