"""Unpacks a backup into a database of its own, brings that to the newest schema, and proves it whole."""

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import IntegrityError

from credentials import keys as vault_keys
from credentials import vault_store
from credentials.audit_chain import verify
from credentials.audit_store import entries
from credentials.errors import CredentialError
from credentials.keys import KeyUnusable, passphrase
from credentials.keys.asking import Ask, at_terminal
from credentials.keys.established import ForeignParameters, fits, wanted_id
from credentials.keys.given import BACKUP
from credentials.ledger import Ledger, sealed_head
from credentials.proof import prove_credentials, prove_tables
from credentials.sealing import BrokenSeal
from credentials.secret import SecretBytes
from credentials.unlocking import Keys, unwrapped
from engine import backup_file
from engine.actor import actor
from engine.backup import lines_of, vault_key
from engine.backup_file import BackupDamaged, Header
from engine.bindings import Usage
from engine.database import MIGRATIONS, Database
from engine.dump import ForeignDump, load
from engine.errors import EngineError
from engine.home import Home

FOLDER = ".restore-"


class KeyNeeded(EngineError):
    """The vault key that a backup was sealed with is not at hand."""

    exit_code = 5

    def __init__(self, error: KeyUnusable, path: Path, *, again: str, former: Path | None) -> None:
        super().__init__(
            f"the backup {path} is sealed with its vault's key: {error}; nothing was changed",
            hint=f"{error.hint}; or name a file that holds the key: {again} --key-file FILE"
            if former is None
            else f"a former key opens it: {again} --key-file {former}",
        )


class NewerBackup(EngineError):
    """A newer tic has made the backup."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A backup as a database (`home` is its folder), and the keys that open its vault."""

    header: Header
    home: Home
    database: Database
    ledger: Ledger
    keys: Keys


def opening_key(
    home: Home, path: Path, header: Header, *, key_file: Path | None, force: bool, ask: Ask = at_terminal
) -> SecretBytes:
    """What opens the file: its passphrase, or its vault's key from `key_file` or from where that is kept.

    `force` is how the restore was asked for, so that the next command is. Raises KeyUnusable, KeyNeeded,
    BackupDamaged.
    """
    try:
        if header.sealed_by == "passphrase":
            return passphrase.unlock(header.sealed_with, ask=ask, purposes=(BACKUP,))
        if key_file is None:
            return vault_keys.unlock(header.key, header.key_params, home.root, header.vault, ask=ask)
        key = vault_keys.read_key_file(key_file)
        if not fits(key, wanted_id(header.key_params)):
            raise KeyUnusable(f"{key_file} holds another key", hint="find the one of that vault")
    except ForeignParameters:
        raise BackupDamaged(path, "its first lines do not say what opens it") from None
    except KeyUnusable as error:
        if header.sealed_by == "passphrase":
            raise
        former = vault_keys.former_of(home.root, wanted_id(header.key_params))
        again = f"tic vault restore {path}" + (" --force" if force else "")
        raise KeyNeeded(error, path, again=again, former=former) from error
    return key


@contextmanager
def unpacked(home: Home, path: Path, header: Header, opening: SecretBytes) -> Iterator[Unpacked]:
    """The backup as a database in a private folder of `home`, which is gone afterwards.

    Raises BackupDamaged, NewerBackup, DatabaseUnusable (the disk is full).
    """
    _check_schema(path, header)
    sweep(home)
    beside = Home(home.root / f"{FOLDER}{secrets.token_hex(8)}", home.cache)
    beside.make()
    in_use = _locked(beside.root)
    database: Database | None = None
    try:
        wrapping = _filled(beside, path, header, opening)
        database = Database.open(beside)  # which brings it to the newest schema
        ledger = Ledger(database, beside.root, usage=Usage(), actor=actor(), now=time.time)
        yield Unpacked(header, beside, database, ledger, _proven(path, database, ledger, wrapping))
    finally:
        if database is not None:
            database.close()
        shutil.rmtree(beside.root, ignore_errors=True)
        if in_use is not None:
            os.close(in_use)


def abandoned(home: Home) -> list[Path]:
    """The folders that killed restores left: nobody holds their locks any more."""
    found = []
    for folder in sorted(home.root.glob(f"{FOLDER}*")):
        if (lock := _locked(folder)) is not None:
            os.close(lock)
            found.append(folder)
    return found


def sweep(home: Home) -> None:
    """Remove what killed restores left."""
    for folder in abandoned(home):
        shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> int | None:
    """A lock on a folder, which a kill lets go of; None where another process has it, or there is none."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _check_schema(path: Path, header: Header) -> None:
    known = {revision.stem for revision in (MIGRATIONS / "versions").glob("[0-9]*.py")}
    if header.schema in known:
        return
    if header.schema > max(known):
        raise NewerBackup(
            f"a newer tic has made the backup {path} (schema {header.schema}; this one knows {max(known)})",
            hint="upgrade this tic, then: tic vault restore FILE",
        )
    raise BackupDamaged(path, "it names a schema that no tic has made")


def _filled(beside: Home, path: Path, header: Header, opening: SecretBytes) -> SecretBytes:
    """Make the database as it was; returns the vault key."""
    from engine.migrations.upgrade import upgrade
    from engine.sqlite import Sqlite

    storage = Sqlite.of(beside, create=True)
    database = Database(storage)
    try:
        upgrade(storage, header.schema)
        lines = lines_of(backup_file.read(path, opening))
        included = vault_key(next(lines, b""))
        with database.write() as connection:
            load(connection, lines)
    except ForeignDump as error:
        raise BackupDamaged(path, str(error)) from error
    except IntegrityError:
        raise BackupDamaged(path, "its rows contradict each other") from None
    finally:
        database.close()
    return included or opening


def _proven(path: Path, database: Database, ledger: Ledger, wrapping: SecretBytes) -> Keys:
    """The vault's keys, after everything that they seal was opened; raises BackupDamaged."""
    with database.read() as connection:
        try:
            record = ledger.record(connection)
            keys = unwrapped(record, vault_store.data_keys(connection), wrapping)
            prove_tables(connection, ledger, record, keys)
            prove_credentials(connection, keys.sealer)
            key = None if keys.audit is None else keys.audit.reveal()
            log = verify(entries(connection), key, record.vault_id, sealed_head(record, keys))
        except BrokenSeal:
            raise BackupDamaged(path, "its vault does not open with its key") from None
        except CredentialError as error:
            raise BackupDamaged(path, str(error)) from error
    if log.problems:
        raise BackupDamaged(path, f"entry {log.problems[0].seq} of its audit log: {log.problems[0].what}")
    return keys
