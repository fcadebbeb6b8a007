"""When a certificate is to be renewed, and when again after a renewal that failed; pure: times are arguments.

Times are aware. The first attempt is when the CA wants it, or when a third of the lifetime is left
(`stacks.provider.acme.epoch`). One that fails is repeated after ten minutes, then twice as long each time,
but never later than a day on, and never so late that fewer than four attempts would be left before the end.
"""

from datetime import UTC, datetime, timedelta

from stacks.provider.acme.epoch import Held, Window, renew_at

FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(days=1)
ATTEMPTS_LEFT = 4
AT_ONCE = datetime.fromtimestamp(0, UTC)


def due_at(held: Held, window: Window | None, wanted: int | None, retry_at: datetime | None) -> datetime:
    """When to renew: at `retry_at` where something failed, else at once where a higher epoch is wanted."""
    if retry_at is not None:
        return retry_at
    return AT_ONCE if wanted is not None and wanted > held.epoch else renew_at(held, window)


def retry_at(failures: int, now: datetime, not_after: datetime) -> datetime:
    """When to try again after the attempt at `now`, the `failures`-th in a row that failed."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(failures - 1, 16)
    in_time = max(FIRST_PAUSE, (not_after - now) / ATTEMPTS_LEFT)
    return now + min(doubled, LONGEST_PAUSE, in_time)
