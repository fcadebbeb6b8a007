"""How much of each limit is used, and when a request is possible; pure, on a mapping of small values.

Times are seconds since the epoch (UTC). A ledger maps `Slot` to `Bucket`; a slot that is missing is a full
bucket. Functions that count something return the slots that it changes: `ledger.update(ordered(...))`.

A bucket knows when it is full again (as Boulder counts: a theoretical arrival time), and how many orders hold
a token of it without a certificate yet. Those count as if they were issued now, so that any number of runs
together never issue more than is allowed: an order holds its tokens from before the CA is asked
(`ordered`) until its certificate is there (`issued`), or it is known that none will come (`given_up`).
What the CA itself asked for (Retry-After) holds a slot back until then, whatever else is known.

The order of events for a certificate: `earliest` says None -> `ordered` -> the CA -> `issued`, or `given_up`;
`failed` for each name that was not proven, `proven` for each that was; `refused` where the CA said wait.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil, inf
from typing import NamedTuple

from engine.certificates.limits.limit import Authority, Counts, Limit, Per, authority
from engine.certificates.limits.registered import registered_domain

LONGEST_SUBJECT = 200  # characters of a set of names; a longer one is told by its first name and a digest
NEW_ORDER, NEW_ACCOUNT = "newOrder", "newAccount"
ANYBODY = ""
"""The subject of what is counted for everybody here: all that share this database count as one address."""


class Slot(NamedTuple):
    """Whose bucket of which limit; `limit` is the name of one, or of an endpoint that asked to wait."""

    directory: str
    limit: str
    subject: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """`full_at`: when what was counted has come back; `since` when use began, after it was last full.

    `held` orders may still use it up; `not_before` is what the CA asked for. All 0 where there is nothing.
    """

    full_at: float = 0.0
    since: float = 0.0
    held: int = 0
    not_before: float = 0.0

    def used(self, limit: Limit, now: float) -> int:
        """How many of `limit.most` can't be had at `now`."""
        return ceil(max(0.0, self.full_at - now) / limit.refill - 1e-6) + self.held


@dataclass(frozen=True, slots=True)
class Request:
    """An order: at which directory, as which account (its URL), for which names (A-labels, `*.` included).

    `renewal`: this CA issued a certificate for exactly these names before. `replaces`: the order names the
    certificate that it replaces, and the CA knows of it (RFC 9773 5).
    """

    directory: str
    account: str
    names: tuple[str, ...]
    renewal: bool = False
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Why a request can't be made now; `moment` is when it can (`inf`: when an order that is under way ends).

    `limit` is None where the CA asked to wait without saying for which (`by_ca`: it asked to).
    """

    moment: float
    slot: Slot
    limit: Limit | None
    used: int
    since: float
    by_ca: bool


Ledger = Mapping[Slot, Bucket]
Changed = dict[Slot, Bucket]


def earliest(ledger: Ledger, request: Request, now: float) -> Held | None:
    """What holds the request back the longest; None: it can be made now."""
    waits = [*_asked(ledger, request.directory, NEW_ORDER, request.account, now)]
    for limit, slot in slots(request):
        if (found := held_back(ledger.get(slot), limit, slot, now)) is not None:
            waits.append(found)
    return max(waits, key=lambda each: each.moment, default=None)


def earliest_account(ledger: Ledger, directory: str, now: float) -> Held | None:
    """What holds a new account back the longest; None: it can be made now."""
    waits = [*_asked(ledger, directory, NEW_ACCOUNT, ANYBODY, now)]
    for limit in _limits(directory, Counts.ACCOUNTS):
        slot = Slot(directory, limit.name, ANYBODY)
        if (found := held_back(ledger.get(slot), limit, slot, now)) is not None:
            waits.append(found)
    return max(waits, key=lambda each: each.moment, default=None)


def ordered(ledger: Ledger, request: Request, now: float) -> Changed:
    """The order is about to be made: it counts, and holds a token of what its certificate will use."""
    changed: Changed = {}
    for limit, slot in slots(request):
        bucket = ledger.get(slot, Bucket())
        if limit.counts is Counts.ORDERS:
            changed[slot] = _counted(bucket, limit, now)
        elif limit.counts is Counts.CERTIFICATES:
            changed[slot] = replace(bucket, held=bucket.held + 1, since=_since(bucket, now))
    return changed


def issued(ledger: Ledger, request: Request, now: float) -> Changed:
    """The order's certificate is there: what it held is used."""
    return {
        slot: _counted(_let_go(ledger.get(slot, Bucket())), limit, now)
        for limit, slot in certificates(request)
    }


def given_up(ledger: Ledger, request: Request) -> Changed:
    """No certificate comes of the order: what it held is free again; the order itself was made."""
    return {slot: _let_go(ledger.get(slot, Bucket())) for _, slot in certificates(request)}


def failed(ledger: Ledger, directory: str, account: str, identifier: str, now: float) -> Changed:
    """The CA looked at a name, and did not find what proves it."""
    return {
        slot: _counted(ledger.get(slot, Bucket()), limit, now)
        for limit, slot in _of_failures(directory, account, identifier)
    }


def proven(ledger: Ledger, directory: str, account: str, identifier: str) -> Changed:
    """The CA found what proves a name: failures in a row are none any more."""
    return {
        slot: Bucket()
        for limit, slot in _of_failures(directory, account, identifier)
        if limit.ends_with_success and slot in ledger
    }


def account_made(ledger: Ledger, directory: str, now: float) -> Changed:
    """An account is about to be made."""
    found = ((limit, Slot(directory, limit.name, ANYBODY)) for limit in _limits(directory, Counts.ACCOUNTS))
    return {slot: _counted(ledger.get(slot, Bucket()), limit, now) for limit, slot in found}


def refused(ledger: Ledger, request: Request, until: float, detail: str) -> Changed:
    """The CA refused the order and asked to wait until a moment; `detail` is what it said.

    Where that names a limit that is known, only what this limit counts waits; else the account's orders.
    """
    found = _told(slots(replace(request, renewal=False, replaces=False)), detail)
    return _asked_to_wait(ledger, found or [Slot(request.directory, NEW_ORDER, request.account)], until)


def busy(ledger: Ledger, directory: str, endpoint: str, until: float) -> Changed:
    """An endpoint (`newOrder`, `newAccount`) asked everybody to wait, as with HTTP 503."""
    return _asked_to_wait(ledger, [Slot(directory, endpoint, ANYBODY)], until)


def slots(request: Request) -> Iterator[tuple[Limit, Slot]]:
    """What may hold the order back, by the CA's limits: none where it replaces a certificate that counts."""
    known = authority(request.directory)
    if known is None or (request.replaces and known.replacements_exempt):
        return
    for limit in known.limits:
        if request.renewal and limit.renewals_exempt:
            continue
        for subject in _subjects(limit, request):
            yield limit, Slot(request.directory, limit.name, subject)


def certificates(request: Request) -> Iterator[tuple[Limit, Slot]]:
    """What the certificate of the order will use."""
    return (each for each in slots(request) if each[0].counts is Counts.CERTIFICATES)


def held_back(bucket: Bucket | None, limit: Limit, slot: Slot, now: float) -> Held | None:
    """What a bucket holds back at `now`, whatever else does."""
    if bucket is None:
        return None
    used = bucket.used(limit, now)
    moment, by_ca = now, False
    if bucket.held >= limit.most:
        moment = inf
    elif bucket.full_at > now:
        moment = bucket.full_at + (bucket.held + 1 - limit.most) * limit.refill
    if bucket.not_before > max(now, moment):
        moment, by_ca = bucket.not_before, True
    return Held(moment, slot, limit, used, bucket.since, by_ca) if moment > now else None


def is_spent(bucket: Bucket, now: float) -> bool:
    """Whether a bucket says nothing any more, and can be forgotten."""
    return bucket.full_at <= now and bucket.not_before <= now and not bucket.held


def _subjects(limit: Limit, request: Request) -> Iterable[str]:
    match limit.per:
        case Per.ACCOUNT:
            return (request.account,)
        case Per.REGISTERED_DOMAIN:
            return sorted({registered_domain(name) for name in request.names})
        case Per.EXACT_SET:
            return (exact_set(request.names),)
        case Per.IDENTIFIER:
            identifiers = {name.removeprefix("*.") for name in request.names}
            return [_of_account(request.account, each) for each in sorted(identifiers)]
        case Per.ADDRESS:
            return ()


def exact_set(names: Iterable[str]) -> str:
    """The names as one subject, whatever their order."""
    ordered_names = sorted(set(names))
    told = ",".join(ordered_names)
    if len(told) <= LONGEST_SUBJECT:
        return told
    return f"{ordered_names[0]} and {len(ordered_names) - 1} more ({sha256(told.encode()).hexdigest()[:16]})"


def _of_account(account: str, identifier: str) -> str:
    return f"{identifier} of {account}"


def _limits(directory: str, counts: Counts) -> tuple[Limit, ...]:
    known: Authority | None = authority(directory)
    return tuple(each for each in known.limits if each.counts is counts) if known is not None else ()


def _of_failures(directory: str, account: str, identifier: str) -> Iterator[tuple[Limit, Slot]]:
    for limit in _limits(directory, Counts.FAILURES):
        yield limit, Slot(directory, limit.name, _of_account(account, identifier))


def _asked(ledger: Ledger, directory: str, endpoint: str, subject: str, now: float) -> Iterator[Held]:
    for who in {subject, ANYBODY}:
        slot = Slot(directory, endpoint, who)
        bucket = ledger.get(slot)
        if bucket is not None and bucket.not_before > now:
            yield Held(bucket.not_before, slot, None, 0, bucket.since, True)


def _told(found: Iterable[tuple[Limit, Slot]], detail: str) -> list[Slot]:
    """The slots of the limit that the CA's words name; of several subjects those that the words name."""
    meant = [slot for limit, slot in found if limit.told_by and limit.told_by in detail]
    named = [slot for slot in meant if f'"{slot.subject.partition(" of ")[0]}"' in detail]
    return named or meant


def _asked_to_wait(ledger: Ledger, found: Iterable[Slot], until: float) -> Changed:
    buckets = ((slot, ledger.get(slot, Bucket())) for slot in found)
    return {slot: replace(each, not_before=max(each.not_before, until)) for slot, each in buckets}


def _counted(bucket: Bucket, limit: Limit, now: float) -> Bucket:
    full_at = min(max(bucket.full_at, now) + limit.refill, max(bucket.full_at, now + limit.period))
    return replace(bucket, full_at=full_at, since=_since(bucket, now))


def _since(bucket: Bucket, now: float) -> float:
    return bucket.since if bucket.since and (bucket.full_at > now or bucket.held) else now


def _let_go(bucket: Bucket) -> Bucket:
    return replace(bucket, held=max(0, bucket.held - 1))
