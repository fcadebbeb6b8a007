"""A key from a passphrase: Argon2id (RFC 9106) with a random salt; all is noted but the passphrase.

Cost: libsodium's MODERATE limits, 3 passes over 256 MiB: about a second, and as much for each guess. Limits
that are read back are bounded, because a changed row must not make tic ask for all memory.

A passphrase is at least 15 characters, as NIST SP 800-63B-4 (3.1.1.2) has it for one that stands alone; there
are no rules about which. It is normalized (NFKC, as there), so it opens from any keyboard.
"""

import base64
import binascii
import os
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from credentials.keys.asking import Ask, NoTerminal, at_terminal
from credentials.keys.established import Established, ForeignParameters, established, fits, wanted_id
from credentials.keys.form import KEY_BYTES, KeyUnusable
from credentials.keys.given import NEXT, VAULT, Purpose, given
from credentials.secret import SecretBytes

SOURCE: Final = "passphrase"
SHORTEST: Final = 15  # characters
FEWEST_DIFFERENT: Final = 5
LONGEST: Final = 1024  # characters
SALT_BYTES: Final = 16


class PassphraseRefused(KeyUnusable):
    """A new passphrase is too short, too simple, or was not typed twice alike."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """What deriving a key takes: passes, and bytes of memory."""

    passes: int = 3
    memory: int = 256 * 1024 * 1024

    def bounded(self) -> bool:
        """Whether a row may say so: from libsodium's least, to 16 passes and its SENSITIVE 1 GiB."""
        return 1 <= self.passes <= 16 and 8 * 1024 <= self.memory <= 1024 * 1024 * 1024


def establish(
    purpose: Purpose,
    *,
    ask: Ask = at_terminal,
    environ: Mapping[str, str] = os.environ,
    cost: Cost | None = None,
) -> Established:
    """The key of a new passphrase, asked for twice where a person sits at a terminal.

    Raises PassphraseRefused, KeyUnusable.
    """
    passphrase = given(purpose, environ)
    if passphrase is None:
        passphrase = _asked(ask, f"New passphrase for {purpose.what}: ", purpose)
        _check(passphrase)
        if _asked(ask, "The same again: ", purpose) != passphrase:
            raise PassphraseRefused(
                "the two passphrases differ; nothing was changed", hint="run the command again"
            )
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
    params: Mapping[str, object] | None,
    *,
    ask: Ask = at_terminal,
    environ: Mapping[str, str] = os.environ,
    purposes: Sequence[Purpose] = (VAULT, NEXT),
) -> SecretBytes:
    """The key again; asks once where no variable holds the passphrase. Raises KeyUnusable."""
    wanted, (salt, cost), first = wanted_id(params), _parameters(params), purposes[0]
    known = [one for purpose in purposes if (one := given(purpose, environ)) is not None]
    for passphrase in known or [_asked(ask, f"Passphrase of {first.what}: ", first)]:
        key = derive(passphrase, salt, cost)
        if fits(key, wanted):
            return key
    raise KeyUnusable(
        f"the passphrase is not the one that {first.what} was sealed with",
        hint=f"set {first.in_file} or {first.direct} to the right one"
        if known
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
            f"deriving the key takes {cost.memory // (1024 * 1024)} MiB of memory, and there is less",
            hint="give this process more memory, and run the command again",
        ) from None
    return SecretBytes(key)


def _asked(ask: Ask, question: str, purpose: Purpose) -> str:
    try:
        return ask(question)
    except NoTerminal:
        raise KeyUnusable(
            f"the passphrase of {purpose.what} is needed, and there is no terminal to ask for it at",
            hint=f"set {purpose.in_file} to a private file that holds it, or {purpose.direct} to itself",
        ) from None


def _check(passphrase: str) -> None:
    if len(passphrase) < SHORTEST:
        raise PassphraseRefused(
            f"a passphrase of {len(passphrase)} characters is too short: {SHORTEST} at least",
            hint="take four or five words that nobody would put together, and run the command again",
        )
    if len(passphrase) > LONGEST:
        raise PassphraseRefused(
            f"a passphrase of {len(passphrase)} characters is too long: {LONGEST} at most",
            hint="take a shorter one, and run the command again",
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
        raise ForeignParameters
    try:
        decoded = base64.b64decode(salt, validate=True)
    except (binascii.Error, ValueError):
        raise ForeignParameters from None
    cost = Cost(passes, memory)
    if len(decoded) != SALT_BYTES or noted.get("kdf") != "argon2id" or not cost.bounded():
        raise ForeignParameters
    return decoded, cost
