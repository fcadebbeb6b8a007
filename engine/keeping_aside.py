"""Keeps what a restore replaces, in a private folder of the home, so that a restore can be undone by hand."""

import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from credentials.anchor import NAME as ANCHOR
from credentials.errors import CredentialError
from credentials.keys import KEY_FILE, NEXT_FILE
from credentials.refusals import DamagedRow
from engine.errors import EngineError
from engine.home import Home
from engine.storage import DatabaseUnusable

if TYPE_CHECKING:
    from credentials.ledger import Ledger
    from engine.database import Database

BACKUP_NAME = "replaced.tic-backup"
ROWS_NAME = "replaced.rows"  # lines of JSON (engine.dump), where no backup can be sealed


class CantKeepAside(EngineError):
    """What is there can't be kept, so it is not replaced either."""

    exit_code = 5


def keep_aside(home: Home, database: "Database | None", ledger: "Ledger | None") -> Path:
    """Copy what is there into a new folder, and return that.

    A working database (`database`) is copied as it is at one moment, PostgreSQL's as a backup sealed with the
    present vault key, or row by row where the vault's own row is gone; a damaged file with whatever SQLite
    keeps beside it. Raises CantKeepAside.
    """
    folder = _new_folder(home)
    try:
        for path in (home.root / name for name in (KEY_FILE, NEXT_FILE, ANCHOR)):
            if path.exists():
                _copy(path, folder)
        if home.database_url is not None:
            if database is not None and ledger is not None:
                _back_up(database, ledger, folder)
        elif database is not None:
            _copy_database(home.database, folder)
        else:
            for path in home.database_files:
                if path.exists():
                    _copy(path, folder)
    except (OSError, sqlite3.Error) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise CantKeepAside(
            f"what is there can't be kept in {folder}: {what}; nothing was changed",
            hint="free some space, then: tic vault restore FILE --force",
        ) from error
    return folder


def _new_folder(home: Home) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in range(1000):
        folder = home.root / (f"replaced-{stamp}" + (f"-{number}" if number else ""))
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise CantKeepAside(
                f"{folder} can't be made: {error.strerror}; nothing was changed",
                hint=f"make {home.root} yours to write, then: tic vault restore FILE --force",
            ) from error
        return folder
    raise CantKeepAside(
        f"there are too many folders {home.root / f'replaced-{stamp}'}; nothing was changed",
        hint="remove those that you no longer need, then: tic vault restore FILE --force",
    )


def _copy(path: Path, folder: Path) -> None:
    target = folder / path.name
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    shutil.copyfile(path, target)


def _copy_database(path: Path, folder: Path) -> None:
    """SQLite's online backup: one moment of a file that others may be writing to."""
    target = folder / path.name
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()


def _back_up(database: "Database", ledger: "Ledger", folder: Path) -> None:
    from engine.backup import make

    try:
        make(database, ledger, folder / BACKUP_NAME)
    except DamagedRow:
        _keep_rows(database, folder / ROWS_NAME)
    except (CredentialError, DatabaseUnusable) as error:
        raise CantKeepAside(
            f"what is in the database can't be backed up, so it can't be kept: {error}; nothing was changed",
            hint="keep it yourself (pg_dump), and restore into an empty database (TIC_DATABASE_URL)",
        ) from error


def _keep_rows(database: "Database", path: Path) -> None:
    """Every row as it is; the secrets among them stay sealed."""
    from engine.dump import dump

    with (
        open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file,  # noqa: PTH123
        database.read() as connection,
    ):
        file.writelines(dump(connection))
        file.flush()
        os.fsync(file.fileno())
