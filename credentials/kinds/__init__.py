"""The catalogue: every kind of credential, its fields and its environment names, one data file each."""

import difflib
from functools import cache
from pathlib import Path

from credentials.errors import CredentialError
from credentials.kinds.kind import Field, InvalidFields, Kind, fault_of
from credentials.kinds.reader import parse

__all__ = ["Field", "InvalidFields", "Kind", "UnknownKind", "fault_of", "load", "names"]

_FOLDER = Path(__file__).parent


class UnknownKind(CredentialError):
    """There is no kind of this name."""

    def __init__(self, name: str) -> None:
        close = difflib.get_close_matches(name.lower(), names(), n=1)
        super().__init__(
            f"{name[:64]!r} is no kind of credential" + (f"; did you mean {close[0]}?" if close else ""),
            hint="see all kinds: tic creds kinds",
        )


@cache
def names() -> tuple[str, ...]:
    """The names of all kinds, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


@cache
def load(kind: str) -> Kind:
    """The kind of this name; raises UnknownKind."""
    if kind not in names():
        raise UnknownKind(kind)
    return parse(kind, (_FOLDER / f"{kind}.toml").read_text(encoding="utf-8"))
