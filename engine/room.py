"""Room on the disk that a run keeps for its end, so that what is under way is recorded when the disk is full.

Without it, whatever a provider was just making would be made and noted nowhere. The engine sends an answered
503 again after a second (`pkg/backend/httpstate/client`: DoWithRetryOpts), and by then there is room.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.events import Notice
from engine.storage import DatabaseUnusable

if TYPE_CHECKING:
    from engine.home import Home
    from engine.installation import Installation

SIZE: Final = 8 * 1024 * 1024  # bytes: some hundred entries, and the checkpoint that they become
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

NOTICE: Final = Notice(
    "the disk of the database is full: what is under way is recorded with the room kept for that, nothing "
    "further is begun; free some space before the next run",
    "warning",
)


class NoRoom(DatabaseUnusable):
    """The disk is so full that a run could not record what it does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the disk of {folder} is full: a run needs {SIZE // 2**20} MiB of it to record what it does; "
            "nothing was begun",
            hint="free some space there and run the command again",
        )


class Room:
    """What is kept; it is given back once, by whichever thread finds the disk full."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._then: Callable[[], None] | None = None
        self._giving = threading.Lock()

    def give_back(self) -> None:
        """Let others have it, and do what is to be done then."""
        with self._giving:
            path, self._path = self._path, None
        if path is None:
            return
        with suppress(OSError):
            path.unlink()
        if self._then is not None:
            self._then()

    @contextmanager
    def then(self, act: Callable[[], None]) -> Iterator[None]:
        """While the block runs, call `act` when the room is given back; from any thread."""
        self._then = act
        try:
            yield
        finally:
            self._then = None


def check(home: "Home") -> None:
    """Raise NoRoom where there is surely none; quotas show only when it is taken."""
    if home.database_url is None:
        disk = os.statvfs(home.root)
        if disk.f_bavail * disk.f_frsize < SIZE:
            raise NoRoom(home.root)


@contextmanager
def kept(installation: "Installation", folder: Path) -> Iterator[Room]:
    """Keep it in `folder`, which lies on the database's disk, while the block runs.

    Raises NoRoom. A server's disk is its administrator's; there nothing is kept.
    """
    if installation.home.database_url is not None:
        yield Room(None)
        return
    path = folder / "room"
    room = Room(path if _set_aside(path, installation.home.root) else None)
    try:
        with installation.database.when_full(room.give_back):
            yield room
    finally:
        with suppress(OSError):
            path.unlink()


def _set_aside(path: Path, root: Path) -> bool:
    """Take the room; False where the file system can set nothing aside. Raises NoRoom."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
        try:
            os.posix_fallocate(file.fileno(), 0, SIZE)
        except OSError as error:
            path.unlink()
            if error.errno in _FULL:
                raise NoRoom(root) from None
            return False
    return True
