"""Transactions on the vault's tables: checked before, told to the audit log, sealed after.

A change first proves that the tables are as the last one left them, then writes its audit entries in the same
transaction, and seals a digest of the tables with a counter that is one higher. What opens a credential only
adds to the audit log. Either way the anchor beside the key follows after the commit.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from credentials import vault_store
from credentials.anchor import Anchor, Position
from credentials.audit import NOTHING_YET, Event, Head
from credentials.digest import Guard, Table, digest_of
from credentials.keys import KeyUnusable
from credentials.refusals import ChangedBehindTheVault, ConflictingChange, NoVault
from credentials.sealing import BrokenSeal
from credentials.unlocking import Keys, guarded, unlocked
from credentials.vault_store import VaultRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.ports import Transactions, Usage

DIGEST: Final = ("digest",)
HEAD: Final = ("audit-head",)
_HEAD_FORM: Final = struct.Struct(">Q32s")
_REFUSED: Final = 3


@dataclass(slots=True)
class Change:
    """A transaction under way; `event` becomes its audit entry unless that is None, `further` ones follow.

    `keys` are the vault's; what rekeys it replaces them, and the end of the change seals with them.
    """

    connection: "Connection"
    vault_id: str
    keys: Keys
    event: Event | None
    further: list[Event] = field(default_factory=list)

    def about(self, **what: Any) -> None:
        """Say more of what this change is about, as `Event` names it."""
        if self.event is not None:
            self.event = replace(self.event, **what)

    def events(self) -> list[Event]:
        """What the audit log is told."""
        return [*([self.event] if self.event is not None else []), *self.further]


class Ledger:
    """The one way to write to the vault's tables; safe to use from several threads and processes."""

    def __init__(
        self,
        database: "Transactions",
        folder: Path,
        *,
        usage: "Usage",
        actor: str,
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._folder = folder
        self._usage = usage
        self._actor = actor
        self._now = now
        self._keys: Keys | None = None
        self.anchor = Anchor(folder)

    def change(self, event: Event | None, *, attempt: Event | None = None) -> AbstractContextManager[Change]:
        """A transaction that may change anything in the vault's tables.

        Raises NoVault, KeyUnusable, ChangedBehindTheVault, OldCopy, ConflictingChange. What a rule refuses is
        told to the audit log, in a transaction of its own: as `event`, or as `attempt` where that is None.
        """
        return self._transaction(event, attempt=attempt, changing=True)

    def use(self, event: Event) -> AbstractContextManager[Change]:
        """A transaction that opens something: it may note its use, and changes nothing that is guarded.

        The audit entry is committed when the block ends; nothing is handed out before. Raises as `change`.
        """
        return self._transaction(event, attempt=None, changing=False)

    @contextmanager
    def _transaction(self, event: Event | None, *, attempt: Event | None, changing: bool) -> Iterator[Change]:
        self.unlock()
        change: Change | None = None
        try:
            with self.writing() as connection:
                record, keys = self._opened(connection)
                guard = _guard(record, keys)
                if changing and guard.digest != self.digest(connection):
                    raise ChangedBehindTheVault
                head = self._head(connection, record, keys)
                self.anchor.check(keys.sealer, Position(guard.counter, head.seq))
                change = Change(connection, record.vault_id, keys, event)
                yield change
                head = self._append(change, head)
                if changing:
                    guard = self._seal(change, guard)
        except Exception as error:
            if change is not None and (attempted := change.event or attempt) is not None:
                self._tell_refusal(attempted, error)
            raise
        self.anchor.move(change.keys.sealer, Position(guard.counter, head.seq))

    def unlock(self) -> Keys:
        """The vault's keys; a person may be asked for them, so this comes before anything is locked.

        Raises NoVault, KeyUnusable.
        """
        known = self._keys
        if known is not None:
            return known
        with self._database.read() as connection:
            record = self.record(connection)
            try:
                return self.keys(connection, record)
            except KeyUnusable as error:
                problem = error
        # Another process may have changed the vault's key since the row was read: then it is read once more.
        with self._database.read() as connection:
            if self.record(connection) == record:
                raise problem
            return self.keys(connection, self.record(connection))

    def newest_keys(self) -> Keys:
        """The vault's keys as they are now, whatever this process knows; raises NoVault, KeyUnusable."""
        with self._database.read() as connection:
            return self.keys(connection, self.record(connection))

    def tell(self, event: Event) -> None:
        """Write one audit entry, in a transaction of its own."""
        with self.use(event):
            pass

    @contextmanager
    def writing(self) -> "Iterator[Connection]":
        """A write transaction; what the database itself refuses is ConflictingChange."""
        from sqlalchemy.exc import IntegrityError

        try:
            with self._database.write() as connection:
                yield connection
        except IntegrityError:
            # Its text holds the statement's parameters, so no part of it is shown or kept.
            raise ConflictingChange from None

    def record(self, connection: "Connection") -> VaultRecord:
        """The vault's row; raises NoVault, DamagedVault."""
        record = vault_store.find(connection)
        if record is None:
            raise NoVault
        return record

    def keys(self, connection: "Connection", record: VaultRecord) -> Keys:
        """The vault's keys, unwrapped when they are first needed and whenever they are others.

        Two threads that come first may both do it, with one result. Raises KeyUnusable.
        """
        known = self._keys
        if known is None or not known.are_those_of(record):
            known = self._keys = unlocked(record, vault_store.data_keys(connection), self._folder)
        return known

    def position(self, connection: "Connection", record: VaultRecord, keys: Keys) -> Position:
        """How far the vault has come, by its seals; raises ChangedBehindTheVault where they are broken."""
        return Position(_guard(record, keys).counter, self._head(connection, record, keys).seq)

    def digest(self, connection: "Connection") -> bytes:
        """The digest of the tables as they are now."""

        def tables() -> Iterator[Table]:
            yield from vault_store.guarded(connection)
            yield from self._usage.guarded(connection)

        return digest_of(tables())

    def is_guarded(self, connection: "Connection", record: VaultRecord, keys: Keys) -> bool:
        """Whether the tables are what the last change made them."""
        return _guard(record, keys).digest == self.digest(connection)

    def seal_everything(self, change: Change, counter: int) -> None:
        """Seal the tables and the log as they are now, whatever they were sealed as before."""
        from credentials import audit_store

        head = self._append(change, audit_store.head(change.connection))
        guard = Guard(counter, self.digest(change.connection))
        _put_head(change, head)
        _put_guard(change, guard)

    def _opened(self, connection: "Connection") -> tuple[VaultRecord, Keys]:
        """The vault's row and keys; a vault of an older tic is sealed here for the first time."""
        record = self.record(connection)
        keys = self.keys(connection, record)
        if keys.audit is not None:
            return record, keys
        change = Change(connection, record.vault_id, guarded(connection, record, keys), None)
        _put_head(change, NOTHING_YET)
        _put_guard(change, Guard(1, self.digest(connection)))
        record = self.record(connection)
        return record, self.keys(connection, record)

    def _append(self, change: Change, head: Head) -> Head:
        from credentials import audit_store

        if change.keys.audit is None:
            raise ChangedBehindTheVault
        for event in change.events():
            entry = audit_store.append(
                change.connection,
                change.keys.audit.reveal(),
                change.vault_id,
                event,
                actor=self._actor,
                at=int(self._now() * 1_000_000),
            )
            head = Head(entry.seq, entry.hash)
        if change.events():
            _put_head(change, head)
        return head

    def _seal(self, change: Change, guard: Guard) -> Guard:
        """Seal the tables as they are now, if they are others than before."""
        digest = self.digest(change.connection)
        if digest != guard.digest:
            guard = Guard(guard.counter + 1, digest)
            _put_guard(change, guard)
        return guard

    def _head(self, connection: "Connection", record: VaultRecord, keys: Keys) -> Head:
        """The end of the audit log, proven to be the one that was sealed."""
        from credentials import audit_store

        found = audit_store.head(connection)
        if sealed_head(record, keys) != found:
            raise ChangedBehindTheVault
        return found

    def _tell_refusal(self, attempt: Event, error: Exception) -> None:
        """Write that a rule refused it; what can't be told of a refusal is not told again."""
        if getattr(error, "exit_code", None) == _REFUSED and attempt.outcome != "refused":
            self.tell(replace(attempt, outcome="refused", detail={**attempt.detail, "why": str(error)}))

    @contextmanager
    def checking(self, attempt: Event) -> Iterator[None]:
        """Says beforehand whether a rule refuses something; the audit log is told if it does."""
        try:
            yield
        except Exception as error:
            self._tell_refusal(attempt, error)
            raise


def sealed_head(record: VaultRecord, keys: Keys) -> Head:
    """The end of the audit log as it was sealed; raises ChangedBehindTheVault."""
    try:
        seq, digest = _HEAD_FORM.unpack(keys.sealer.open(HEAD, record.audit_head or b""))
    except (BrokenSeal, struct.error):
        raise ChangedBehindTheVault from None
    return Head(seq, digest) if seq else NOTHING_YET


def _guard(record: VaultRecord, keys: Keys) -> Guard:
    """The digest and its counter as they were sealed; raises ChangedBehindTheVault."""
    try:
        return Guard.unpacked(keys.sealer.open(DIGEST, record.digest or b""))
    except (BrokenSeal, struct.error):
        raise ChangedBehindTheVault from None


def _put_head(change: Change, head: Head) -> None:
    content = _HEAD_FORM.pack(head.seq, head.hash.ljust(32, b"\0"))
    vault_store.set_audit_head(change.connection, change.keys.sealer.seal(HEAD, content))


def _put_guard(change: Change, guard: Guard) -> None:
    vault_store.change(change.connection, digest=change.keys.sealer.seal(DIGEST, guard.packed()))
