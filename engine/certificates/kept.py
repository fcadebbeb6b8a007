"""Which certificates a stack has, as rows that follow its state whenever a version of it is written.

The table is what makes a listing, and the search for what is due, independent of how large states are. It
holds nothing that the state's plain outputs do not say: no key, no secret. What is known besides (a renewal
that failed, one that was asked for) stays with a certificate until a newer one takes its place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from engine.certificates.schedule import due_at
from engine.state.tables import CERTIFICATE
from stacks.provider.acme import epoch
from stacks.provider.acme.epoch import Held, Window

TYPE = epoch.CERTIFICATE

_STAND = update(CERTIFICATE).where(
    CERTIFICATE.c.id == bindparam("which"), CERTIFICATE.c.serial == bindparam("was")
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A certificate as a state holds it: `names` as it was ordered with, `directory` the CA's URL, and the
    roots (PEM) to trust for that where they are not the public ones; `account` the URL of the account.

    `directories` are the CAs that the next may come from, the wanted one first; empty: the same again.
    """

    urn: str
    name: str
    names: tuple[str, ...]
    directory: str
    ca_certificates: str | None
    issuer: str
    held: Held
    account: str | None = None
    directories: tuple[str, ...] = ()

    @classmethod
    def read(cls, resource: Mapping[str, Any]) -> Self | None:
        """From a resource of a deployment; None where it is no certificate, or none has come of it yet."""
        if resource.get("type") != TYPE or resource.get("delete"):
            return None
        inputs, outputs = resource.get("inputs") or {}, resource.get("outputs") or {}
        try:
            held = Held.read(outputs)
            names = [str(each) for each in inputs["domains"]]
            urn, directory, issuer = str(resource["urn"]), inputs["directoryUrl"], outputs["issuer"]
            roots, account = inputs.get("caCertificates"), inputs.get("accountUri")
            others = tuple(str(each) for each in inputs.get("directories") or ())
        except (KeyError, TypeError, ValueError):
            return None
        if not all(isinstance(each, str) for each in (directory, issuer, held.serial)):
            return None
        return cls(
            urn,
            urn.rpartition("::")[2],
            tuple(names),
            directory,
            roots if isinstance(roots, str) else None,
            issuer,
            held,
            account if isinstance(account, str) else None,
            others,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a certificate besides what the state says, until another takes its place.

    `window` and `ask_again` are what the CA has said since it was issued. `failures` counts the attempts in a
    row that failed, `problem` says why the last did; `wanted_epoch` is what was asked for before its time;
    where that is what there is, and something failed, what depends on the certificate is still to be done.
    """

    window: Window | None = None
    ask_again: datetime | None = None
    failures: int = 0
    tried_at: datetime | None = None
    retry_at: datetime | None = None
    problem: str = ""
    wanted_epoch: int | None = None
    revoked_at: datetime | None = None

    @classmethod
    def read(cls, row: Any) -> Self:
        """From a row of the table."""
        return cls(
            Window.read(orjson.loads(row.renewal_window)) if row.renewal_window else None,
            _moment(row.ask_again),
            row.failures,
            _moment(row.tried_at),
            _moment(row.retry_at),
            row.problem,
            row.wanted_epoch,
            _moment(row.revoked_at),
        )

    def values(self) -> dict[str, Any]:
        """As columns."""
        return {
            "renewal_window": orjson.dumps(self.window.to_json()).decode() if self.window else None,
            "ask_again": _seconds(self.ask_again),
            "failures": self.failures,
            "tried_at": _seconds(self.tried_at),
            "retry_at": _seconds(self.retry_at),
            "problem": self.problem,
            "wanted_epoch": self.wanted_epoch,
            "revoked_at": _seconds(self.revoked_at),
        }


def found(resources: Iterable[Any] | None) -> tuple[Kept, ...]:
    """The certificates among the resources of a deployment."""
    one_by_one = (Kept.read(each) for each in resources or () if isinstance(each, dict))
    return tuple(each for each in one_by_one if each is not None)


def follow(connection: Connection, stack_id: int, certificates: Iterable[Kept]) -> None:
    """Make the stack's rows those of `certificates`.

    One whose serial number is the same keeps what else is known, also under a new URN.
    """
    rows = connection.execute(select(CERTIFICATE).where(CERTIFICATE.c.stack_id == stack_id)).all()
    by_urn, by_serial = {row.urn: row for row in rows}, {row.serial: row for row in rows}
    here = {one.urn: one for one in certificates}
    if gone := [row.id for row in rows if row.urn not in here]:
        connection.execute(delete(CERTIFICATE).where(CERTIFICATE.c.id.in_(gone)))
    for urn, one in here.items():
        row = by_urn.get(urn)
        if row is not None and row.facts == _facts(one):
            continue
        known = by_serial.get(one.held.serial)
        values = _values(one, Standing() if known is None else Standing.read(known))
        if row is None:
            connection.execute(insert(CERTIFICATE).values(stack_id=stack_id, urn=urn, **values))
        else:
            connection.execute(update(CERTIFICATE).where(CERTIFICATE.c.id == row.id).values(**values))


def wanted(connection: Connection, stack_id: int) -> dict[str, int]:
    """The epochs that were asked for, by URN, where they are."""
    query = select(CERTIFICATE.c.urn, CERTIFICATE.c.wanted_epoch).where(
        CERTIFICATE.c.stack_id == stack_id, CERTIFICATE.c.wanted_epoch.is_not(None)
    )
    return {row.urn: row.wanted_epoch for row in connection.execute(query)}


def revoked(connection: Connection, stack_id: int) -> set[str]:
    """The URNs of those that were revoked from here, and that nothing has taken the place of yet."""
    query = select(CERTIFICATE.c.urn).where(
        CERTIFICATE.c.stack_id == stack_id, CERTIFICATE.c.revoked_at.is_not(None)
    )
    return set(connection.execute(query).scalars())


def stand(connection: Connection, certificate_id: int, one: Kept, standing: Standing) -> None:
    """Write what is known of a certificate besides what the state says; of one that another has taken the
    place of meanwhile, nothing is known any more.
    """
    stand_all(connection, [(certificate_id, one, standing)])


def stand_all(connection: Connection, known: Iterable[tuple[int, Kept, Standing]]) -> None:
    """The same of many (by id), in a statement: all that wait for one CA may be ten thousand."""
    rows = [
        {"which": number, "was": one.held.serial, **_values(one, standing)} for number, one, standing in known
    ]
    if rows:
        connection.execute(_STAND, rows)


def kept(row: Any) -> Kept:
    """The certificate of a row."""
    facts = orjson.loads(row.facts)
    return Kept(
        row.urn,
        row.name,
        tuple(facts["names"]),
        facts["directory"],
        facts["caCertificates"],
        facts["issuer"],
        Held.read(facts),
        facts.get("account"),
        tuple(facts.get("directories") or ()),
    )


def _facts(one: Kept) -> str:
    """What the state says of it, as JSON: of `Held`, under the names of a Certificate's outputs."""
    held = one.held
    facts = {
        "names": one.names,
        "directory": one.directory,
        "caCertificates": one.ca_certificates,
        "issuer": one.issuer,
        "account": one.account,
        "directories": one.directories,
        "serial": held.serial,
        "epoch": held.epoch,
        "notBefore": held.not_before.isoformat(),
        "notAfter": held.not_after.isoformat(),
        "renewalWindow": held.window.to_json() if held.window else None,
        "renewalInfoUrl": held.renewal_info_url,
        "renewalCheckAfter": held.ask_again.isoformat() if held.ask_again else None,
    }
    return orjson.dumps(facts).decode()


def _values(one: Kept, standing: Standing) -> dict[str, Any]:
    held = one.held
    moment = due_at(held, standing.window or held.window, standing.wanted_epoch, standing.retry_at)
    return {
        "name": one.name,
        "serial": held.serial,
        "not_after": held.not_after.timestamp(),
        "facts": _facts(one),
        "due_at": moment.timestamp(),
        **standing.values(),
    }


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
