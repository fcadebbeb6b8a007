"""The registered domain of a name by the Public Suffix List, as it came with its package: no network."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@cache
def registered_domain(name: str) -> str:
    """What was bought from a registrar: `example.co.uk` of `*.www.example.co.uk`.

    A name that is a public suffix itself is its own, and so is one that the list says nothing of.
    """
    base = name.removeprefix("*.")
    return _list().privatesuffix(base) or base


@cache
def _list() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # 0.2 s: only where a limit counts domains

    return PublicSuffixList()
