"""The catalogue: every kind of credential, its fields and its environment names, one data file each.

Nothing is read before it is asked for, and then one file: a listing of credentials reads none.
"""

import difflib
from functools import cache
from pathlib import Path

from credentials.errors import CredentialError
from credentials.kinds.delivery import DeliveredFile
from credentials.kinds.field import Field, fault_of
from credentials.kinds.kind import InvalidFields, Kind
from credentials.kinds.reader import PURPOSES, parse, parse_former
from credentials.kinds.succession import Succession

__all__ = [
    "PURPOSES",
    "DeliveredFile",
    "Field",
    "InvalidFields",
    "Kind",
    "KindIsGone",
    "Succession",
    "UnknownKind",
    "fault_of",
    "former",
    "former_names",
    "load",
    "names",
]

_FOLDER = Path(__file__).parent
_FORMER = _FOLDER / "former"


class UnknownKind(CredentialError):
    """There is no kind of this name."""

    def __init__(self, name: str) -> None:
        close = difflib.get_close_matches(name.lower(), (*names(), *former_names()), n=1)
        super().__init__(
            f"{name[:64]!r} is no kind of credential" + (f"; did you mean {close[0]}?" if close else ""),
            hint="see all kinds: tic creds kinds",
        )


class KindIsGone(UnknownKind):
    """There was such a provider; what took its place wants other fields."""

    def __init__(self, succession: Succession) -> None:
        CredentialError.__init__(
            self,
            f"{succession.name} ({succession.label}) is no kind of credential any more: {succession.because}",
            hint=f"make one of its successor: tic creds new NAME --provider {succession.succeeded_by}"
            if succession.succeeded_by
            else "choose another provider for your zone: tic creds kinds --group dns",
        )


@cache
def names() -> tuple[str, ...]:
    """The names of all kinds, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


@cache
def former_names() -> tuple[str, ...]:
    """The names that answer with another kind, or with why there is none, sorted."""
    return tuple(sorted(file.stem for file in _FORMER.glob("*.toml")))


@cache
def former(name: str) -> Succession | None:
    """What became of a name that is no kind's own; None if there is nothing to say about it."""
    if name not in former_names():
        return None
    return parse_former(name, (_FORMER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def load(kind: str) -> Kind:
    """The kind of this name, or of another name for the same; raises UnknownKind or KindIsGone.

    What is stored is the kind's own name: `load(name).name`.
    """
    if kind in names():
        return parse(kind, (_FOLDER / f"{kind}.toml").read_text(encoding="utf-8"))
    succession = former(kind)
    if succession is None:
        raise UnknownKind(kind)
    if succession.succeeded_by is None or not succession.same:
        raise KindIsGone(succession)
    return load(succession.succeeded_by)
