"""The vault key from a passphrase: Argon2id (RFC 9106) with a random salt; all is noted but the passphrase.

Cost: libsodium's MODERATE limits, 3 passes over 256 MiB: about a second, and as much for each guess. Limits
that are read back are bounded, because a changed row must not make tic ask for all memory.

A passphrase is at least 15 characters, as NIST SP 800-63B-4 (3.1.1.2) has it for one that stands alone; there
are no rules about which. It is normalized (NFKC, as there), so it opens from any keyboard.
"""

import base64
import binascii
import os
import secrets
import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from credentials.keys import environment
from credentials.keys.asking import Ask
from credentials.keys.established import Established, established, fits, not_tics, wanted_id
from credentials.keys.form import KEY_BYTES, KeyUnusable
from credentials.secret import SecretBytes

SOURCE: Final = "passphrase"
SHORTEST: Final = 15  # characters
FEWEST_DIFFERENT: Final = 5
LONGEST: Final = 1024  # characters
SALT_BYTES: Final = 16
_LONGEST_FILE: Final = 4096


class PassphraseRefused(KeyUnusable):
    """A new passphrase is too short, too simple, or was not typed twice alike."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """What deriving a key takes: passes, and bytes of memory. The bounds are for what is read back."""

    passes: int = 3
    memory: int = 256 * 1024 * 1024

    def bounded(self) -> bool:
        """Whether a vault may say so: from libsodium's least, to 16 passes and its SENSITIVE 1 GiB."""
        return 1 <= self.passes <= 16 and 8 * 1024 <= self.memory <= 1024 * 1024 * 1024


def establish(
    *, ask: Ask, replacing: bool = False, environ: Mapping[str, str] = os.environ, cost: Cost | None = None
) -> Established:
    """The key of a new passphrase, asked for twice where a person sits at a terminal.

    Raises PassphraseRefused, KeyUnusable.
    """
    given = _given(environ, new=replacing)
    if given is None:
        passphrase = ask("New passphrase for the vault: ")
        _check(passphrase)
        if ask("The same again: ") != passphrase:
            raise PassphraseRefused(
                "the two passphrases differ; nothing was changed", hint="run the command again"
            )
    else:
        passphrase = given
        _check(passphrase)
    cost, salt = cost or Cost(), secrets.token_bytes(SALT_BYTES)
    return established(
        SOURCE,
        derive(passphrase, salt, cost),
        kdf="argon2id",
        salt=base64.b64encode(salt).decode(),
        passes=cost.passes,
        memory=cost.memory,
    )


def unlock(
    params: Mapping[str, object] | None, *, ask: Ask, environ: Mapping[str, str] = os.environ
) -> SecretBytes:
    """The key again; asks once where no variable holds the passphrase. Raises KeyUnusable."""
    wanted, (salt, cost) = wanted_id(params), _parameters(params)
    given = [one for new in (False, True) if (one := _given(environ, new=new)) is not None]
    for passphrase in given or [ask("Passphrase of the vault: ")]:
        key = derive(passphrase, salt, cost)
        if fits(key, wanted):
            return key
    raise KeyUnusable(
        "the passphrase is not the one that this vault was made with, or the vault's own row was changed",
        hint=f"set {environment.PASSPHRASE_FILE} or {environment.PASSPHRASE} to the right one"
        if given
        else "run the command again, and type the right one",
    )


def derive(passphrase: str, salt: bytes, cost: Cost) -> SecretBytes:
    """The key of a passphrase; raises KeyUnusable where the memory for it is not to be had."""
    from nacl.exceptions import RuntimeError as OutOfMemory
    from nacl.pwhash import argon2id

    text = unicodedata.normalize("NFKC", passphrase).encode(errors="surrogateescape")
    try:
        key = argon2id.kdf(KEY_BYTES, text, salt, opslimit=cost.passes, memlimit=cost.memory)
    except (OutOfMemory, MemoryError):
        raise KeyUnusable(
            f"deriving the vault's key takes {cost.memory // (1024 * 1024)} MiB of memory, and there is less",
            hint="give this process more memory, and run the command again",
        ) from None
    return SecretBytes(key)


def _check(passphrase: str) -> None:
    if len(passphrase) < SHORTEST:
        raise PassphraseRefused(
            f"a passphrase of {len(passphrase)} characters is too short: {SHORTEST} at least",
            hint="take four or five words that nobody would put together, and run the command again",
        )
    if len(passphrase) > LONGEST:
        raise PassphraseRefused(
            f"a passphrase of {len(passphrase)} characters is too long: {LONGEST} at most",
            hint="take a shorter one, or keep the key elsewhere: --key file, keyring or environment",
        )
    if len(set(passphrase)) < FEWEST_DIFFERENT:
        raise PassphraseRefused(
            "a passphrase of a few characters over and over is no better than a short one",
            hint="take four or five words that nobody would put together, and run the command again",
        )


def _parameters(params: Mapping[str, object] | None) -> tuple[bytes, Cost]:
    noted = params or {}
    salt, passes, memory = noted.get("salt"), noted.get("passes"), noted.get("memory")
    if not (isinstance(salt, str) and isinstance(passes, int) and isinstance(memory, int)):
        raise not_tics()
    try:
        decoded = base64.b64decode(salt, validate=True)
    except (binascii.Error, ValueError):
        raise not_tics() from None
    cost = Cost(passes, memory)
    if len(decoded) != SALT_BYTES or noted.get("kdf") != "argon2id" or not cost.bounded():
        raise not_tics()
    return decoded, cost


def _given(environ: Mapping[str, str], *, new: bool) -> str | None:
    """The passphrase that a variable holds or names the file of; the file goes first."""
    in_file = environment.NEW_PASSPHRASE_FILE if new else environment.PASSPHRASE_FILE
    direct = environment.NEW_PASSPHRASE if new else environment.PASSPHRASE
    if (path := environment.variable(in_file, environ)) is not None:
        return _decoded(_read(Path(os.fsdecode(path.reveal())), in_file), in_file)
    if (value := environment.variable(direct, environ)) is not None:
        return _decoded(value.reveal(), direct)
    return None


def _read(path: Path, variable: str) -> bytes:
    """What is in the file, without the end of its line."""
    try:
        with path.open("rb") as file:
            status, content = os.fstat(file.fileno()), file.read(_LONGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is not a path"
        raise KeyUnusable(
            f"the file that {variable} names can't be read: {path}: {reason}",
            hint=f"set {variable} to a file that holds the passphrase",
        ) from error
    if stat.S_ISREG(status.st_mode) and (status.st_uid not in (os.geteuid(), 0) or status.st_mode & 0o077):
        raise KeyUnusable(
            f"the passphrase's file {path} is open to other users, or theirs (mode "
            f"{status.st_mode & 0o777:04o}, user id {status.st_uid})",
            hint=f"close it: chmod 600 {path}; if others may have read it, take another passphrase: "
            "tic vault rekey",
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
