"""The vault key in a variable of the environment, as a CI system or a container hands it over.

`TIC_KEY` holds the key's text form (`tic vault new-key` prints one). While a vault gets another key,
`TIC_NEW_KEY` holds that one; either is taken if it is the one that the vault is under.
"""

import os
from collections.abc import Mapping
from typing import Final

from credentials.keys.established import Established, established, fits, wanted_id
from credentials.keys.form import KeyUnusable, from_text
from credentials.secret import SecretBytes
from credentials.withheld import KEY, NEW_KEY, variable

SOURCE: Final = "environment"


def establish(*, replacing: bool = False, environ: Mapping[str, str] = os.environ) -> Established:
    """The key that the environment holds for a new vault, or as a vault's next one; raises KeyUnusable."""
    name = NEW_KEY if replacing else KEY
    key = _key(name, environ)
    if key is None:
        raise KeyUnusable(
            f"{name} is not set, and the vault's key is to come from there",
            hint=f'make one, and keep it where your other secrets are: export {name}="$(tic vault new-key)"',
        )
    return established(SOURCE, key)


def unlock(params: Mapping[str, object] | None, environ: Mapping[str, str] = os.environ) -> SecretBytes:
    """The key that the vault is under; raises KeyUnusable."""
    wanted, given = wanted_id(params), [_key(name, environ) for name in (KEY, NEW_KEY)]
    found = [key for key in given if key is not None]
    if not found:
        raise KeyUnusable(
            f"the vault's key comes from {KEY}, which is not set",
            hint=f"set it to the key that this vault was made with: export {KEY}=...",
        )
    for key in found:
        if fits(key, wanted):
            return key
    raise KeyUnusable(
        f"the key in {KEY} is not the one that this vault was made with, or the vault's own row was changed",
        hint=f"set {KEY} to the right one; see which vault this is: tic vault status",
    )


def _key(name: str, environ: Mapping[str, str]) -> SecretBytes | None:
    value = variable(name, environ)
    if value is None:
        return None
    key = from_text(value.encode(errors="surrogateescape"))
    if key is None:
        raise KeyUnusable(
            f"{name} holds no vault key: it has {len(value)} characters and is not of the form "
            "tic-vault-key-1:...",
            hint=f"set {name} to a key as tic vault new-key prints it",
        )
    return key
