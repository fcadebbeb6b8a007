"""What is used of limits, and what CAs document, as JSON tells it; times are RFC 3339, UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf
from typing import Any

from engine.certificates.limits.ledger import ANYBODY, Bucket, Ledger, Slot, held_back
from engine.certificates.limits.limit import Limit, authorities, authority
from engine.certificates.limits.telling import ca_name
from stacks.moments import moment


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a limit is used; `limit` is None where a CA asked to wait without saying for which.

    `possible_at` is None where one more is possible now, and `inf` where that waits for orders under way.
    """

    slot: Slot
    bucket: Bucket
    limit: Limit | None
    used: int
    possible_at: float | None
    by_ca: bool

    @property
    def what(self) -> str:
        """What is counted."""
        return self.limit.label if self.limit is not None else f"the CA asked to wait: {self.slot.limit}"

    def view(self) -> dict[str, Any]:
        """As JSON tells it."""
        limit, known = self.limit, authority(self.slot.directory)
        waiting = self.possible_at is not None and isinf(self.possible_at)
        return {
            "ca": ca_name(self.slot.directory),
            "directory": self.slot.directory,
            "limit": self.slot.limit,
            "counts": limit and limit.label,
            "subject": None if self.slot.subject == ANYBODY else self.slot.subject,
            "used": self.used if limit else None,
            "most": limit and limit.most,
            "under_way": self.bucket.held,
            "since": _told(self.bucket.since or None),
            "possible_at": None if waiting else _told(self.possible_at),
            "waits_for_orders": waiting,
            "asked_by_ca": self.by_ca,
            "source": known.source or None if known is not None else None,
        }


def uses(ledger: Ledger, now: float) -> list[Use]:
    """What is used, nearest to its end first: what is held back, then the most used."""
    found = [_use(slot, bucket, now) for slot, bucket in ledger.items()]
    return sorted((each for each in found if each is not None), key=_order)


def documented() -> Iterator[dict[str, Any]]:
    """What is known of each CA's limits, by directory; `limits` is empty where no figures were found."""
    for directory, known in authorities().items():
        yield {
            "ca": known.label,
            "directory": directory,
            "source": known.source or None,
            "known_from": known.known,
            "replacements_exempt": known.replacements_exempt,
            "limits": [
                {
                    "limit": each.name,
                    "counts": each.label,
                    "most": each.most,
                    "refill_seconds": each.refill,
                    "renewals_exempt": each.renewals_exempt,
                }
                for each in known.limits
            ],
        }


def _use(slot: Slot, bucket: Bucket, now: float) -> Use | None:
    known = authority(slot.directory)
    limits = known.limits if known is not None else ()
    limit = next((each for each in limits if each.name == slot.limit), None)
    if limit is None:
        if bucket.not_before <= now:
            return None
        return Use(slot, bucket, None, 0, bucket.not_before, by_ca=True)
    held = held_back(bucket, limit, slot, now)
    used = bucket.used(limit, now)
    if held is None:
        return Use(slot, bucket, limit, used, None, by_ca=False)
    return Use(slot, bucket, limit, used, held.moment, held.by_ca)


def _told(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds).replace(" ", "T")


def _order(one: Use) -> tuple[bool, float, Slot]:
    share = one.used / one.limit.most if one.limit is not None else 1.0
    return one.possible_at is None, -share, one.slot
