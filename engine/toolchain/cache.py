"""Where programs are kept that tic got itself: CACHE/tools/NAME/VERSION/bin, safe for several tics at once.

A receipt is written last, so a version whose receipt is there is complete. Everything in the cache may be
deleted at any time; the next command gets it again.
"""

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from engine.home import Home
from engine.toolchain.errors import CacheUnusable
from engine.toolchain.pins import Pin
from engine.toolchain.progress import Progress
from engine.toolchain.version import Version

WAIT_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Shelf:
    """The place of one version of one pin's programs in the cache."""

    pin: Pin
    version: Version
    folder: Path

    @classmethod
    def of(cls, home: Home, pin: Pin, version: Version) -> "Shelf":
        """The place for `version`; touches nothing."""
        return cls(pin, version, home.cache / "tools" / pin.name / str(version))

    @property
    def programs(self) -> Path:
        """The folder that holds the executables."""
        return self.folder / "bin"

    def source(self) -> str | None:
        """How the programs got here (`build` or `installer`), or None where they are not all there."""
        try:
            receipt = json.loads((self.folder / "receipt.json").read_text())
        except (OSError, ValueError):
            return None
        complete = all(os.access(self.programs / name, os.X_OK) for name in self.pin.programs)
        return str(receipt.get("source")) if complete and isinstance(receipt, dict) else None

    def locked(self, progress: Progress) -> AbstractContextManager[None]:
        """Hold the lock of this program; while another process holds it, say so and wait."""
        return locked(self.folder.parent / "lock", self.pin.title, progress)

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """An empty folder beside the final one, removed in the end; only under the lock.

        What a killed process left there is removed first.
        """
        folder = self.folder.with_name(f"{self.version}.partial")
        with usable(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put(self, made: Path, *, source: str, made_with: str) -> None:
        """Move every file of the folder `made` into place, each atomically, then write the receipt."""
        with usable(self.folder):
            self.programs.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in sorted(made.iterdir()):
                file.replace(self.programs / file.name)
            receipt = {"version": str(self.version), "source": source, "made_with": made_with}
            beside = self.folder / f"receipt.{os.getpid()}"
            beside.write_text(json.dumps(receipt))
            beside.replace(self.folder / "receipt.json")


@contextmanager
def locked(path: Path, title: str, progress: Progress) -> Iterator[None]:
    """Hold the lock at `path`, for which its folder is made; while another process holds it, say so and wait.

    Raises CacheUnusable. A process that dies gives its lock back.
    """
    with usable(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        waited = False
        while not _try_lock(lock):
            if not waited:
                progress.say(f"another tic is getting {title}; waiting for it")
                waited = True
            progress.doing("waiting")
            time.sleep(WAIT_SECONDS)
        yield
    finally:
        progress.clear()
        os.close(lock)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turn a fault of the file system at `path` into CacheUnusable, with the way out."""
    try:
        yield
    except OSError as error:
        unusable(path, error)


def unusable(path: Path, error: OSError) -> NoReturn:
    """Raise CacheUnusable for `error`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space, or set TIC_CACHE to a folder on a larger disk, and run the command again"
    else:
        hint = "set TIC_CACHE to a folder that you may write to"
    raise CacheUnusable(f"the cache {path} can't be used: {error.strerror or error}", hint=hint) from error


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
