"""A passphrase that nobody need be asked for: in a private file that a variable names, or in a variable.

The file goes first. A variable is the weaker way: whoever may look at the process sees it.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from credentials.keys.form import KeyUnusable
from credentials.withheld import BACKUP_PASSPHRASE, NEW_PASSPHRASE, PASSPHRASE, variable

_LONGEST_FILE: Final = 4096


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a passphrase opens, in words, and the two variables that give it."""

    what: str
    in_file: str
    direct: str


VAULT: Final = Purpose("the vault", f"{PASSPHRASE}_FILE", PASSPHRASE)
NEXT: Final = Purpose("the vault", f"{NEW_PASSPHRASE}_FILE", NEW_PASSPHRASE)
BACKUP: Final = Purpose("the backup", f"{BACKUP_PASSPHRASE}_FILE", BACKUP_PASSPHRASE)


def given(purpose: Purpose, environ: Mapping[str, str] = os.environ) -> str | None:
    """The passphrase, or None where neither variable is set; raises KeyUnusable."""
    if (path := variable(purpose.in_file, environ)) is not None:
        return _decoded(_read(Path(path), purpose.in_file), purpose.in_file)
    if (value := variable(purpose.direct, environ)) is not None:
        return _decoded(value.encode(errors="surrogateescape"), purpose.direct)
    return None


def _read(path: Path, variable: str) -> bytes:
    """What is in the file, without the end of its line."""
    try:
        with path.open("rb") as file:
            status, content = os.fstat(file.fileno()), file.read(_LONGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is not a path"
        raise KeyUnusable(
            f"the file that {variable} names can't be read: {str(path)!r}: {reason}",
            hint=f"set {variable} to a file that holds the passphrase",
        ) from error
    if stat.S_ISREG(status.st_mode) and (status.st_uid not in (os.geteuid(), 0) or status.st_mode & 0o077):
        raise KeyUnusable(
            f"the passphrase's file {path} is open to other users, or theirs (mode "
            f"{status.st_mode & 0o777:04o}, user id {status.st_uid})",
            hint=f"close it: chmod 600 {path}; if others may have read it, take another passphrase",
        )
    if len(content) > _LONGEST_FILE:
        raise KeyUnusable(
            f"the file that {variable} names is too large for a passphrase: {path}",
            hint=f"set {variable} to a file that holds the passphrase and nothing else",
        )
    return content.removesuffix(b"\n").removesuffix(b"\r")


def _decoded(value: bytes, variable: str) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise KeyUnusable(
            f"the passphrase of {variable} is not UTF-8 (byte {error.start})",
            hint=f"write it anew, as UTF-8, and set {variable}",
        ) from None
    if not text:
        raise KeyUnusable(f"the passphrase of {variable} is empty", hint=f"set {variable} to the passphrase")
    return text
