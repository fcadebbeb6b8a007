"""A disk of its own for a test: small, so that it can be full; it can be closed to writers, and fail.

Only root may mount one.
"""

import ctypes
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN: every access fails from then on (linux/fs/ext4/ext4.h)
_NO_FLUSH = 2
_MOUNTED_AWAY = 2  # MNT_DETACH, umount(2)


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted disk; `image` is the file that it lies in, if it is not memory."""

    root: Path
    image: Path | None = None

    def fill(self) -> None:
        """Leave no byte of it."""
        with (self.root / "filling").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(64 * 1024))
        with (self.root / "filling").open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1024))

    def free(self) -> None:
        """Take back what `fill` has put there."""
        (self.root / "filling").unlink()

    def close(self) -> None:
        """Let it be read from alone; nobody may have a file open to write."""
        subprocess.run(["mount", "-o", "remount,ro", self.root], check=True)

    def open(self) -> None:
        """Let it be written to again."""
        subprocess.run(["mount", "-o", "remount,rw", self.root], check=True)

    def flush(self) -> None:
        """Let all that was written so far outlive a failure."""
        subprocess.run(["sync", "-f", self.root], check=True)

    def fail(self) -> None:
        """From now on it answers with an error whatever it is asked; what was not flushed is lost."""
        descriptor = os.open(self.root, os.O_RDONLY)
        fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", _NO_FLUSH))
        os.close(descriptor)

    def replace(self) -> None:
        """Mount it anew, as after a repair; nobody may have a file of it open."""
        _unmount(self.root)
        subprocess.run(["mount", "-o", "loop", str(self.image), self.root], check=True)


@contextmanager
def disk(root: Path, megabytes: int, *, image: Path | None = None) -> Iterator[Disk]:
    """Mount one at `root`, a new folder closed to others; an ext4 in the file `image`, else in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    root.mkdir(mode=0o700)
    if image is None:
        options = f"size={megabytes}m,mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", root], check=True)
    else:
        with image.open("wb") as file:
            file.truncate(megabytes * 1024 * 1024)
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, root], check=True)
        root.chmod(0o700)
    try:
        yield Disk(root, image)
    finally:
        _unmount(root)


def _unmount(root: Path) -> None:
    """Also while something on it is open still, as after a failed test."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(root), _MOUNTED_AWAY) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(root))
