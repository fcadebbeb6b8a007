"""Where a vault's key comes from: a file, the operating system's keyring, a passphrase, or the environment.

Each of them makes a key (`establish`), gets it again (`unlock`), and takes the place of another one without a
moment at which a kill would lose the vault: the next key is kept beside the present one, the vault's row that
names it is committed, and then the present one is let go (`settle`, or `forget` where the source changed).
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from credentials.errors import CredentialError
from credentials.keys import environment, file, keyring, passphrase
from credentials.keys.asking import Ask, at_terminal
from credentials.keys.established import Established, ForeignParameters
from credentials.keys.former import keep_former
from credentials.keys.given import NEXT, VAULT
from credentials.secret import SecretBytes
from credentials.withheld import KEY

SOURCES: Final = (file.SOURCE, keyring.SOURCE, passphrase.SOURCE, environment.SOURCE)

Maker = Callable[[Path, str], Established]
"""Makes the key that was prepared, given the home's folder and the vault's id."""


class UnknownSource(CredentialError):
    """A key can't come from there."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"a vault's key can't come from {source!r}",
            hint=f"one of them: --key {', '.join(SOURCES[:-1])} or {SOURCES[-1]}",
        )


def prepare(
    source: str,
    *,
    replacing: bool = False,
    ask: Ask = at_terminal,
    environ: Mapping[str, str] = os.environ,
    cost: passphrase.Cost | None = None,
) -> Maker:
    """All of `establish` that asks a person, takes time or may be refused: call it before the write lock.

    Raises UnknownSource, KeyUnusable.
    """
    if source == file.SOURCE:
        return lambda home, _vault_id: file.establish(home, replacing=replacing)
    if source == keyring.SOURCE:
        keyring.check()
        return lambda _home, vault_id: keyring.establish(vault_id, replacing=replacing)
    if source == passphrase.SOURCE:
        purpose = NEXT if replacing else VAULT
        made = passphrase.establish(purpose, ask=ask, environ=environ, cost=cost)
    elif source == environment.SOURCE:
        made = environment.establish(replacing=replacing, environ=environ)
    else:
        raise UnknownSource(source)
    return lambda _home, _vault_id: made


def establish(
    source: str,
    home: Path,
    vault_id: str,
    *,
    replacing: bool = False,
    ask: Ask = at_terminal,
    environ: Mapping[str, str] = os.environ,
    cost: passphrase.Cost | None = None,
) -> Established:
    """A new wrapping key, kept by `source` and durable when this returns; the caller holds the write lock.

    `replacing` makes the next key of a vault that has one, beside it. Raises UnknownSource, KeyUnusable.
    """
    return prepare(source, replacing=replacing, ask=ask, environ=environ, cost=cost)(home, vault_id)


def unlock(
    source: str,
    params: Mapping[str, object] | None,
    home: Path,
    vault_id: str,
    *,
    ask: Ask = at_terminal,
    environ: Mapping[str, str] = os.environ,
) -> SecretBytes:
    """The key that a vault's row names; raises KeyUnusable with the way to get it.

    Another process may change the key between reading the row and this call: whoever gets KeyUnusable reads
    the row once more, and tries again if it has changed.
    """
    if source == file.SOURCE:
        return file.unlock(params, home)
    if source == keyring.SOURCE:
        return keyring.unlock(params, vault_id)
    if source == passphrase.SOURCE:
        return passphrase.unlock(params, ask=ask, environ=environ)
    if source == environment.SOURCE:
        return environment.unlock(params, environ)
    raise ForeignParameters


def settle(
    source: str,
    params: Mapping[str, object] | None,
    home: Path,
    vault_id: str,
    *,
    keep: bool = True,
) -> Path | None:
    """Let the key that the vault is under be the only one that its source keeps; raises KeyUnusable.

    The caller holds the write lock: nobody is about to commit a row that names another key. A key file that
    is replaced stays as a former one, whose path this returns, unless `keep` is false.
    """
    if source == file.SOURCE:
        former = keep_former(home) if keep and file.is_next(params, home) else None
        file.settle(params, home)
        return former
    file.forget_next(home)  # of an attempt to move the key into a file
    if source == keyring.SOURCE:
        keyring.settle(params, vault_id)
    return None


def forget(source: str, home: Path, vault_id: str, *, keep: bool = True) -> Path | None:
    """Remove the key of a source that the vault no longer uses, as `settle` does; raises KeyUnusable."""
    former = None
    if source == file.SOURCE:
        former = keep_former(home) if keep else None
        file.forget(home)
    elif source == keyring.SOURCE:
        keyring.forget(vault_id)
    return former


def place(source: str, home: Path, vault_id: str) -> str:
    """Where the key is kept, in words for a person."""
    if source == file.SOURCE:
        return str(home / file.KEY_FILE)
    if source == keyring.SOURCE:
        return f"the keyring, service {keyring.SERVICE}, user name {vault_id}"
    if source == passphrase.SOURCE:
        return "a passphrase (Argon2id)"
    return f"the variable {KEY}"
