"""Certificates of all stacks: those that answer to a name, those of a stack, those that are due."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, select

from engine.certificates.kept import Kept, Standing, kept
from engine.errors import EngineError
from engine.state.tables import CERTIFICATE, STACK

if TYPE_CHECKING:
    from engine.state.stacks import Stack

NAMED_AT_ONCE = 5  # candidates that an error lists


class CertificateUnknown(EngineError):
    """No certificate answers to what was given."""

    exit_code = 4


class CertificateAmbiguous(CertificateUnknown):
    """More than one certificate answers to what was given."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """A certificate with its stack (`project/name`), and when it is due, renewed or tried again (aware)."""

    id: int
    stack_id: int
    stack: str
    kept: Kept
    standing: Standing
    due_at: datetime

    def status(self, now: datetime) -> str:
        """`expired`, `revoked`, `failing` (the last renewal or deployment failed), `waiting` (due, put off
        until it can be renewed), `due` or `valid`.
        """
        if now >= self.kept.held.not_after:
            return "expired"
        if self.standing.revoked_at is not None:
            return "revoked"
        if self.standing.failures:
            return "failing"
        if now >= self.due_at:
            return "due"
        return "valid" if self.standing.retry_at is None else "waiting"

    def ends(self, now: datetime) -> str:
        """What becomes of it while nothing takes its place: `is valid until 2026-05-01 10:00 UTC`, or that it
        is revoked, or has expired.
        """
        revoked, end = self.standing.revoked_at, self.kept.held.not_after
        if now >= end:
            return f"expired at {end:%Y-%m-%d %H:%M} UTC"
        return f"is valid until {end:%Y-%m-%d %H:%M} UTC" if revoked is None else revoked_since(revoked)

    @property
    def full_name(self) -> str:
        """`project/stack/name`, which names it among all."""
        return f"{self.stack}/{self.kept.name}"


def revoked_since(moment: datetime) -> str:
    """As a sentence says it."""
    return f"is revoked since {moment:%Y-%m-%d %H:%M} UTC"


def every(connection: Connection, stack: "Stack | None" = None) -> list[Listed]:
    """All certificates, or a stack's, by stack and name."""
    query = _QUERY.order_by(STACK.c.project, STACK.c.name, CERTIFICATE.c.name, CERTIFICATE.c.urn)
    if stack is not None:
        query = query.where(CERTIFICATE.c.stack_id == stack.id)
    return _read(connection, query)


def due(connection: Connection, now: datetime, most: int | None = None) -> list[Listed]:
    """Those that are due at `now`, the longest due first; an index finds them among however many."""
    query = _QUERY.where(CERTIFICATE.c.due_at <= now.timestamp()).order_by(CERTIFICATE.c.due_at)
    return _read(connection, query if most is None else query.limit(most))


def unheard(connection: Connection, now: datetime, *, after: int, most: int) -> list[Listed]:
    """At most `most` of those not due yet whose CAs want no later question than `now`, as far as the table's
    columns say: by id, from the one after `after`.
    """
    seconds, asked = now.timestamp(), CERTIFICATE.c.ask_again
    query = (
        _QUERY.where(CERTIFICATE.c.id > after, CERTIFICATE.c.due_at > seconds)
        .where(CERTIFICATE.c.not_after > seconds, asked.is_(None) | (asked <= seconds))
        .order_by(CERTIFICATE.c.id)
    )
    return _read(connection, query.limit(most))


def revoked(connection: Connection) -> list[Listed]:
    """Those that are revoked, and that nothing has taken the place of."""
    return _read(
        connection, _QUERY.where(CERTIFICATE.c.revoked_at.is_not(None)).order_by(CERTIFICATE.c.due_at)
    )


def again(connection: Connection, one: Listed) -> Listed | None:
    """The same certificate as it stands now; None where another has taken its place."""
    found = _read(connection, _QUERY.where(CERTIFICATE.c.id == one.id))
    return found[0] if found and found[0].kept.held.serial == one.kept.held.serial else None


def find(connection: Connection, reference: str) -> Listed:
    """The certificate that `reference` means: `NAME`, `STACK/NAME`, `PROJECT/STACK/NAME`, a URN or a serial
    number in hexadecimal. Raises CertificateUnknown, CertificateAmbiguous.
    """
    stack, _, name = reference.rpartition("/") if "://" not in reference else ("", "", reference)
    by = (
        (CERTIFICATE.c.urn == reference)
        | (CERTIFICATE.c.name == reference)
        | (CERTIFICATE.c.name == name)
        | (CERTIFICATE.c.serial == reference.replace(":", "").lower().lstrip("0"))
    )
    found = [each for each in _read(connection, _QUERY.where(by)) if _means(each, reference, stack, name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise CertificateUnknown(
            f"no stack has a certificate {reference[:200]!r}", hint="see which there are: tic cert list"
        )
    names = [each.full_name for each in found]
    if len(set(names)) < len(names):
        names = [each.kept.urn for each in found]
    told = ", ".join(names[:NAMED_AT_ONCE]) + (", ..." if len(names) > NAMED_AT_ONCE else "")
    raise CertificateAmbiguous(
        f"{len(names)} certificates are named {reference[:200]!r}: {told}",
        hint=f"name one in full, for example: {names[0]}",
    )


def view(one: Listed, now: datetime) -> dict[str, Any]:
    """As JSON tells it; times are RFC 3339, UTC."""
    held, standing = one.kept.held, one.standing
    window = standing.window or held.window
    return {
        "stack": one.stack,
        "name": one.kept.name,
        "urn": one.kept.urn,
        "domains": list(one.kept.names),
        "status": one.status(now),
        "serial": held.serial,
        "issuer": one.kept.issuer,
        "directory": one.kept.directory,
        "not_before": told(held.not_before),
        "not_after": told(held.not_after),
        "epoch": held.epoch,
        "renew_at": told(max(one.due_at, held.not_before)),
        "renewal_window": window and window.to_json(),
        "failures": standing.failures,
        "tried_at": told(standing.tried_at),
        "problem": standing.problem or None,
        "revoked_at": told(standing.revoked_at),
    }


_QUERY: Select[Any] = select(CERTIFICATE, STACK.c.project, STACK.c.name.label("stack_name")).join(
    STACK, STACK.c.id == CERTIFICATE.c.stack_id
)


def _read(connection: Connection, query: Select[Any]) -> list[Listed]:
    return [_listed(row) for row in connection.execute(query)]


def _listed(row: Any) -> Listed:
    return Listed(
        row.id,
        row.stack_id,
        f"{row.project}/{row.stack_name}",
        kept(row),
        Standing.read(row),
        datetime.fromtimestamp(row.due_at, UTC),
    )


def _means(one: Listed, reference: str, stack: str, name: str) -> bool:
    if reference in (one.kept.urn, one.kept.name) or not stack:
        return True
    return one.kept.name == name and stack in (one.stack, one.stack.partition("/")[2])


def told(moment: datetime | None) -> str | None:
    """As JSON tells a moment: RFC 3339, UTC, to the second."""
    return (
        None
        if moment is None
        else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
