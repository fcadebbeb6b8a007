"""Where the vault key comes from: a private file beside the database, the embedded default.

The file holds one line, `tic-vault-key-1:` and 32 random bytes in base64. It wraps the random data key that
seals the vault, so it can be replaced without sealing everything anew.
"""

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from credentials.errors import CredentialError
from credentials.secret import SecretBytes

KEY_BYTES: Final = 32
_MARK: Final = b"tic-vault-key-1:"
_LONGEST: Final = 4096


class KeyUnusable(CredentialError):
    """The vault key is missing, open to others, damaged, or not the one that this vault was made with."""

    exit_code = 5


def make_key_file(path: Path) -> SecretBytes:
    """A new random key in a new private file at `path`, durable before this returns.

    The caller holds the database's write lock, so nobody else makes one. What a crash leaves is either
    nothing or a whole file. Raises KeyUnusable.
    """
    key = secrets.token_bytes(KEY_BYTES)
    half = path.with_name(f".{path.name}.new")
    try:
        half.unlink(missing_ok=True)
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MARK + base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(half, path)  # unlike a rename, never replaces a key that is there
        half.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyUnusable(
            f"the vault key {path} can't be made: {error.strerror}",
            hint=f"check that {path.parent} is yours and writable, then: tic vault init",
        ) from error
    return SecretBytes(key)


def read_key_file(path: Path) -> SecretBytes:
    """The key in `path`; raises KeyUnusable where it is missing, not private, not yours, or not whole."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(_LONGEST)
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
    try:
        mark, encoded = content[: len(_MARK)], content[len(_MARK) :].removesuffix(b"\n")
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if mark != _MARK or len(key) != KEY_BYTES:
        raise KeyUnusable(
            f"the vault key {path} is damaged: it has {len(content)} bytes and is not a whole key",
            hint=f"put the file back from your backup: cp BACKUP {path}",
        )
    return SecretBytes(key)


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyUnusable(
            f"the vault key {path} is not a file", hint=f"put the key file back: cp BACKUP {path}"
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
