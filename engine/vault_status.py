"""What a vault is and where: its key's source and age, how far it has come, and whether it opens."""

from dataclasses import dataclass
from pathlib import Path

from credentials import audit_store, vault_store
from credentials.audit import Entry
from credentials.audit_log import AuditLog
from credentials.audit_store import Wanted
from credentials.errors import CredentialError
from credentials.keys import place
from engine.installation import Installation

_KEY_CHANGES = ("vault.rekey", "vault.init")


@dataclass(frozen=True, slots=True)
class VaultState:
    """A vault and its key.

    Times are seconds since the epoch (UTC). `key_place` is in words, `key_path` is the key file's path if a
    file keeps the key, and `key_since` is when the vault came under it; `generation` counts data keys;
    `changes` and `audited` are how far the vault and its audit log have come, None where that is not known;
    `audit_public_key` (hex) verifies the log's exports.
    """

    vault_id: str
    created_at: float
    credentials: int
    schema: str
    key_source: str
    key_place: str
    key_path: Path | None
    key_since: float
    generation: int
    opens: bool
    changes: int | None
    audited: int | None
    audit_public_key: str | None
    problem: CredentialError | None


def look(installation: Installation) -> VaultState:
    """Raises NoVault; what is wrong with the key or the tables is in the answer."""
    home, vault = installation.home, installation.vault
    status = vault.status()
    problem, position = status.key_problem, None
    with installation.database.read() as connection:
        schema = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        changed = [audit_store.newest(connection, Wanted(action=one), 1) for one in _KEY_CHANGES]
        if problem is None:
            try:
                record = vault.ledger.record(connection)
                keys = vault.ledger.keys(connection, record)
                if keys.audit is not None:
                    position = vault.ledger.position(connection, record, keys)
            except CredentialError as error:
                problem = error
    public = AuditLog(installation.database, vault.ledger).public_key() if problem is None else None
    since = [entry.at / 1_000_000 for found in changed for entry in found if isinstance(entry, Entry)]
    return VaultState(
        vault_id=status.vault_id,
        created_at=status.created_at,
        credentials=status.credentials,
        schema=schema,
        key_source=status.key_source,
        key_place=place(status.key_source, home.root, status.vault_id),
        key_path=home.key_file if status.key_source == "file" else None,
        key_since=since[0] if since else status.created_at,
        generation=status.generation,
        opens=status.key_problem is None,
        changes=position.counter if position is not None else None,
        audited=position.audited if position is not None else None,
        audit_public_key=public.hex() if public is not None else None,
        problem=problem,
    )


def holds_vault(installation: Installation) -> bool:
    """Whether there is a vault here already."""
    if not installation.is_made:
        return False
    with installation.database.read() as connection:
        return vault_store.find(connection) is not None
