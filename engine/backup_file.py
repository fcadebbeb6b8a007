"""The form of a backup: one sealed file that says in clear what it is, and gives nothing else away.

    tic-backup-1
    {"vault": ..., "schema": ..., ...}         one line of JSON, authenticated
    secretstream header, then chunks           XChaCha20-Poly1305, the last one marked as the last

The chunks are libsodium's secretstream (https://doc.libsodium.org/secret-key_cryptography/secretstream): one
that is changed, missing, moved or cut off does not open, and neither does a file without its end. What they
hold is compressed with zlib.
"""

import hashlib
import json
import os
import secrets
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from credentials.durable import flush_folder
from credentials.secret import SecretBytes
from engine.errors import EngineError

MARK: Final = b"tic-backup-1\n"
CHUNK_BYTES: Final = 64 * 1024
LONGEST_HEADER: Final = 16 * 1024
_PERSON: Final = b"tic-backup-1"


class BackupDamaged(EngineError):
    """The file was cut or changed, or ends too early; nothing of it was used."""

    exit_code = 5

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"the backup {path} is damaged: {what}; nothing was changed",
            hint="take another copy of it, or an older backup: tic vault restore FILE",
        )


class NoBackup(EngineError):
    """The file is none, or can't be read or written."""

    exit_code = 2


class BackupThere(EngineError):
    """A file is in the backup's place."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup says of itself in clear.

    `made` is ISO 8601 (UTC); `counter` and `audited` are how far the vault had come; `key` is where the vault
    key came from, with its parameters; `sealed_by` says whether that key seals the file, or a passphrase with
    the parameters in `sealed_with`.
    """

    vault: str
    schema: str
    made: str
    counter: int
    audited: int
    key: str
    key_params: Mapping[str, str | int]
    sealed_by: Literal["vault", "passphrase"]
    sealed_with: Mapping[str, str | int]

    def packed(self) -> bytes:
        """The clear part of the file."""
        return MARK + json.dumps(asdict(self), sort_keys=True).encode() + b"\n"


def write(path: Path, header: Header, key: SecretBytes, content: Iterable[bytes], *, replace: bool) -> int:
    """Write a backup (mode 0600), durable and whole or not at all; returns its size in bytes.

    Raises BackupThere where something is there and may not be replaced, NoBackup where it can't be written.
    """
    half = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for part in _sealed(header.packed(), key, _compressed(content)):
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            if replace:
                half.replace(path)
            else:
                os.link(half, path)  # unlike a rename, never replaces what has come there meanwhile
        finally:
            half.unlink(missing_ok=True)
        flush_folder(path.parent)
    except FileExistsError:
        raise _there(path) from None
    except OSError as error:
        raise _cant_be_written(path, error) from error
    return size


def check_place(path: Path, *, replace: bool) -> None:
    """Raise BackupThere or NoBackup where `write` would, as far as can be told before."""
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "would be in a folder that is not there"
        raise NoBackup(f"{path} {what}", hint="give the name of a file: tic vault backup FILE")
    try:
        there = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cant_be_written(path, error) from error
    if not stat.S_ISREG(there.st_mode):
        what = "a link" if stat.S_ISLNK(there.st_mode) else "no ordinary file"
        raise NoBackup(
            f"{path} is {what}, which a backup would replace by a file; nothing was written",
            hint="give the name of a file: tic vault backup FILE",
        )
    if not replace:
        raise _there(path)


def check_outside(path: Path, home: Path) -> None:
    """Raise NoBackup for a file in `home`, or one that is there under another name.

    A backup in the home is lost with it; in the place of the vault's key, or of its database, it would be all
    that is left of what it can't be opened without.
    """
    root = _identity(home)
    if root is None:
        return
    real = path.resolve()
    folders = {
        _identity(folder) for one in (real, path.parent.resolve() / path.name) for folder in one.parents
    }
    own = {_identity(one) for one in home.iterdir()} if os.access(home, os.R_OK | os.X_OK) else set()
    if root in folders or root == _identity(real) or _identity(real) in own - {None}:
        raise NoBackup(
            f"{path} is in tic's own folder {home}, or one of the files there; nothing was written",
            hint=f"give the name of a file outside of {home}: tic vault backup FILE",
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """What is the same for all names of one file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def read_header(path: Path) -> Header:
    """What a backup says of itself; raises NoBackup, BackupDamaged."""
    with _opened(path) as file:
        return _header(path, file)[0]


def read(path: Path, key: SecretBytes) -> Iterator[bytes]:
    """What is in a backup, part by part; it was whole only if this ends without BackupDamaged."""
    with _opened(path) as file:
        _, clear = _header(path, file)
        inflater = zlib.decompressobj()
        try:
            for chunk in _unsealed(path, file, key, clear):
                rest = chunk
                while rest:
                    yield inflater.decompress(rest, CHUNK_BYTES * 16)
                    rest = inflater.unconsumed_tail
            yield inflater.flush()
        except zlib.error as error:
            raise BackupDamaged(path, "what is in it does not unpack") from error
        if not inflater.eof:
            raise BackupDamaged(path, "it ends too early")


def _sealed(clear: bytes, key: SecretBytes, content: Iterable[bytes]) -> Iterator[bytes]:
    from nacl import bindings as sodium

    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    yield clear
    yield sodium.crypto_secretstream_xchacha20poly1305_init_push(state, _own_key(key))
    first: bytes | None = clear
    for chunk, is_last in _chunks(content):
        tag = (
            sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
            if is_last
            else sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
        )
        yield sodium.crypto_secretstream_xchacha20poly1305_push(state, chunk, first, tag)
        first = None


def _unsealed(path: Path, file: BinaryIO, key: SecretBytes, clear: bytes) -> Iterator[bytes]:
    from nacl import bindings as sodium
    from nacl.exceptions import CryptoError

    overhead = sodium.crypto_secretstream_xchacha20poly1305_ABYTES
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    start = file.read(sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES)
    if len(start) < sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES:
        raise BackupDamaged(path, "it ends too early")
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, start, _own_key(key))
    first: bytes | None = clear
    tag = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
    while sealed := file.read(CHUNK_BYTES + overhead):
        if tag == sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL:
            raise BackupDamaged(path, "something follows its end")
        if len(sealed) < overhead:
            raise BackupDamaged(path, "it ends too early")
        try:
            chunk, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, first)
        except CryptoError:
            raise BackupDamaged(path, "a part of it was changed or is missing") from None
        first = None
        yield chunk
    if tag != sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL:
        raise BackupDamaged(path, "it ends too early")


def _own_key(key: SecretBytes) -> bytes:
    """A key for this purpose alone: the vault key itself seals the vault's data key, and nothing else."""
    return hashlib.blake2b(key=key.reveal(), digest_size=32, person=_PERSON).digest()


def _compressed(content: Iterable[bytes]) -> Iterator[bytes]:
    deflater = zlib.compressobj(6)
    for part in content:
        yield deflater.compress(part)
    yield deflater.flush()


def _chunks(content: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """CHUNK_BYTES at a time, and whether it is the last; there is a last one, an empty one if need be."""
    waiting = bytearray()
    for part in content:
        waiting += part
        while len(waiting) > CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES]), False
            del waiting[:CHUNK_BYTES]
    yield bytes(waiting), True


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise NoBackup(
            f"the backup {path} can't be read: {error.strerror}", hint=f"check the file: ls -l {path}"
        ) from error


def _header(path: Path, file: BinaryIO) -> tuple[Header, bytes]:
    try:
        mark, line = file.read(len(MARK)), file.readline(LONGEST_HEADER)
    except OSError as error:
        raise NoBackup(
            f"the backup {path} can't be read: {error.strerror}", hint=f"check the file: ls -l {path}"
        ) from error
    if mark != MARK:
        raise NoBackup(
            f"{path} is no backup of a vault, or one of a newer tic",
            hint="give a file that tic vault backup has made",
        )
    try:
        header = _checked(json.loads(line))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BackupDamaged(path, "its first lines do not say what it is") from None
    return header, mark + line


def _checked(known: Any) -> Header:
    header = Header(**known)
    texts = (header.vault, header.schema, header.made, header.key, header.sealed_by)
    numbers = (header.counter, header.audited)
    settings = (header.key_params, header.sealed_with)
    if not (
        all(isinstance(one, str) for one in texts)
        and all(type(one) is int and one >= 0 for one in numbers)
        and all(isinstance(one, dict) for one in settings)
        and header.sealed_by in ("vault", "passphrase")
    ):
        raise ValueError
    return header


def _cant_be_written(path: Path, error: OSError) -> NoBackup:
    return NoBackup(
        f"the backup {path} can't be written: {error.strerror}",
        hint=f"check that {path.parent} is yours to write and has room, then: tic vault backup FILE",
    )


def _there(path: Path) -> BackupThere:
    return BackupThere(
        f"{path} is there already; nothing was written",
        hint="give another name, or replace it: tic vault backup FILE --force",
    )
