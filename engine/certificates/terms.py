"""The terms that CAs show, recorded; told once when an account is made, and once when they have changed."""

import time
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select, update

from engine.certificates import accounts
from engine.events import Notice
from engine.state.tables import ACME_TERMS

if TYPE_CHECKING:
    from stacks.account_notes import Terms


def seen(connection: Connection, terms: "Terms") -> Notice | None:
    """Record what a run has seen; returns what is to be told of it, None where it is no news.

    The caller writes the audit log where there is something to tell.
    """
    row = connection.execute(
        select(ACME_TERMS).where(ACME_TERMS.c.directory == terms.directory_url)
    ).one_or_none()
    values = {"terms": terms.terms, "seen_at": time.time()}
    if row is None:
        connection.execute(insert(ACME_TERMS).values(directory=terms.directory_url, **values))
    elif row.terms != terms.terms:
        connection.execute(update(ACME_TERMS).where(ACME_TERMS.c.id == row.id).values(**values))
    if terms.account_uri is not None:
        return Notice(
            f"the account {terms.account_uri} was made under the terms of the CA at "
            f"{terms.directory_url}: {terms.terms}"
        )
    if row is not None and row.terms == terms.terms:
        return None
    others = accounts.agreed(connection, terms.directory_url) - {terms.terms}
    if not others:
        return None
    return Notice(
        f"the CA at {terms.directory_url} has changed its terms: accounts agreed to "
        f"{', '.join(sorted(others))}, now they are {terms.terms}; next: read them, and see which accounts "
        "are meant: tic cert accounts",
        "warning",
    )
