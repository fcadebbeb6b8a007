"""What a CA's list or responder says of a certificate, or why that can't be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import ReasonFlags

CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Revoked:
    """Since when (aware), and why in the words of RFC 5280 5.3.1; "" where the CA does not say why."""

    since: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of asking: `revoked` or not, or the `problems` for which that is not known.

    Neither where the certificate names no place to ask at.
    """

    revoked: Revoked | None = None
    problems: Sequence[str] = ()


class Unclear(ValueError):
    """An answer that says nothing for sure of this certificate; the text says why."""


def check_fresh(this_update: datetime, next_update: datetime | None, now: datetime) -> None:
    """Raise Unclear where what was said at `this_update` is not for `now` (all aware)."""
    if this_update > now + CLOCKS_DIFFER:
        raise Unclear(f"it is for later than now ({this_update:%Y-%m-%d %H:%M} UTC)")
    until = next_update or this_update + timedelta(days=1)
    if until < now - CLOCKS_DIFFER:
        raise Unclear(f"it is out of date since {until:%Y-%m-%d %H:%M} UTC")


def reason(flag: "ReasonFlags | None") -> str:
    """In the words of RFC 5280 5.3.1."""
    return "" if flag is None or flag.value == "unspecified" else str(flag.value)
