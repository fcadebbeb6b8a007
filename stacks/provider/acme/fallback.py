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


def open_to(
    directories: Sequence[str], held: Held | None, now: datetime, *, revoked: bool = False
) -> Sequence[str]:
    """The CAs that may be ordered from at `now`, the wanted one first; never none. A certificate that is
    `revoked` can't wait.

    Where there is no certificate yet, nothing is lost by waiting for the CA that was asked for.
    """
    return directories if held is not None and (revoked or now >= opens_at(held)) else directories[:1]


def choose(choice: Sequence[str], usable: Callable[[str], bool]) -> str:
    """The CA to order from, of those that are open. Where none is usable it is the first, which then says
    what is wrong. `usable` is asked only where there is a choice.
    """
    if len(choice) == 1:
        return choice[0]
    return next((each for each in choice if usable(each)), choice[0])


def carried_on(choice: Sequence[str], begun_at: str | None) -> Sequence[str]:
    """The same, beginning with the CA at which a renewal that was cut off has an order already."""
    if begun_at is None or begun_at not in choice:
        return choice
    return (begun_at, *(each for each in choice if each != begun_at))
