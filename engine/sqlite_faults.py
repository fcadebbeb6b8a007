"""What SQLite's faults mean, and what to do about each; its manual has the codes (rescode.html)."""

import os
import sqlite3
from pathlib import Path
from typing import Final

from engine.sqlite_lock import holder
from engine.storage import BUSY_SECONDS, DatabaseDamaged, DatabaseUnusable, DiskFull, Unwritable

NEARLY_NOTHING: Final = 1024 * 1024  # bytes; SQLite needs this much for its log and its shared memory
_CLOSED: Final = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)


def explanation(error: BaseException | None, path: Path) -> DatabaseUnusable:
    """The error that a person reads for one fault of SQLite with the database `path`."""
    code = getattr(error, "sqlite_errorcode", None)  # absent where Python's own driver complains
    kind = None if code is None else code & 0xFF  # the rest says where it happened
    if kind is None and "decode" in str(error):
        return damaged(path, "a text in it is not UTF-8")
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return busy(path)
    if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        # SQLite takes a part that the disk can't read for a damaged one (vdbe.c: SQLITE_IOERR_CORRUPTFS).
        return _of_disk(path, fault) if (fault := _read_fault(path)) else damaged(path, str(error))
    if kind == sqlite3.SQLITE_FULL or (
        kind in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_full(path.parent)
    ):
        return DiskFull(
            f"the database {path} failed, because its disk is full ({error})",
            hint=f"free some space on the disk of {path.parent} and run the command again",
        )
    if kind in _CLOSED:
        return closed(path, str(error))
    if kind == sqlite3.SQLITE_IOERR:
        return closed(path, "it may only be read now") if not is_open(path) else _of_disk(path, str(error))
    return DatabaseUnusable(
        f"the database {path} failed: {error}",
        hint="run the command again; if it fails again, put a backup back: tic vault restore FILE --force; "
        f"or a copy of the file: cp BACKUP {path}; vault.key stays as it is",
    )


def damaged(path: Path, what: str) -> DatabaseDamaged:
    """The error for what tic has not put there."""
    return DatabaseDamaged(
        str(path),
        what,
        hint="put a backup back: tic vault restore FILE --force; or a copy of the file: "
        f"cp BACKUP {path} (and remove {path}-wal and {path}-shm); vault.key stays as it is",
    )


def busy(path: Path) -> DatabaseUnusable:
    """The error for a lock that was not had in time."""
    return DatabaseUnusable(
        f"the database {path} is being written by {holder(path)}, and was for {BUSY_SECONDS} s",
        hint="run the command again when that is done; or look what it does, and end it",
    )


def closed(path: Path, why: str) -> Unwritable:
    """The error for a file, or a place, that may not be written to."""
    return Unwritable(
        f"the database {path} can't be written: {why}",
        hint=f"make the folder and the file yours to write: ls -la {path.parent}; mount its disk for writing "
        "if it is not",
    )


def is_open(path: Path) -> bool:
    """Whether the file may be written to, as far as it shows without a try."""
    return os.access(path, os.W_OK)


def _of_disk(path: Path, fault: str) -> DatabaseUnusable:
    return DatabaseUnusable(
        f"the disk of the database {path} failed: {fault}",
        hint=f"look what is wrong with the disk of {path.parent} (dmesg), then run the command again",
    )


def _read_fault(path: Path) -> str | None:
    """Why the database's files can't be read to their end; None where they can.

    Another process reads them: if this one closed them, it would lose the locks that SQLite has here.
    """
    import subprocess  # rarely needed, and slow to import

    files = [str(path), f"{path}-wal"] if path.with_name(f"{path.name}-wal").exists() else [str(path)]
    reading = subprocess.run(
        ["cat", "--", *files],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        text=True,
        check=False,
    )
    return reading.stderr.strip().rpartition(": ")[2] if reading.returncode else None


def _is_full(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < NEARLY_NOTHING
