"""From the vault key to what seals: the data keys and the audit key, wrapped in the vault's row."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from credentials import vault_store
from credentials.keys import KEY_BYTES, KeyUnusable, unlock
from credentials.keys.established import wanted_id
from credentials.refusals import DamagedRow
from credentials.sealing import BrokenSeal, Sealer
from credentials.secret import SecretBytes
from credentials.vault_store import VaultRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection

_DATA_KEY: Final = ("data-key", "guarded")
# How older vaults wrapped it. Only under this owner may the seals over the tables be missing: whoever empties
# them in a newer vault can't make its wrapped key look old.
_DATA_KEY_BEFORE_GUARDS: Final = ("data-key",)
_AUDIT_KEY: Final = ("audit-key",)


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens a vault: `wrapping` is the vault key, `sealer` has the data keys, `wrapped` is its row's.

    `data` is the data key in use, `retired` are those before it, by generation. `audit` is None in a vault of
    an older tic, whose tables were never sealed.
    """

    wrapping: SecretBytes
    sealer: Sealer
    data: SecretBytes
    retired: Mapping[int, SecretBytes]
    audit: SecretBytes | None
    wrapped: bytes

    def are_those_of(self, record: VaultRecord) -> bool:
        """Whether the vault has been under these keys all along."""
        return self.wrapped == record.wrapped_key


def unlocked(record: VaultRecord, retired: Mapping[int, bytes], folder: Path) -> Keys:
    """The keys of this vault, whose own files are in `folder`; raises KeyUnusable."""
    wrapping = unlock(record.key_source, key_parameters(record), folder, record.vault_id)
    try:
        return unwrapped(record, retired, wrapping)
    except BrokenSeal:
        if wanted_id(key_parameters(record)) is not None:  # then `unlock` has found the key that is noted
            raise KeyUnusable(
                "the vault's own row was changed by something else than tic: its key is there, and does not "
                "open all of it",
                hint="put a backup back: tic vault restore FILE --force",
            ) from None
        raise KeyUnusable(
            "the vault key is not the one that this vault was made with, or the vault's own row was changed",
            hint=f"put the right key back from your backup: cp BACKUP {folder / 'vault.key'}"
            if record.key_source == "file"
            else "see where its key comes from: tic vault status; or put a backup back: "
            "tic vault restore FILE",
        ) from None


def unwrapped(record: VaultRecord, retired: Mapping[int, bytes], wrapping: SecretBytes) -> Keys:
    """The keys of this vault under this vault key; raises BrokenSeal."""
    data, is_guarded = _data_key(Sealer(wrapping, record.vault_id), record.wrapped_key)
    owner_only = Sealer(data, record.vault_id, generation=record.generation)
    before = {
        generation: SecretBytes(owner_only.open(("retired", str(generation)), sealed))
        for generation, sealed in retired.items()
    }
    sealer = Sealer(data, record.vault_id, generation=record.generation, retired=before)
    audit = SecretBytes(sealer.open(_AUDIT_KEY, record.audit_key or b"")) if is_guarded else None
    return Keys(wrapping, sealer, data, before, audit, record.wrapped_key)


def rewrapped(
    connection: "Connection",
    record: VaultRecord,
    *,
    wrapping: SecretBytes,
    data: SecretBytes,
    generation: int,
    retired: Mapping[int, SecretBytes],
    audit: SecretBytes,
    source: str,
    parameters: Mapping[str, str | int],
) -> Keys:
    """Write the vault's keys under this vault key, and return them; the caller seals what they seal."""
    sealer = Sealer(data, record.vault_id, generation=generation, retired=retired)
    wrapped = Sealer(wrapping, record.vault_id).seal(_DATA_KEY, data.reveal())
    vault_store.replace_data_keys(
        connection, {each: sealer.seal(("retired", str(each)), key.reveal()) for each, key in retired.items()}
    )
    vault_store.change(
        connection,
        wrapped_key=wrapped,
        generation=generation,
        audit_key=sealer.seal(_AUDIT_KEY, audit.reveal()),
        key_source=source,
        key_params=json.dumps(dict(parameters), sort_keys=True),
    )
    return Keys(wrapping, sealer, data, retired, audit, wrapped)


def guarded(connection: "Connection", record: VaultRecord, keys: Keys) -> Keys:
    """The keys of a vault of an older tic, with an audit key, and wrapped so that no seal may be missing."""
    return rewrapped(
        connection,
        record,
        wrapping=keys.wrapping,
        data=keys.data,
        generation=record.generation,
        retired={},
        audit=new_key(),
        source=record.key_source,
        parameters=key_parameters(record),
    )


def new_key() -> SecretBytes:
    """A random key."""
    return SecretBytes(secrets.token_bytes(KEY_BYTES))


def _data_key(wrapper: Sealer, wrapped: bytes) -> tuple[SecretBytes, bool]:
    try:
        return SecretBytes(wrapper.open(_DATA_KEY, wrapped)), True
    except BrokenSeal:
        return SecretBytes(wrapper.open(_DATA_KEY_BEFORE_GUARDS, wrapped)), False


def key_parameters(record: VaultRecord) -> dict[str, str | int]:
    """What the row notes of the vault key, for its source; raises DamagedRow."""
    try:
        parameters = json.loads(record.key_params or "{}")
    except ValueError:
        parameters = None
    if not isinstance(parameters, dict):
        raise DamagedRow("vault")
    return parameters
