"""Keys that accounts at CAs are to get, sealed, noted before the CA is asked (RFC 8555 7.3.5).

Each is kept with the one before it, bound to its stack as the secrets of its state are. The last note of an
account stays: it tells which key holds when a run was killed before the state was written, or when an older
state was brought back.
"""

import time
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import Connection, delete, insert, select

from engine.state.sealing import context
from engine.state.tables import ACME_ACCOUNT_KEY
from stacks.account_notes import KeyNote

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from engine.state.sealing import Sealing


def note(connection: Connection, sealing: "Sealing", stack_id: int, one: KeyNote) -> None:
    """Keep it in place of an earlier one of the account."""
    forget(connection, stack_id, one.account_uri)
    keys = orjson.dumps([one.key_pem, one.before_pem])
    connection.execute(
        insert(ACME_ACCOUNT_KEY).values(
            stack_id=stack_id,
            uri=one.account_uri,
            epoch=one.epoch,
            sealed=sealing.seal(context(stack_id), keys),
            noted_at=time.time(),
        )
    )


def find(connection: Connection, sealing: "Sealing", stack_id: int, account_uri: str) -> KeyNote | None:
    """The note of an account, opened. Raises CredentialError where the vault can't open it."""
    row = connection.execute(select(ACME_ACCOUNT_KEY).where(_of(stack_id, account_uri))).one_or_none()
    if row is None:
        return None
    return KeyNote(account_uri, row.epoch, *orjson.loads(sealing.unseal(context(stack_id), row.sealed)))


def find_anywhere(connection: Connection, sealing: "Sealing", account_uri: str) -> KeyNote | None:
    """The newest note of an account, whichever stack has it: for who may open all of them."""
    query = select(ACME_ACCOUNT_KEY.c.stack_id).where(ACME_ACCOUNT_KEY.c.uri == account_uri)
    stack_id = connection.execute(query.order_by(ACME_ACCOUNT_KEY.c.noted_at.desc()).limit(1)).scalar()
    return None if stack_id is None else find(connection, sealing, stack_id, account_uri)


def forget(connection: Connection, stack_id: int, account_uri: str) -> None:
    """Drop the note of an account, if there is one."""
    connection.execute(delete(ACME_ACCOUNT_KEY).where(_of(stack_id, account_uri)))


def _of(stack_id: int, account_uri: str) -> "ColumnElement[bool]":
    return (ACME_ACCOUNT_KEY.c.stack_id == stack_id) & (ACME_ACCOUNT_KEY.c.uri == account_uri)
