"""How a command is told a beginning: a span that ends now, or a date."""

import re
from datetime import UTC, datetime, timedelta

from cli.creds_input import BadInput

_SPAN = re.compile(r"(\d{1,6})\s*(s|min|m|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds_since(text: str, *, now: float) -> int:
    """The beginning that `text` names, in microseconds since the epoch; `now` is in seconds since the epoch.

    A span is "90s", "30min", "12h", "7d" or "2w"; a date or a time is as in ISO 8601, in UTC unless it names
    another zone. Raises BadInput.
    """
    if found := _SPAN.fullmatch(text.strip()):
        return max(0, int(now * 1_000_000) - int(found[1]) * _SECONDS[found[2]] * 1_000_000)
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, (moment - _EPOCH) // timedelta(microseconds=1))
    except (ValueError, OverflowError):
        raise BadInput(
            f"--since {text[:40]!r} is neither a span nor a date",
            hint="write it as 90s, 30min, 12h, 7d or 2w, or as 2026-01-31 or 2026-01-31T18:00 (UTC)",
        ) from None
