"""The audit log of one vault, for whoever reads it: finds entries, proves the whole, exports it signed.

`credentials.ledger` writes it. Reading needs no key; proving and exporting do.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from credentials import audit_store
from credentials.audit import NOTHING_YET, Entry, Head, Unreadable
from credentials.audit_chain import Problem, Verification, verify
from credentials.audit_export import export, public_key
from credentials.audit_store import Wanted
from credentials.errors import CredentialError
from credentials.ledger import sealed_head

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.anchor import Position
    from credentials.ledger import Ledger
    from credentials.ports import Transactions
    from credentials.unlocking import Keys
    from credentials.vault_store import VaultRecord


class LogTampered(CredentialError):
    """The audit log is not what tic has written; which entries, the command has said."""

    exit_code = 5

    def __init__(self, problems: int, *, consequence: str) -> None:
        found = "one problem was" if problems == 1 else f"{problems} problems were"
        super().__init__(
            f"the audit log was changed by something else than tic: {found} found; {consequence}",
            hint="see them: tic audit verify; keep a copy of the database to look into, then put a backup "
            "back: tic vault restore FILE",
        )


class NoLogYet(CredentialError):
    """A vault that an older tic has made has no audit log before its first change."""

    exit_code = 4

    def __init__(self) -> None:
        super().__init__(
            "this vault has no audit log yet: an older tic has made it, and nothing was done with it since",
            hint="it begins with the next use of a credential; see them: tic creds list",
        )


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds: the numbers of its first and last entry, and what verifies it."""

    first: int
    last: int
    public_key: bytes


class AuditLog:
    """Reads the log of one vault; each method is one snapshot."""

    def __init__(self, database: "Transactions", ledger: "Ledger") -> None:
        self._database = database
        self._ledger = ledger

    def newest(self, wanted: Wanted, limit: int) -> list[Entry | Unreadable]:
        """The newest `limit` entries that are wanted, oldest first; proves nothing, and needs no key."""
        with self._database.read() as connection:
            self._ledger.record(connection)
            return audit_store.newest(connection, wanted, limit)

    def public_key(self) -> bytes | None:
        """What verifies this log's exports; None while there is no log. Raises NoVault, KeyUnusable."""
        audit = self._ledger.unlock().audit
        return None if audit is None else public_key(audit.reveal())

    def verify(self) -> Verification:
        """Whether the log is what tic has written; raises NoVault, KeyUnusable."""
        seen = self._seen()
        with self._opened() as (connection, record, keys):
            return self._verified(connection, record, keys, seen)

    def is_end_known(self) -> bool:
        """Whether this machine has seen the log, so that an old copy of it would be told; raises as `verify`.

        An anchor that can't be read is a problem that `verify` finds.
        """
        if self._ledger.unlock().audit is None:
            return True
        return self._seen() is not None

    def export(self, write: Callable[[bytes], object], *, since: int | None, now: int) -> Exported:
        """Write the lines of an export, from the first entry of `since` on, or all of them.

        Times are in microseconds since the epoch (UTC). A log that does not verify is not signed: LogTampered
        comes before the first line.
        """
        seen = self._seen()
        with self._opened() as (connection, record, keys):
            found = self._verified(connection, record, keys, seen)
            if found.problems:
                raise LogTampered(len(found.problems) + found.further, consequence="nothing was exported")
            if keys.audit is None:
                raise NoLogYet
            key = keys.audit.reveal()
            after = NOTHING_YET if since is None else audit_store.before(connection, since)
            for line in export(_entries(connection, after), key, record.vault_id, after=after, made=now):
                write(line)
            return Exported(after.seq + 1, audit_store.head(connection).seq, public_key(key))

    @contextmanager
    def _opened(self) -> "Iterator[tuple[Connection, VaultRecord, Keys]]":
        self._ledger.unlock()  # a person may be asked for the key, so before the snapshot begins
        with self._database.read() as connection:
            record = self._ledger.record(connection)
            yield connection, record, self._ledger.keys(connection, record)

    def _seen(self) -> "Position | CredentialError | None":
        """What this machine has seen of the log, to be asked before a snapshot: others go on meanwhile."""
        try:
            return self._ledger.anchor.seen(self._ledger.unlock().sealer)
        except CredentialError as error:
            return error

    def _verified(
        self,
        connection: "Connection",
        record: "VaultRecord",
        keys: "Keys",
        seen: "Position | CredentialError | None",
    ) -> Verification:
        """The log against its chain, its key, the sealed end, and what this machine has seen of it."""
        key = None if keys.audit is None else keys.audit.reveal()
        broken: list[Problem] = []
        try:
            head = NOTHING_YET if key is None else sealed_head(record, keys)
        except CredentialError:
            head = None
            broken.append(Problem(0, "the vault's seal over the end of the log was changed"))
        found = verify(audit_store.entries(connection), key, record.vault_id, head)
        if isinstance(seen, CredentialError):
            broken.append(Problem(0, str(seen)))
        elif head is not None and seen is not None and seen.audited > head.seq:
            what = f"this machine has seen the log up to entry {seen.audited}: the database is an old copy"
            broken.append(Problem(head.seq + 1, what))
        return replace(found, problems=(*found.problems, *broken))


def _entries(connection: "Connection", after: Head) -> Iterator[Entry]:
    return (one for one in audit_store.entries(connection, after=after) if isinstance(one, Entry))
