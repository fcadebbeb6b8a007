"""Puts a backup back: into an empty home or an empty database, or in place of what is there.

The backup is first unpacked beside what is there, and proven whole. Only then is anything replaced: in one
transaction where the present database works, so that a kill leaves either the one or the other; by a rename
where there is no file yet, or one that is damaged. What was there is kept aside.

The vault's counter goes on from the higher one of both, so that a machine that saw the replaced database does
not take the restored one for an old copy by its number; the audit log has an entry of its own.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from credentials import keys, vault_store
from credentials.anchor import Anchor, AnchorUnusable, Position
from credentials.audit import Event
from credentials.errors import CredentialError
from credentials.keys import KEY_FILE, Ask, KeyUnusable, at_terminal
from credentials.keys.established import established
from credentials.keys.file import SOURCE, keep
from credentials.ledger import Change, Ledger
from credentials.refusals import DamagedRow
from credentials.rekeying import tidy
from engine.actor import actor
from engine.backup_file import BackupDamaged, Header, read_header
from engine.bindings import Usage
from engine.database import Database
from engine.dump import copy, empty
from engine.errors import EngineError
from engine.home import Home
from engine.keeping_aside import keep_aside
from engine.storage import DatabaseDamaged, NoDatabase
from engine.unpacking import Unpacked, opening_key, unpacked

if TYPE_CHECKING:
    pass


class RestoreRefused(EngineError):
    """Something is there that a restore would replace, or is at work."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done: which backup is there now, where the replaced is kept, whether the key is a file now."""

    header: Header
    aside: Path | None
    key_in_file: bool


def restore(
    home: Home, path: Path, *, force: bool = False, key_file: Path | None = None, ask: Ask = at_terminal
) -> Restored:
    """Put the backup `path` in place; where this raises, nothing was changed.

    `key_file` holds the vault key, where it is not in its place. Raises RestoreRefused, NoBackup,
    BackupDamaged, NewerBackup, KeyUnusable, KeyNeeded, CantKeepAside.
    """
    header = read_header(path)
    present, is_damaged = _present(home)
    try:
        taken = is_damaged or (present is not None and _holds_vault(present))
        if taken and not force:
            raise RestoreRefused(
                f"there is a vault in {_where(home, present)} already; nothing was changed",
                hint=f"replace it, and it is kept aside: tic vault restore {path} --force",
            )
        if present is not None:
            _check_idle(present)
        opening = opening_key(home, path, header, key_file=key_file, force=force, ask=ask)
        home.make()
        with unpacked(home, path, header, opening) as there:
            in_file = _moves_to_file(home, there)
            position = _reseal(home, there, in_file=in_file)
            aside = _kept(home, present, taken=taken, in_file=in_file)
            # A kill leaves an anchor in any case: one that does not fit is noticed, a missing one is not. So
            # the present one stays until the new one takes its place, and an empty home has it first.
            anchor = Anchor(home.root)
            if present is None and not anchor.path.exists():
                anchor.move(there.keys.sealer, position, back=True)
            _put_in_place(home, path, present, there, in_file=in_file)
            anchor.move(there.keys.sealer, position, back=True)
    finally:
        if present is not None:
            present.close()
    database = Database.open(home)
    tidy(_ledger(database, home), home.root, keep_former=False)  # the folder aside has it
    database.close()
    return Restored(header, aside, in_file)


def _present(home: Home) -> tuple[Database | None, bool]:
    """The database that is there, if it works; and whether there is one that is damaged."""
    database: Database | None = None
    try:
        database = Database.open(home)
        is_damaged = bool(database.faults())
    except NoDatabase:
        return None, False
    except DatabaseDamaged:
        is_damaged = True
    if not is_damaged:
        return database, False
    if database is not None:
        database.close()
    if home.database_url is not None:
        raise RestoreRefused(
            "the database is damaged, and tic throws no server's tables away; nothing was changed",
            hint="restore into an empty database: name it in TIC_DATABASE_URL",
        )
    return None, True


def _holds_vault(database: Database) -> bool:
    try:
        with database.read() as connection:
            return vault_store.find(connection) is not None
    except DamagedRow:
        return True


def _where(home: Home, present: Database | None) -> str:
    return str(home.root) if home.database_url is None or present is None else present.name


def _check_idle(present: Database) -> None:
    """Raise RestoreRefused while a run writes to the state that would be replaced."""
    query = text(
        "SELECT stack.project || '/' || stack.name FROM stack_update JOIN stack ON stack.id = stack_id"
        " WHERE status = 'running' AND lease_expires_at > :now ORDER BY 1"
    )
    with present.read() as connection:
        running = list(connection.execute(query, {"now": time.time()}).scalars())
    if running:
        raise RestoreRefused(
            f"{', '.join(running)} is at work on the database; nothing was changed",
            hint=f"wait for it, or end it: tic stack cancel {running[0]}",
        )


def _moves_to_file(home: Home, there: Unpacked) -> bool:
    """Whether the vault key, which is at hand, is not to be had from where the vault says it is.

    A passphrase is taken to be known: asking for it would only prove it.
    """
    header = there.header
    if header.key == "passphrase":
        return False
    try:
        return keys.unlock(header.key, header.key_params, home.root, header.vault) != there.keys.wrapping
    except KeyUnusable:
        return True


def _reseal(home: Home, there: Unpacked, *, in_file: bool) -> Position:
    """Note in the unpacked vault that it was restored, and how far it has come now."""
    sealer, header = there.keys.sealer, there.header
    try:
        seen = Anchor(home.root).seen(sealer)
    except AnchorUnusable:
        seen = None  # another vault's
    counter = max(header.counter, seen.counter if seen is not None else 0) + 1
    note = Event(
        "vault.restore",
        "done",
        detail={"made": header.made, "change": str(header.counter), "to": str(counter)},
    )
    with there.database.write() as connection:
        if in_file:
            params = dict(established(SOURCE, there.keys.wrapping).params)
            vault_store.change(connection, key_source=SOURCE, key_params=json.dumps(params, sort_keys=True))
        there.ledger.seal_everything(Change(connection, header.vault, there.keys, note), counter)
        return there.ledger.position(connection, there.ledger.record(connection), there.keys)


def _kept(home: Home, present: Database | None, *, taken: bool, in_file: bool) -> Path | None:
    """Where what is there is kept, if there is anything that would be lost."""
    if taken:
        if present is not None:
            with suppress(CredentialError):  # its row may be damaged; what lies there is kept in any case
                tidy(_ledger(present, home), home.root)
        return keep_aside(home, present, None if present is None else _ledger(present, home))
    return keep_aside(home, None, None) if in_file and (home.root / KEY_FILE).exists() else None


def _put_in_place(
    home: Home, path: Path, present: Database | None, there: Unpacked, *, in_file: bool
) -> None:
    if present is None and home.database_url is None:
        if in_file:
            keep(there.keys.wrapping, home.root)
        _place_file(home, there)
        return
    target = present or Database.open(home, create=True)
    try:
        with there.database.read() as rows, target.write() as connection:
            if in_file:
                keep(there.keys.wrapping, home.root)
            empty(connection)
            copy(rows, connection)
    except IntegrityError:
        raise BackupDamaged(path, "its rows contradict each other") from None
    finally:
        if present is None:
            target.close()


def _place_file(home: Home, there: Unpacked) -> None:
    """Let the unpacked file be the database; what is in its place is damaged, and kept aside."""
    there.database.close()
    try:
        for path in home.database_files[1:]:
            path.unlink(missing_ok=True)  # SQLite would play them back into the new file
        there.home.database.replace(home.database)
        folder = os.open(home.root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise RestoreRefused(
            f"{home.database} can't be put in place: {error.strerror}",
            hint=f"make {home.root} yours to write, then: tic vault restore FILE --force",
        ) from error


def _ledger(database: Database, home: Home) -> Ledger:
    return Ledger(database, home.root, usage=Usage(), actor=actor(), now=time.time)
