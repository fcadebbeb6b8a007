"""From which CA a certificate is ordered when it has several; pure: times and answers are arguments.

The first one is asked for every renewal. The others are there for what can't wait: in the last sixth of the
certificate's lifetime (15 days of 90, one of 6) the first that can be ordered from takes its place, for this
one certificate. So a short outage moves nothing to another CA, and a long one lets nothing expire.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from stacks.provider.acme.epoch import Held

LAST_PART = 6


def opens_at(held: Held) -> datetime:
    """From when the other CAs may be ordered from."""
    return held.not_after - (held.not_after - held.not_before) / LAST_PART


def open_to(directories: Sequence[str], held: Held | None, now: datetime) -> Sequence[str]:
    """The CAs that may be ordered from at `now`, the wanted one first; never none.

    Where there is no certificate yet, nothing is lost by waiting for the CA that was asked for.
    """
    return directories if held is not None and now >= opens_at(held) else directories[:1]


def choose(
    directories: Sequence[str], held: Held | None, now: datetime, usable: Callable[[str], bool]
) -> str:
    """The CA to order from. Where none is usable it is the first, which then says what is wrong.

    `usable` is asked only where there is a choice.
    """
    choice = open_to(directories, held, now)
    if len(choice) == 1:
        return choice[0]
    return next((each for each in choice if usable(each)), choice[0])
