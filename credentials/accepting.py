"""Takes the vault's tables as they are now for right, because its owner says so.

An older copy was put back on purpose, say, or a row was changed by hand. The audit log says that it was done,
and what did not fit before.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credentials.anchor import AnchorUnusable, Position
from credentials.audit import Event
from credentials.ledger import Change, Ledger
from credentials.refusals import ChangedBehindTheVault

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.unlocking import Keys
    from credentials.vault_store import VaultRecord


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was taken for right.

    `seen` is what this machine had seen of the vault, None where that can't be told; `found` is where the
    tables were, None where they were changed; `now` is where the vault goes on.
    """

    seen: Position | None
    found: Position | None
    now: Position


def accept(ledger: Ledger) -> Accepted:
    """Seal the tables as they are, and let this machine have seen them.

    Raises NoVault, KeyUnusable, and AnchorUnusable where this machine can't note what it has seen.
    """
    ledger.anchor.check_place()
    if ledger.unlock().audit is None:
        ledger.tell(Event("vault.accept", "done"))  # seals the tables of an older tic's vault
    with ledger.writing() as connection:
        record = ledger.record(connection)
        keys = ledger.keys(connection, record)
        seen, found = _seen(ledger, keys), _found(connection, ledger, record, keys)
        counter = max(each.counter if each is not None else 0 for each in (seen, found)) + 1
        detail = {"seen": _in_words(seen), "found": _in_words(found), "to": str(counter)}
        event = Event("vault.accept", "done", detail=detail)
        ledger.seal_everything(Change(connection, record.vault_id, keys, event), counter)
        now = ledger.position(connection, ledger.record(connection), keys)
    ledger.anchor.move(keys.sealer, now, back=True)
    if ledger.anchor.seen(keys.sealer) is None:
        raise AnchorUnusable(
            f"the vault is sealed as it is, but {ledger.anchor.path} can't be written",
            hint=f"make {ledger.anchor.path.parent} yours to write, then: tic vault accept",
        )
    return Accepted(seen, found, now)


def _seen(ledger: Ledger, keys: "Keys") -> Position | None:
    try:
        return ledger.anchor.seen(keys.sealer)
    except AnchorUnusable:
        return None


def _found(connection: "Connection", ledger: Ledger, record: "VaultRecord", keys: "Keys") -> Position | None:
    try:
        if not ledger.is_guarded(connection, record, keys):
            return None
        return ledger.position(connection, record, keys)
    except ChangedBehindTheVault:
        return None


def _in_words(position: Position | None) -> str:
    return "unknown" if position is None else f"change {position.counter}, entry {position.audited}"
