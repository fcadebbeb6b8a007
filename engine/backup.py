"""Makes a backup of everything that a database holds: vault, state and history, as they were at one moment.

It works while tic is in use, on SQLite and on PostgreSQL, and what one of them gave the other takes. It is
sealed with the vault key, which it does not hold; or with a passphrase, and then it holds that key, so that
the file and the passphrase alone bring everything back.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from credentials.audit import Event
from credentials.keys import Established, as_text, key_id
from credentials.refusals import ChangedBehindTheVault
from credentials.secret import SecretBytes
from credentials.unlocking import key_parameters
from engine import backup_file
from engine.backup_file import Header

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.ledger import Ledger
    from credentials.unlocking import Keys
    from engine.database import Database


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made; `size` in bytes."""

    path: Path
    header: Header
    size: int


def make(
    database: "Database",
    ledger: "Ledger",
    path: Path,
    *,
    passphrase: Established | None = None,
    replace: bool = False,
) -> Made:
    """Write a backup to `path`, sealed with the vault key or with `passphrase`; the audit log notes it first.

    Raises KeyUnusable, ChangedBehindTheVault (what is not whole is not backed up), BackupThere, NoBackup.
    """
    backup_file.check_place(path, replace=replace)
    sealed_by = "the vault key" if passphrase is None else "a passphrase"
    ledger.tell(Event("vault.backup", "done", detail={"file": str(path), "sealed with": sealed_by}))
    with database.read() as connection:
        record = ledger.record(connection)
        keys = ledger.keys(connection, record)
        if not ledger.is_guarded(connection, record, keys):
            raise ChangedBehindTheVault
        position = ledger.position(connection, record, keys)
        header = Header(
            vault=record.vault_id,
            schema=connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one(),
            made=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            counter=position.counter,
            audited=position.audited,
            key=record.key_source,
            key_params={**key_parameters(record), "id": key_id(keys.wrapping)},
            sealed_by="vault" if passphrase is None else "passphrase",
            sealed_with={} if passphrase is None else dict(passphrase.params),
        )
        sealing = keys.wrapping if passphrase is None else passphrase.key
        lines = _lines(connection, None if passphrase is None else keys)
        size = backup_file.write(path, header, sealing, lines, replace=replace)
    return Made(path, header, size)


def _lines(connection: "Connection", keys: "Keys | None") -> Iterator[bytes]:
    """The vault key, if it is to be in the file, or an empty line; then every row."""
    from engine.dump import dump

    yield (as_text(keys.wrapping).reveal() if keys is not None else b"") + b"\n"
    yield from dump(connection)


def lines_of(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a backup's contents, without their ends."""
    waiting = b""
    for part in parts:
        *lines, waiting = (waiting + part).split(b"\n")
        yield from lines
    if waiting:
        yield waiting


def vault_key(line: bytes) -> SecretBytes | None:
    """The vault key in the first line of a backup's contents."""
    from credentials.keys.form import from_text

    return from_text(line) if line else None
