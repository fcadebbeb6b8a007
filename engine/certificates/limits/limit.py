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
    """Every CA of which it is known whether it documents limits, by directory URL."""
    with _DATA.open("rb") as file:
        data = tomllib.load(file)
    return {url: _authority(name, values) for name, values in data.items() for url in values["directories"]}


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
        values["label"],
        Counts(values["counts"]),
        Per(values["per"]),
        values["most"],
        float(values["refill"]),
        values["told_by"],
        values.get("renewals_exempt", False),
        values.get("ends_with_success", False),
    )
