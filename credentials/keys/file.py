"""The vault key in a private file beside the database: the embedded default.

The file holds one line, the key's text form. While a vault gets another key, the new one lies beside it as
`vault.key.next`: the vault's row names the key that it is under, and whoever opens it takes the file that has
it. So a kill at any moment leaves a vault that opens.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from credentials.durable import flush_folder
from credentials.keys.established import Established, established, fits, wanted_id
from credentials.keys.form import KeyUnusable, as_text, from_text, new_key
from credentials.secret import SecretBytes

KEY_FILE: Final = "vault.key"
NEXT_FILE: Final = "vault.key.next"
SOURCE: Final = "file"
_LONGEST: Final = 4096


def establish(home: Path, *, replacing: bool = False) -> Established:
    """The key of a new vault, or the next one of a vault that has one; the caller holds the write lock.

    What a crash left of an earlier attempt is taken for a new vault, because it seals nothing yet, and made
    anew otherwise. Raises KeyUnusable.
    """
    if replacing:
        _remove(home / NEXT_FILE)
        return established(SOURCE, make_key_file(home / NEXT_FILE, again="tic vault rekey"))
    path = home / KEY_FILE
    return established(SOURCE, read_key_file(path) if path.exists() else make_key_file(path))


def keep(key: SecretBytes, home: Path) -> Established:
    """Put a key that is at hand beside the vault's, as its next one; the caller holds the write lock."""
    _remove(home / NEXT_FILE)
    make_key_file(home / NEXT_FILE, key, again="tic vault restore FILE")
    return established(SOURCE, key)


def unlock(params: Mapping[str, object] | None, home: Path) -> SecretBytes:
    """The key that the vault is under, from whichever of the two files has it; raises KeyUnusable."""
    wanted = wanted_id(params)
    try:
        key = read_key_file(home / KEY_FILE)
    except KeyUnusable:
        if (key_after := _following(home, wanted)) is None:
            raise
        return key_after
    if fits(key, wanted):
        return key
    if (key_after := _following(home, wanted)) is None:
        raise another_key(home / KEY_FILE)
    return key_after


def settle(params: Mapping[str, object] | None, home: Path) -> None:
    """Let the vault's key lie at its place and nothing beside it; the caller holds the write lock.

    Called after the row that names the key is committed, and by whoever finds what a kill left. Does nothing
    where no key of the vault is found, so it never destroys the last copy of one. Raises KeyUnusable.
    """
    wanted, following = wanted_id(params), home / NEXT_FILE
    if _following(home, wanted) is not None:
        try:
            following.replace(home / KEY_FILE)
            flush_folder(home)
        except OSError as error:
            raise _cant_be_changed(following, error) from error
    elif following.exists() and _fits_in(home / KEY_FILE, wanted):
        _remove(following)


def is_next(params: Mapping[str, object] | None, home: Path) -> bool:
    """Whether the vault is under the key that lies beside its own, so that `settle` will put it there."""
    return _following(home, wanted_id(params)) is not None


def forget_next(home: Path) -> None:
    """Remove what a killed attempt left beside the key; raises KeyUnusable."""
    _remove(home / NEXT_FILE)


def forget(home: Path) -> None:
    """Remove the files of a vault whose key comes from elsewhere now; raises KeyUnusable."""
    _remove(home / NEXT_FILE)
    _remove(home / KEY_FILE)


def another_key(path: Path) -> KeyUnusable:
    """The file holds a whole key, and it opens nothing here."""
    return KeyUnusable(
        f"the vault key {path} is not the one that this vault was made with, or the vault's own row was "
        "changed",
        hint=f"put the right key back from your backup: cp BACKUP {path}",
    )


def make_key_file(
    path: Path, key: SecretBytes | None = None, *, again: str = "tic vault init"
) -> SecretBytes:
    """A key, a new random one if none is given, in a new private file at `path`, durable before this returns.

    The caller holds the database's write lock, so nobody else makes one. What a crash leaves is either
    nothing or a whole file. Raises KeyUnusable.
    """
    key = key or new_key()
    half = path.with_name(f".{path.name}.new")
    try:
        half.unlink(missing_ok=True)
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(as_text(key).reveal() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(half, path)  # unlike a rename, never replaces a key that is there
        half.unlink()
        flush_folder(path.parent)
    except OSError as error:
        raise KeyUnusable(
            f"the vault key {path} can't be made: {error.strerror}",
            hint=f"check that {path.parent} is yours and writable, then: {again}",
        ) from error
    return key


def read_key_file(path: Path) -> SecretBytes:
    """The key in `path`; raises KeyUnusable where it is missing, not private, not yours, or not whole."""
    try:
        # Without O_NONBLOCK, opening a FIFO in its place would wait for somebody who writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            content = os.read(descriptor, _LONGEST) if stat.S_ISREG(status.st_mode) else b""
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise KeyUnusable(
            f"the vault key {path} is missing; nothing in the vault opens without it",
            hint=f"put the file back from your backup: cp BACKUP {path}; or set TIC_HOME to the right folder",
        ) from error
    except OSError as error:
        raise KeyUnusable(
            f"the vault key {path} can't be read: {error.strerror}", hint=f"check the file: ls -l {path}"
        ) from error
    _check_private(path, status)
    key = from_text(content)
    if key is None:
        raise KeyUnusable(
            f"the vault key {path} is damaged: it has {len(content)} bytes and is not a whole key",
            hint=f"put the file back from your backup: cp BACKUP {path}",
        )
    return key


def _following(home: Path, wanted: str | None) -> SecretBytes | None:
    """The key beside the vault's, if it is the one that is noted; without a note it never is."""
    path = home / NEXT_FILE
    return read_key_file(path) if wanted is not None and _fits_in(path, wanted) else None


def _fits_in(path: Path, wanted: str | None) -> bool:
    try:
        return fits(read_key_file(path), wanted)
    except KeyUnusable:
        return False


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        flush_folder(path.parent)
    except OSError as error:
        raise _cant_be_changed(path, error) from error


def _cant_be_changed(path: Path, error: OSError) -> KeyUnusable:
    return KeyUnusable(
        f"{path} can't be changed: {error.strerror}",
        hint=f"check that {path.parent} is yours and writable, then: tic vault doctor",
    )


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyUnusable(
            f"the vault key {path} is not a file",
            hint=f"move away what is there, then put the key file back: mv {path} {path}.away; "
            f"cp BACKUP {path}",
        )
    if status.st_uid != os.geteuid():
        raise KeyUnusable(
            f"the vault key {path} belongs to user id {status.st_uid}, and you are {os.geteuid()}",
            hint=f"run tic as its owner, or take it over: chown {os.geteuid()} {path}",
        )
    if status.st_mode & 0o077:
        raise KeyUnusable(
            f"the vault key {path} is open to other users (mode {status.st_mode & 0o777:04o})",
            hint=f"close it: chmod 600 {path}; if others may have read it, rotate every credential",
        )
