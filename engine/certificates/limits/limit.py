"""The rate limits that CAs document, by directory URL, from `limits.toml`; who documents none has none here.

A limit is a bucket of tokens (Let's Encrypt, "Rate Limits"): `most` can be spent at once, and one comes back
every `refill` seconds. A CA counts four things: orders (newOrder), certificates (issued), validations that
failed, and accounts (newAccount); and it counts them per account, registered domain, exact set of names,
account and identifier, or address.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from engine.certificates.limits import own
from engine.home import Home
from stacks.provider.acme.directories import DIRECTORIES

_DATA = Path(__file__).with_name("limits.toml")


class Counts(Enum):
    """What uses a limit up."""

    ORDERS = "orders"
    CERTIFICATES = "certificates"
    FAILURES = "failures"
    ACCOUNTS = "accounts"


class Per(Enum):
    """Whose use is counted together."""

    ACCOUNT = "account"
    REGISTERED_DOMAIN = "registered domain"
    EXACT_SET = "exact set of names"
    IDENTIFIER = "identifier of an account"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a CA; `told_by` is a part of the text with which the CA refuses what would breach it.

    `renewals_exempt`: an order for names that a certificate was issued for already counts nothing and is
    not held back. `ends_with_success`: what was counted is forgotten when a validation succeeds.
    """

    name: str
    label: str
    counts: Counts
    per: Per
    most: int
    refill: float
    told_by: str
    renewals_exempt: bool = False
    ends_with_success: bool = False

    @property
    def period(self) -> float:
        """Seconds in which an empty bucket fills."""
        return self.most * self.refill


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA with its limits, where they are documented (`source`, a URL or nothing) and the date that is from.

    `replacements_exempt`: an order that names the certificate it replaces (RFC 9773 5) is held back by none.
    """

    name: str
    label: str
    source: str
    known: str
    replacements_exempt: bool
    limits: tuple[Limit, ...]


@cache
def authorities() -> Mapping[str, Authority]:
    """Every CA of which something is known, by directory URL: what it documents, and what the user says.

    Raises LimitsMalformed.
    """
    with _DATA.open("rb") as file:
        data = tomllib.load(file)
    return combined(data, Home.find().root / own.FILE)


def combined(data: Mapping[str, Any], path: Path) -> Mapping[str, Authority]:
    """What is documented with what the file at `path` says, which goes first. Raises LimitsMalformed."""
    told = own.read(path)
    found: dict[str, Authority] = {}
    for name in [*data, *(each for each in told if each not in data)]:
        base, more = data.get(name, {}), told.get(name, {})
        defaults = {"label": name, "source": str(path), "known": "", "directories": []}
        values = {**defaults, **base, **more, "limit": _limits(base, more)}
        if more:
            values["source"] = more.get("source", str(path))
        try:
            known = _authority(name, values)
        except (KeyError, ValueError) as error:
            raise own.malformed(path, f"[{name}] lacks something, or says what is none: {error}") from None
        found |= {DIRECTORIES.get(each, each): known for each in values["directories"]}
    return found


def _limits(base: Mapping[str, Any], more: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The limits of a CA, by name: what is said of one again changes only that of it."""
    by_name = {each["name"]: dict(each) for each in base.get("limit", ())}
    for each in more.get("limit", ()):
        by_name.setdefault(each["name"], {}).update(each)
    return list(by_name.values())


def authority(directory_url: str) -> Authority | None:
    """The CA of a directory; None where nothing is known of its limits."""
    return authorities().get(directory_url)


def limits(directory_url: str) -> tuple[Limit, ...]:
    """The limits of a directory's CA; none where it documents none."""
    known = authority(directory_url)
    return known.limits if known is not None else ()


def _authority(name: str, values: Mapping[str, Any]) -> Authority:
    found = tuple(_limit(each) for each in values.get("limit", ()))
    exempt = bool(values.get("replacements_exempt"))
    return Authority(name, values["label"], values["source"], str(values["known"]), exempt, found)


def _limit(values: Mapping[str, Any]) -> Limit:
    return Limit(
        values["name"],
        values.get("label", values["name"]),
        Counts(values["counts"]),
        Per(values["per"]),
        values["most"],
        float(values["refill"]),
        values.get("told_by", ""),
        values.get("renewals_exempt", False),
        values.get("ends_with_success", False),
    )
