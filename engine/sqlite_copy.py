"""A copy of an SQLite database in memory: what is in it can be read where SQLite itself may write nothing.

To read a database in WAL mode SQLite makes files beside it, which a full disk or a closed folder does not
allow. So the database and its log are copied to another place, where SQLite puts both together.
"""

import os
import secrets
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Final

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - what is made there is a folder of mode 0700
_TRIES: Final = 5


class Copy:
    """A copy in memory, for as long as this object lives."""

    def __init__(self, source: sqlite3.Connection) -> None:
        self._name = f"file:tic-{secrets.token_hex(8)}?mode=memory&cache=shared"
        self._whole = self.opened()
        source.backup(self._whole)

    def opened(self) -> sqlite3.Connection:
        """A connection to read from it."""
        return sqlite3.connect(self._name, uri=True, isolation_level=None, check_same_thread=False)


def in_memory(database: Path) -> Copy | None:
    """A copy of `database` as it is now; None where none could be made.

    Raises sqlite3.Error where the database is damaged.
    """
    place = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else None
    for _ in range(_TRIES):
        try:
            with tempfile.TemporaryDirectory(prefix="tic-copy-", dir=place) as folder:
                if (found := _copied(database, Path(folder))) is not None:
                    return found
        except OSError:
            return None
    return None


def _copied(database: Path, folder: Path) -> Copy | None:
    """One try; None where a writer came in between."""
    files = {path: _state(path) for path in (database, database.with_name(f"{database.name}-wal"))}
    there = [str(path) for path, state in files.items() if state is not None]
    # Another process copies: if this one closed these files, it would lose the locks that SQLite has here.
    done = subprocess.run(
        ["cp", "--", *there, str(folder)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    if done.returncode or files != {path: _state(path) for path in files}:
        return None
    source = sqlite3.connect(folder / database.name, isolation_level=None)
    try:
        return Copy(source)
    finally:
        source.close()


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
