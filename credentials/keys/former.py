"""The keys that a vault was under before: backups from then open with them alone.

A key that is replaced or let go stays beside the others as `vault.key.former-<time>` until its owner, who
alone knows which backups are still wanted, removes it.
"""

import os
import time
from pathlib import Path
from typing import Final

from credentials.keys.established import fits
from credentials.keys.file import KEY_FILE, read_key_file
from credentials.keys.form import KeyUnusable

_PREFIX: Final = f"{KEY_FILE}.former-"
_MOST: Final = 1000  # in one second


def formers(home: Path) -> list[Path]:
    """The former keys that are kept in `home`, oldest first."""
    return sorted(home.glob(f"{_PREFIX}*"))


def former_of(home: Path, wanted: str | None) -> Path | None:
    """The former key with the id `wanted`, if it is kept."""
    return next((path for path in formers(home) if wanted is not None and _holds(path, wanted)), None)


def keep_former(home: Path) -> Path | None:
    """Let the key file be there under a second name, whatever becomes of it; None where there is none.

    After a kill between this and what follows it is not kept twice. The caller holds the write lock. Raises
    KeyUnusable: then the key must not be replaced.
    """
    path = home / KEY_FILE
    try:
        if not (path.exists() or path.is_symlink()):
            return None
        for kept in formers(home):
            if kept.exists() and kept.samefile(path):
                return kept
        return _linked(path)
    except OSError as error:
        raise KeyUnusable(
            f"the former vault key {path} can't be kept: {error.strerror}; the vault has its next one",
            hint=f"check that {home} is yours and writable, then: tic vault doctor",
        ) from error


def _linked(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in range(_MOST):
        kept = path.with_name(f"{_PREFIX}{stamp}" + (f"-{number}" if number else ""))
        try:
            os.link(path, kept, follow_symlinks=False)
        except FileExistsError:
            continue
        return kept
    raise FileExistsError(0, "there are too many former ones")


def _holds(path: Path, wanted: str) -> bool:
    try:
        return fits(read_key_file(path), wanted)
    except KeyUnusable:
        return False
