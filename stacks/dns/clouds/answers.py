"""Reads a cloud's answers, which are somebody else's: in any other form than the cloud's they are refused."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stacks.dns.publisher import ProviderFailed

MOST_PAGES: Final = 1000
_ID: Final = re.compile(r"[\w=-][\w.=-]{0,127}", re.ASCII)
_NOTHING: Final[Mapping[str, Any]] = {}


class OddAnswer(ProviderFailed):
    """A cloud answered in a form that is not its own; nothing was asked of it but to read."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the cloud answers with {name} of a form that it never had",
            hint="see what stands between this machine and it (HTTPS_PROXY); if nothing does, its API is new",
            untouched=True,
        )


def inner(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of this name; empty where there is none."""
    value = content.get(name)
    return value if isinstance(value, Mapping) else _NOTHING


def entries(content: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The objects in the list of this name, which may be left out where it is empty. Raises OddAnswer."""
    found = content.get(name)
    if found is None:
        return
    if not isinstance(found, list):
        raise OddAnswer(name)
    for one in found:
        if not isinstance(one, Mapping):
            raise OddAnswer(name)
        yield one


def number(content: Mapping[str, Any], name: str, otherwise: int) -> int:
    """The whole number of this name, not below zero."""
    value = content.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def text(content: Mapping[str, Any], *names: str) -> str:
    """The first text or number of these names; empty where there is none."""
    found = (content.get(name) for name in names)
    return next((str(one) for one in found if isinstance(one, str | int) and one != ""), "")


def needed(content: Mapping[str, Any], name: str) -> str:
    """The text or number of this name. Raises OddAnswer."""
    found = text(content, name)
    if not found:
        raise OddAnswer(name)
    return found


def identifier(content: Mapping[str, Any], name: str) -> str:
    """An id that may stand in a path. Raises OddAnswer."""
    found = text(content, name)
    if not _ID.fullmatch(found):
        raise OddAnswer(name)
    return found
