"""Which versions of credentials stay sealed: the present one of each, and those that somebody works with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credentials import store

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.ports import Alive


@dataclass(frozen=True, slots=True)
class Unneeded:
    """Holders of leases that are gone, and (credential id, version) of what nobody works with."""

    holders: frozenset[str]
    versions: frozenset[tuple[int, int]]

    def __bool__(self) -> bool:
        return bool(self.holders or self.versions)


def unneeded(connection: "Connection", alive: "Alive | None", credential_id: int | None = None) -> Unneeded:
    """What need not be kept of one credential, or of all; `alive` None: whoever has a lease counts as alive.

    A lease on the present version keeps that one when it becomes an earlier one.
    """
    leases = store.leases(connection, credential_id)
    gone = frozenset(lease.use.holder for lease in leases if alive is not None and not alive(lease))
    worked_with = {(lease.credential_id, lease.version) for lease in leases if lease.use.holder not in gone}
    return Unneeded(gone, frozenset(store.earlier_versions(connection, credential_id) - worked_with))


def forget(connection: "Connection", what: Unneeded) -> None:
    """End those leases, and delete those versions."""
    for holder in what.holders:
        store.end_leases(connection, holder)
    for credential_id, version in what.versions:
        store.forget_version(connection, credential_id, version)
