"""When a certificate is due, and the epoch that follows; pure: the time is an argument.

A certificate's epoch is a whole number. It is an input of the order: one higher makes a new order, new
challenges and a new certificate in the place of the old one. It rises when the certificate is due and
stays until then, so that a run in between changes nothing, and a run that died in the middle of a
renewal goes on with the epoch that it began.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

CERTIFICATE = "tic:acme/certificate:Certificate"
FIRST_EPOCH = 1


@dataclass(frozen=True, slots=True)
class Window:
    """When the CA wants the certificate renewed (RFC 9773 4.2); both ends aware, `start` before `end`."""

    start: datetime
    end: datetime

    @classmethod
    def read(cls, suggested: Mapping[str, Any]) -> Self | None:
        """From RFC 3339 texts; None where they make no window (RFC 9773 4.2: ignore it)."""
        try:
            start, end = (datetime.fromisoformat(suggested[each]) for each in ("start", "end"))
            return cls(start, end) if start < end and start.tzinfo else None
        except (KeyError, TypeError, ValueError):
            return None

    def to_json(self) -> dict[str, str]:
        """As `read` takes it."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate that the stack has. `window` was asked for when it was issued; the CA wants no
    earlier question than `ask_again` (its Retry-After, RFC 9773 4.3).
    """

    epoch: int
    serial: str
    not_before: datetime
    not_after: datetime
    window: Window | None = None
    renewal_info_url: str | None = None
    ask_again: datetime | None = None

    @classmethod
    def read(cls, outputs: Mapping[str, Any]) -> Self:
        """From a Certificate's outputs; raises KeyError or ValueError where they are not such."""
        asked = outputs.get("renewalCheckAfter")
        return cls(
            int(outputs["epoch"]),
            outputs["serial"],
            datetime.fromisoformat(outputs["notBefore"]),
            datetime.fromisoformat(outputs["notAfter"]),
            Window.read(outputs.get("renewalWindow") or {}),
            outputs.get("renewalInfoUrl"),
            datetime.fromisoformat(asked) if asked else None,
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """The epoch for this run, and when renewal is or was due (None without a certificate)."""

    epoch: int
    due: bool
    renew_at: datetime | None


def decide(held: Held | None, now: datetime, window: Window | None = None) -> Decision:
    """The epoch at `now`; `window` is what the CA said just now, and goes before what it said at issuance."""
    if held is None:
        return Decision(FIRST_EPOCH, due=False, renew_at=None)
    moment = renew_at(held, window or held.window)
    due = now >= moment
    return Decision(held.epoch + due, due, moment)


def renew_at(held: Held, window: Window | None) -> datetime:
    """When to renew: one third of the lifetime left. RFC 9773's window wins when the CA offers one.

    In the window, the moment is drawn from the serial number: spread over certificates as RFC 9773 4.2
    wants it, and the same whenever it is asked for, so that a preview and its run agree.
    """
    if window is None:
        return held.not_after - (held.not_after - held.not_before) / 3
    drawn = int.from_bytes(hashlib.sha256(held.serial.encode()).digest()[:8], "big") / 2**64
    return min(window.start + (window.end - window.start) * drawn, held.not_after)


def may_ask(
    held: Held, now: datetime, *, due_at: datetime | None = None, ask_again: datetime | None = None
) -> bool:
    """Whether to ask the CA for a window: it offers one, it is time, and nothing is due without asking.

    `due_at` and `ask_again` go before what the certificate itself says of them.
    """
    if held.renewal_info_url is None or now >= held.not_after:  # RFC 9773 4.3: never after the expiry
        return False
    again = ask_again or held.ask_again
    return now < (due_at or renew_at(held, held.window)) and (again is None or now >= again)
