"""A key as its source made it, and what the vault's row notes of it: which one it is, how to get it again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from credentials.keys.form import KeyUnusable, key_id
from credentials.secret import SecretBytes

_ID: Final = re.compile(r"[0-9a-f]{16}")


class ForeignParameters(KeyUnusable):
    """What is noted of a key is not what tic notes."""

    def __init__(self) -> None:
        super().__init__(
            "the vault's own row was changed by something else than tic: it does not say how to get the key",
            hint="put a backup back: tic vault restore FILE",
        )


@dataclass(frozen=True, slots=True)
class Established:
    """A wrapping key that its source keeps from now on; `params` are for the vault's row and no secret."""

    key: SecretBytes
    source: str
    params: Mapping[str, str | int]


def established(source: str, key: SecretBytes, **more: str | int) -> Established:
    """A key with its id among its parameters."""
    return Established(key, source, {"id": key_id(key), **more})


def wanted_id(params: Mapping[str, object] | None) -> str | None:
    """The id of the key that the vault is under; None where it is not noted, as in vaults of before.

    Raises ForeignParameters.
    """
    if not params:
        return None
    noted = params.get("id")
    if not isinstance(noted, str) or not _ID.fullmatch(noted):
        raise ForeignParameters
    return noted


def fits(key: SecretBytes, wanted: str | None) -> bool:
    """Whether a key is the one that is noted; any is, where none is."""
    return wanted is None or key_id(key) == wanted
