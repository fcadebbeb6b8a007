"""Simulated CAs, each with limits that it counts itself, and what can go wrong there.

They count for themselves, in code that shares nothing with tic's: a token bucket for each limit and subject,
in seconds. An order that a limit does not allow is a breach.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stacks.provider.acme.epoch import Held, Window

DAY = timedelta(days=1)
WHOLE = 1 - 1e-6  # a token, but for what floating point loses


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many at once, and one more every so many seconds; `of` picks whose bucket an order is counted in."""

    most: int
    refill: float
    exempts_renewals: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What a CA allows; None: it says nothing. With `exempts_replacements` an order that names its
    predecessor (RFC 9773 5) is not counted.
    """

    orders_of_account: Allowance | None = None
    certificates_of_domain: Allowance | None = None
    certificates_of_set: Allowance | None = None
    failures_of_name: Allowance | None = None
    exempts_replacements: bool = False


class Buckets:
    """Tokens by subject; a subject that is new has all of them."""

    def __init__(self, allowed: Allowance) -> None:
        self.allowed = allowed
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, subject: str, now: float) -> bool:
        """Take one; False: there is none, and none is taken."""
        tokens = self.tokens(subject, now)
        if tokens < WHOLE:
            return False
        self._left[subject] = (tokens - 1, now)
        return True

    def tokens(self, subject: str, now: float) -> float:
        """How many are left."""
        left, since = self._left.get(subject, (float(self.allowed.most), now))
        return min(self.allowed.most, left + (now - since) / self.allowed.refill)


class Refused(Exception):
    """The CA does not take or finish the order; `retry_after` in seconds where it asks to wait."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


@dataclass(slots=True)
class Ca:
    """One CA. `outages` are (from, to); `renewal_info`: it offers RFC 9773; `known` are the sets of names
    that it has issued.
    """

    directory: str
    rules: Rules
    renewal_info: bool
    outages: Sequence[tuple[datetime, datetime]] = ()
    moved: dict[str, Window] = field(default_factory=dict)
    breaches: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    issued: int = 0
    known: set[tuple[str, ...]] = field(default_factory=set)
    _buckets: dict[str, Buckets] = field(default_factory=dict)

    def answers(self, now: datetime) -> bool:
        """Whether it is there."""
        return not any(begin <= now < end for begin, end in self.outages)

    def order(self, account: str, names: tuple[str, ...], now: datetime, *, replaces: bool) -> None:
        """Take an order, and count it; one that is not allowed is a breach. Raises Refused."""
        if not self.answers(now):
            raise Refused("silence")
        self.orders += 1
        if replaces and self.rules.exempts_replacements:
            return
        self._count("orders", self.rules.orders_of_account, account, now, renews=names in self.known)
        if self.rules.failures_of_name is not None:
            bucket = self._bucket("failures", self.rules.failures_of_name)
            if any(bucket.tokens(f"{account} {name}", now.timestamp()) < WHOLE for name in names):
                self.breaches["failures"] += 1

    def fail(self, account: str, name: str, now: datetime) -> None:
        """It found nothing that proves the name."""
        if self.rules.failures_of_name is not None:
            self._bucket("failures", self.rules.failures_of_name).take(f"{account} {name}", now.timestamp())

    def issue(self, domain: str, names: tuple[str, ...], now: datetime, *, replaces: bool) -> None:
        """The certificate is there, and counts; one that is not allowed is a breach."""
        if not (replaces and self.rules.exempts_replacements):
            renews = names in self.known
            self._count("domain", self.rules.certificates_of_domain, domain, now, renews=renews)
            self._count("set", self.rules.certificates_of_set, ",".join(sorted(names)), now, renews=renews)
        self.known.add(names)
        self.issued += 1

    def window(self, held: Held) -> Window | None:
        """When it wants a certificate renewed."""
        if not self.renewal_info:
            return None
        if (known := self.moved.get(held.serial) or held.window) is not None:
            return known
        lifetime = held.not_after - held.not_before
        return Window(held.not_before + lifetime * 0.65, held.not_before + lifetime * 0.7)

    def recall(self, serials: Iterable[str], now: datetime) -> None:
        """Want these renewed at once, as before they are revoked (RFC 9773 4.2)."""
        past = Window(now - 2 * DAY, now - DAY)
        self.moved.update(dict.fromkeys(serials, past))

    def _count(
        self, kind: str, allowed: Allowance | None, subject: str, now: datetime, *, renews: bool
    ) -> None:
        if allowed is None or (renews and allowed.exempts_renewals):
            return
        if not self._bucket(kind, allowed).take(subject, now.timestamp()):
            self.breaches[kind] += 1

    def _bucket(self, kind: str, allowed: Allowance) -> Buckets:
        return self._buckets.setdefault(kind, Buckets(allowed))
