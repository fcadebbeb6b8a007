"""The ledger in the database, for all stacks and processes: what is used, and which orders hold more.

Each function is a part of one transaction that writes (`Database.write`), in which nobody else writes: what
was possible when it was looked at is still possible when it is counted. An order's row lives from the claim
to its certificate; one that was claimed and never placed at the CA lives for an hour, one that was placed
until the CA gives it up.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    Connection,
    Float,
    Integer,
    String,
    column,
    delete,
    insert,
    select,
    table,
    update,
)

from engine.certificates.limits import ledger as pure
from engine.certificates.limits.ledger import Bucket, Changed, Held, Request, Slot
from engine.certificates.limits.limit import Limit, limits

UNPLACED_SECONDS = 3600.0
LONGEST_ORDER_SECONDS = 30 * 86_400.0
"""The CA's own word on how long an order lives is believed up to this."""
CLOCK_SECONDS = 300.0
"""How far the clocks of those who share the database may be apart."""
ORDER_SECONDS = 7 * 86_400.0

# The tables of `rows.py`, named for statements: importing SQLModel takes longer than most commands.
LIMIT = table(
    "acme_limit",
    column("id", Integer),
    column("directory", String),
    column("name", String),
    column("subject", String),
    column("full_at", Float),
    column("since", Float),
    column("held", Integer),
    column("not_before", Float),
)
ORDER = table(
    "acme_order",
    column("id", Integer),
    column("claim", String),
    column("stack", String),
    column("directory", String),
    column("account", String),
    column("names", String),
    column("renewal", Boolean),
    column("order_url", String),
    column("ends_at", Float),
)


def ledger(connection: Connection, now: float) -> dict[Slot, Bucket]:
    """All of it, as of `now`; for reading, so without the orders whose time is over.

    What a wrong clock put too far ahead counts as nothing: the next claim sweeps it.
    """
    found = {_slot(row): _bucket(row) for row in connection.execute(select(LIMIT))}
    for slot, limit in _slots_with_limits(list(found)):
        if found[slot].full_at > now + limit.period + CLOCK_SECONDS:
            found[slot] = replace(found[slot], full_at=0.0)
    for row in connection.execute(select(ORDER).where(ORDER.c.ends_at <= now)):
        found.update(pure.given_up(found, _request(row)))
    return {slot: bucket for slot, bucket in found.items() if not pure.is_spent(bucket, now)}


def claim(connection: Connection, stack: str, request: Request, now: float) -> str | Held:
    """Take what the order needs, and return its claim; or say what holds it back, and take nothing."""
    over = (ORDER.c.directory == request.directory) & (ORDER.c.ends_at <= now)
    _end(connection, over, now, issued=False)
    found = _of_request(connection, request)
    held = pure.earliest(found, request, now)
    if held is not None:
        return held
    _write(connection, pure.ordered(found, request, now), now)
    name = secrets.token_hex(16)
    values = {
        "claim": name,
        "stack": stack,
        "directory": request.directory,
        "account": request.account,
        "names": orjson.dumps(request.names).decode(),
        "renewal": request.renewal,
        "order_url": None,
        "ends_at": now + UNPLACED_SECONDS,
    }
    if any(pure.certificates(request)):
        connection.execute(insert(ORDER).values(**values))
    return name


def placed(connection: Connection, claimed: str, order_url: str, expires: float | None, now: float) -> None:
    """The CA made the order; it gives it up at `expires`.

    A CA may answer with an order that it has already, as one that a killed run left: that is one certificate.
    """
    has_it = select(ORDER.c.id).where(ORDER.c.order_url == order_url, ORDER.c.claim != claimed)
    if connection.execute(has_it).first() is not None:
        _end(connection, ORDER.c.claim == claimed, now, issued=False)
        return
    until = min(expires or now + ORDER_SECONDS, now + LONGEST_ORDER_SECONDS)
    values = {"order_url": order_url, "ends_at": max(until, now + UNPLACED_SECONDS)}
    connection.execute(update(ORDER).where(ORDER.c.claim == claimed).values(**values))


def refused(
    connection: Connection, claimed: str, request: Request, until: float | None, detail: str, now: float
) -> None:
    """The CA made no order; with `until` it asked to wait, and `detail` is what it said."""
    _end(connection, ORDER.c.claim == claimed, now, issued=False)
    if until is not None:
        found = _of_request(connection, request)
        _write(connection, pure.refused(found, request, until, detail), now)


def issued(connection: Connection, order_url: str, now: float) -> None:
    """The order's certificate is there; saying so again is harmless."""
    _end(connection, ORDER.c.order_url == order_url, now, issued=True)


def given_up(connection: Connection, order_url: str, now: float) -> None:
    """No certificate comes of the order any more; saying so again is harmless."""
    _end(connection, ORDER.c.order_url == order_url, now, issued=False)


def validated(
    connection: Connection, directory: str, account: str, identifier: str, now: float, *, valid: bool
) -> None:
    """The CA looked at a name, and found what proves it or not."""
    found = _of_request(connection, Request(directory, account, (identifier,)))
    if valid:
        _write(connection, pure.proven(found, directory, account, identifier), now)
    else:
        _write(connection, pure.failed(found, directory, account, identifier, now), now)


def claim_account(connection: Connection, directory: str, now: float) -> Held | None:
    """Take what a new account needs; or say what holds it back, and take nothing."""
    found = _read(connection, directory, {pure.ANYBODY})
    held = pure.earliest_account(found, directory, now)
    if held is None:
        _write(connection, pure.account_made(found, directory, now), now)
    return held


def asked_to_wait(connection: Connection, directory: str, endpoint: str, until: float, now: float) -> None:
    """An endpoint of the CA (its name in the directory, or a URL) wants no request before `until`."""
    found = _read(connection, directory, {pure.ANYBODY})
    _write(connection, pure.busy(found, directory, endpoint, until), now)


def waits(connection: Connection, directory: str, now: float) -> dict[str, float]:
    """Until when which endpoint of the CA wants no request."""
    of = (LIMIT.c.directory == directory) & (LIMIT.c.subject == pure.ANYBODY) & (LIMIT.c.not_before > now)
    return {row.name: row.not_before for row in connection.execute(select(LIMIT).where(of))}


def sweep(connection: Connection, directory: str, now: float) -> None:
    """Buckets of a CA that say nothing any more go; a look at all of them, so now and then is enough.

    What a clock that was wrong has put too far ahead is brought back to as far as it can be.
    """
    for limit in limits(directory):
        of = (LIMIT.c.directory == directory) & (LIMIT.c.name == limit.name)
        last = now + limit.period
        ahead = update(LIMIT).where(of & (LIMIT.c.full_at > last + CLOCK_SECONDS))
        connection.execute(ahead.values(full_at=last, since=now))
    last = now + LONGEST_ORDER_SECONDS
    too_long = (ORDER.c.directory == directory) & (ORDER.c.ends_at > last + CLOCK_SECONDS)
    connection.execute(update(ORDER).where(too_long).values(ends_at=last))
    spent = (LIMIT.c.full_at <= now) & (LIMIT.c.not_before <= now) & (LIMIT.c.held == 0)
    connection.execute(delete(LIMIT).where((LIMIT.c.directory == directory) & spent))


def _end(connection: Connection, which: Any, now: float, *, issued: bool) -> None:
    rows = connection.execute(select(ORDER).where(which)).all()
    for row in rows:
        request = _request(row)
        found = _of_request(connection, request)
        changed = pure.issued(found, request, now) if issued else pure.given_up(found, request)
        _write(connection, changed, now)
    if rows:
        connection.execute(delete(ORDER).where(ORDER.c.id.in_([row.id for row in rows])))


def _of_request(connection: Connection, request: Request) -> dict[Slot, Bucket]:
    everything = Request(request.directory, request.account, request.names)
    subjects = {slot.subject for _, slot in pure.slots(everything)}
    return _read(connection, request.directory, {*subjects, request.account, pure.ANYBODY})


def _read(connection: Connection, directory: str, subjects: Iterable[str]) -> dict[Slot, Bucket]:
    of = (LIMIT.c.directory == directory) & LIMIT.c.subject.in_(sorted(subjects))
    return {_slot(row): _bucket(row) for row in connection.execute(select(LIMIT).where(of))}


def _write(connection: Connection, changed: Changed, now: float) -> None:
    gone = [slot for slot, bucket in changed.items() if pure.is_spent(bucket, now)]
    for slot in gone:
        connection.execute(delete(LIMIT).where(_at(slot)))
    for slot, bucket in changed.items():
        if slot in gone:
            continue
        values = {
            "full_at": bucket.full_at,
            "since": bucket.since,
            "held": bucket.held,
            "not_before": bucket.not_before,
        }
        if not connection.execute(update(LIMIT).where(_at(slot)).values(**values)).rowcount:
            where = {"directory": slot.directory, "name": slot.limit, "subject": slot.subject}
            connection.execute(insert(LIMIT).values(**where, **values))


def _at(slot: Slot) -> Any:
    return (
        (LIMIT.c.directory == slot.directory)
        & (LIMIT.c.name == slot.limit)
        & (LIMIT.c.subject == slot.subject)
    )


def _slots_with_limits(found: Iterable[Slot]) -> Iterator[tuple[Slot, Limit]]:
    for slot in found:
        for limit in limits(slot.directory):
            if limit.name == slot.limit:
                yield slot, limit


def _slot(row: Any) -> Slot:
    return Slot(row.directory, row.name, row.subject)


def _bucket(row: Any) -> Bucket:
    return Bucket(row.full_at, row.since, row.held, row.not_before)


def _request(row: Any) -> Request:
    return Request(row.directory, row.account, tuple(orjson.loads(row.names)), renewal=bool(row.renewal))
