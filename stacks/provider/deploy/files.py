"""Files that are whole or not there: written beside their place, flushed, then renamed into it."""

import hashlib
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class File:
    """A file to write: its name in the folder, what it holds, its mode."""

    name: str
    content: bytes
    mode: int

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


class Seen(NamedTuple):
    """What a file is now: SHA-256 of its content in hexadecimal, and its mode's permissions."""

    digest: str
    mode: int


def write(folder: Path, files: list[File]) -> None:
    """Put all of them in place; raises OSError, and then nothing new is in place unless a rename itself
    failed.

    All are on the disk before the first is renamed, so a reader sees key and certificate of different
    ages for no longer than the renames take.
    """
    beside = [_beside(folder, file.name) for file in files]
    try:
        for path, file in zip(beside, files, strict=True):
            _write_new(path, file)
        for path, file in zip(beside, files, strict=True):
            path.replace(folder / file.name)
        _flush_folder(folder)
    finally:
        for path in beside:
            path.unlink(missing_ok=True)


def remove(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """Remove the files whose content is still this; gives the names of the others, which stay."""
    foreign = []
    for name, digest in digests.items():
        _beside(folder, name).unlink(missing_ok=True)
        found = digest_of(folder / name)
        if found == digest:
            (folder / name).unlink(missing_ok=True)
        elif found is not None:
            foreign.append(name)
    with suppress(FileNotFoundError):
        _flush_folder(folder)
    return foreign


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file, or None where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None


def seen(path: Path) -> Seen | None:
    """What the file is now, or None where there is none."""
    digest = digest_of(path)
    return None if digest is None else Seen(digest, stat.S_IMODE(path.stat().st_mode))


def _beside(folder: Path, name: str) -> Path:
    """A fixed name: what a killed run left there is found, and overwritten or removed, by the next."""
    return folder / f".{name}.tic-new"


def _write_new(path: Path, file: File) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, file.mode)  # before there is anything to read; not subject to the umask
        stream.write(file.content)
        stream.flush()
        os.fsync(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
