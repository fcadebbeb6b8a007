"""Gives a vault another vault key, and on demand another data key with everything sealed anew.

One transaction holds all of it. A kill leaves either what was or what is to be: the next vault key is kept
beside the present one before the row that names it is committed, and the other one is let go afterwards.

What is sealed outside these tables (secrets in a stack's state and configuration) says which generation of
the data key sealed it. Retired data keys stay, sealed by the one in use, so all of that still opens.
"""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from credentials import keys, store
from credentials.audit import Event
from credentials.contents import open_fields, seal_fields
from credentials.ledger import Change, Ledger
from credentials.refusals import ChangedBehindTheVault, DamagedRow
from credentials.tables import FIELD
from credentials.unlocking import key_parameters, new_key, rewrapped

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.keys import Maker
    from credentials.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What was done: where the key came from and comes from, and the data key's generation.

    `resealed` counts the fields that were sealed anew; `former` is where the key file from before is kept, if
    there was one.
    """

    before: str
    after: str
    generation: int
    resealed: int
    former: Path | None


def rekey(
    ledger: Ledger, folder: Path, make: "Maker", *, data_key: bool = False, keep_former: bool = True
) -> Rekeyed:
    """Put the vault under the key that `make` makes (`keys.prepare(..., replacing=True)`).

    With `data_key` everything is sealed with a new data key as well. A key file from before is kept beside
    the new one, because older backups open with it alone, unless `keep_former` is false. Raises
    as `Ledger.change`, and DamagedCredential where a field does not open: nothing is changed then.
    """
    with ledger.change(Event("vault.rekey", "done")) as change:
        record = ledger.record(change.connection)
        # What a killed attempt left is settled first: one of its keys may be the one that the row names.
        keys.settle(record.key_source, key_parameters(record), folder, record.vault_id)
        made = make(folder, record.vault_id)
        before = change.keys
        if before.audit is None:
            raise ChangedBehindTheVault
        change.keys = rewrapped(
            change.connection,
            record,
            wrapping=made.key,
            data=new_key() if data_key else before.data,
            generation=record.generation + data_key,
            retired={**before.retired, record.generation: before.data} if data_key else before.retired,
            audit=before.audit,
            source=made.source,
            parameters=made.params,
        )
        resealed = _reseal(change, before.sealer) if data_key else 0
        change.about(
            detail={
                "key from": made.source,
                "before": record.key_source,
                "generation": str(change.keys.sealer.generation),
            }
        )
    former = tidy(ledger, folder, before=record.key_source, keep_former=keep_former)
    return Rekeyed(record.key_source, made.source, record.generation + data_key, resealed, former)


def tidy(ledger: Ledger, folder: Path, *, before: str | None = None, keep_former: bool = True) -> Path | None:
    """Let go the key that the vault is no longer under, and what a killed rekey left of another one.

    `before` is where the key came from until now. Returns where a key file that is let go is kept, unless
    `keep_former` is false. Raises NoVault, KeyUnusable.
    """
    with ledger.writing() as connection:
        record = ledger.record(connection)
        parameters = key_parameters(record)
        former = keys.settle(record.key_source, parameters, folder, record.vault_id, keep=keep_former)
        if before is not None and before != record.key_source:
            former = keys.forget(before, folder, record.vault_id, keep=keep_former)
        return former


def _reseal(change: Change, old: "Sealer") -> int:
    """Seal every field of every version with the new data key; returns how many."""
    credentials = {one.id: one for one in store.everything(change.connection)}
    count = 0
    for (credential_id, version), sealed in _versions(change.connection):
        if credential_id not in credentials:
            raise DamagedRow("credential_field")
        credential = credentials[credential_id].at(version)
        opened = open_fields(old, credential, sealed)
        fields = {name: value.reveal().decode() for name, value in opened.items()}
        anew = seal_fields(change.keys.sealer, credential, version, fields)
        store.replace_fields(change.connection, credential_id, version, anew)
        count += len(anew)
    return count


def _versions(connection: "Connection") -> list[tuple[tuple[int, int], dict[str, bytes]]]:
    """All versions of all credentials with their sealed fields."""
    rows = connection.execute(FIELD.select().order_by(FIELD.c.credential_id, FIELD.c.version)).all()
    if not all((type(row.version), type(row.name), type(row.sealed)) == (int, str, bytes) for row in rows):
        raise DamagedRow("credential_field")
    grouped = groupby(rows, key=lambda row: (row.credential_id, row.version))
    return [(version, {row.name: row.sealed for row in fields}) for version, fields in grouped]
