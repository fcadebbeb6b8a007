"""Moments and lengths of time as people and programs read them."""

from datetime import UTC, datetime
from math import ceil

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def moment(seconds: float) -> str:
    """A moment (seconds since the epoch) to the second, never too early (RFC 3339, UTC)."""
    return datetime.fromtimestamp(ceil(seconds), UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def iso(seconds: float | None) -> str | None:
    """A moment (seconds since the epoch) in ISO 8601, UTC, to the second; None for none."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def span(seconds: float) -> str:
    """A length of time in its two largest units, what is left over left out: `3 h 22 min`; at least `1 s`."""
    left, parts = max(1, ceil(seconds)), []
    for size, unit in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])
