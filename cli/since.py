"""How a command is told a beginning or an end: a span that ends or begins now, or a date."""

import re
from datetime import UTC, datetime, timedelta

from cli.creds_input import BadInput

_SPAN = re.compile(r"(\d{1,6})\s*(s|min|m|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253402300800.0  # the year 10000


def seconds(text: str) -> int | None:
    """The length of a span such as "90s", "30min", "12h", "7d" or "2w"; None for any other text."""
    found = _SPAN.fullmatch(text.strip())
    return int(found[1]) * _SECONDS[found[2]] if found else None


def microseconds_since(text: str, *, now: float) -> int:
    """The beginning that `text` names, in microseconds since the epoch; `now` is in seconds since the epoch.

    A span is "90s", "30min", "12h", "7d" or "2w"; a date or a time is as in ISO 8601, in UTC unless it names
    another zone. Raises BadInput.
    """
    if found := _SPAN.fullmatch(text.strip()):
        return max(0, int(now * 1_000_000) - _seconds(found) * 1_000_000)
    return max(0, (_moment("--since", text) - _EPOCH) // timedelta(microseconds=1))


def moment_until(text: str, *, now: float) -> float:
    """The end that `text` names: seconds since the epoch (UTC), after `now`; as `microseconds_since`.

    Raises BadInput.
    """
    if found := _SPAN.fullmatch(text.strip()):
        end = now + _seconds(found)
    else:
        end = (_moment("--expires", text) - _EPOCH).total_seconds()
    if not now < end < _LATEST:
        raise BadInput(
            f"--expires {text[:40]!r} is no time ahead",
            hint="write it as 12h, 90d or a date to come, or never",
        )
    return end


def _seconds(span: re.Match[str]) -> int:
    return int(span[1]) * _SECONDS[span[2]]


def _moment(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(
            f"{option} {text[:40]!r} is neither a span nor a date",
            hint="write it as 90s, 30min, 12h, 7d or 2w, or as 2026-01-31 or 2026-01-31T18:00 (UTC)",
        ) from None
