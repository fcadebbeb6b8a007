"""Who holds SQLite's write lock: the kernel knows the process of each lock (Linux, proc_locks(5)).

SQLite locks bytes of the file `-shm` (its source, os_unix.c: UNIX_SHM_BASE); the first is the writer's, and
whoever takes all of them has the database to itself. That file is not opened here: closing it would drop the
locks that SQLite itself has in this process.
"""

from pathlib import Path
from typing import Final

_LOCKS: Final = Path("/proc/locks")
_WRITER: Final = 120  # the byte


def holder(database: Path) -> str:
    """The process that writes to `database`, for a person to read; "another program" where nobody knows."""
    pid = _pid(database.with_name(f"{database.name}-shm"))
    if pid is None:
        return "another program"
    try:
        name = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return f"process {pid}"
    return f"process {pid} ({name})"


def _pid(shared: Path) -> int | None:
    try:
        inode, lines = shared.stat().st_ino, _LOCKS.read_text().splitlines()
    except OSError:
        return None
    return next((pid for line in lines if (pid := _writer(line, inode)) is not None), None)


def _writer(line: str, inode: int) -> int | None:
    """The process of one lock, `1: POSIX  ADVISORY  WRITE 4711 fe:00:123 120 120`, if it is the writer's."""
    match line.split():
        case [_, "POSIX" | "OFDLCK", _, "WRITE", pid, where, first, last] if where.endswith(f":{inode}"):
            if int(first) <= _WRITER and (last == "EOF" or int(last) >= _WRITER) and int(pid) > 0:
                return int(pid)
    return None
