"""What holds an order back, in finished sentences: which limit, of whom, since when, how many, until when."""

from math import isinf
from urllib.parse import urlsplit

from engine.certificates.limits.ledger import ANYBODY, Held
from engine.certificates.limits.limit import authority
from stacks.moments import moment, span


def told(held: Held, now: float) -> str:
    """Why it can't be ordered at `now` (seconds since the epoch), without when it can."""
    ca = ca_name(held.slot.directory)
    if held.limit is None:
        whose = f" for orders of {held.slot.subject}" if held.slot.subject != ANYBODY else ""
        return f"{ca} asked to wait{whose}"
    limit, subject = held.limit, held.slot.subject
    of = f" of {subject}" if subject != ANYBODY else ""
    if held.by_ca:
        return f"{ca} asked to wait: {limit.label}{of}"
    allowed = f"{ca} allows {limit.most} {limit.label}, and one more every {span(limit.refill)}"
    if isinf(held.moment):
        return f"{allowed}; orders that are under way hold all that is left{of}"
    use = f"{subject} has used {held.used}" if subject != ANYBODY else f"{held.used} are used"
    return f"{allowed}; {use} since {moment(held.since)}"


def possible(held: Held, now: float) -> str:
    """When it can be ordered, as seen at `now`."""
    if isinf(held.moment):
        return "it is possible when one of them has ended"
    return f"it is possible from {moment(held.moment)} on (in {span(held.moment - now)})"


def ca_name(directory_url: str) -> str:
    """How a CA is called: its name where it is known, else by the host of its directory."""
    known = authority(directory_url)
    return (
        known.label if known is not None else f"the CA at {urlsplit(directory_url).netloc or directory_url}"
    )
