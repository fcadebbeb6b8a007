"""E1: what a CA allows is known before it says so; times are invented, figures are Let's Encrypt's."""

from dataclasses import dataclass, field
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.certificates.limits.ledger import (
    NEW_ACCOUNT,
    NEW_ORDER,
    Bucket,
    Request,
    Slot,
    account_made,
    busy,
    earliest,
    earliest_account,
    failed,
    given_up,
    is_spent,
    issued,
    ordered,
    proven,
    refused,
)
from engine.certificates.limits.limit import Counts, Limit, Per, authorities, authority, limits
from engine.certificates.limits.registered import registered_domain
from stacks.provider.acme.directories import DIRECTORIES

LETSENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
NOBODY_KNOWS = "https://ca.example/directory"
NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86_400.0


def _order(*names: str, account: str = "acct/1", **flags: bool) -> Request:
    return Request(LETSENCRYPT, account, names or ("www.example.com",), **flags)


def _limit(name: str) -> Limit:
    return next(each for each in limits(LETSENCRYPT) if each.name == name)


def _get(ledger: dict[Slot, Bucket], request: Request, now: float = NOW) -> None:
    """Order and be issued, at once."""
    ledger.update(ordered(ledger, request, now))
    ledger.update(issued(ledger, request, now))


def test_fifty_certificates_of_a_registered_domain_are_possible_in_a_week_and_then_one_in_202_minutes() -> (
    None
):
    ledger: dict[Slot, Bucket] = {}
    for number in range(50):
        request = _order(f"host{number}.example.co.uk")
        assert earliest(ledger, request, NOW) is None
        _get(ledger, request)

    held = earliest(ledger, _order("one.more.example.co.uk", account="acct/another"), NOW + HOUR)

    assert held is not None
    assert held.limit is not None
    assert (held.limit.name, held.slot.subject, held.used) == ("domain", "example.co.uk", 50)
    assert held.moment == NOW + 202 * 60
    assert held.since == NOW
    assert earliest(ledger, _order("example.com"), NOW + HOUR) is None
    assert earliest(ledger, _order("one.more.example.co.uk"), held.moment) is None


def test_a_sixth_certificate_for_the_same_names_waits_also_where_it_is_a_renewal() -> None:
    ledger: dict[Slot, Bucket] = {}
    for _ in range(5):
        _get(ledger, _order("b.example", "a.example"))

    held = earliest(ledger, _order("a.example", "b.example", renewal=True), NOW)

    assert held is not None
    assert held.limit is not None
    assert (held.limit.name, held.slot.subject) == ("duplicates", "a.example,b.example")
    assert held.moment == NOW + 34 * HOUR
    assert earliest(ledger, _order("a.example", "b.example", "c.example"), NOW) is None


def test_three_hundred_orders_of_an_account_are_possible_at_once_and_renewals_count_none() -> None:
    ledger: dict[Slot, Bucket] = {}
    for number in range(300):
        ledger.update(ordered(ledger, _order(f"www.example{number}.com"), NOW))
        ledger.update(ordered(ledger, _order(f"old{number}.example", renewal=True), NOW))

    held = earliest(ledger, _order("more.example.net"), NOW)

    assert held is not None
    assert held.limit is not None
    assert (held.limit.name, held.moment) == ("orders", NOW + 36)
    assert earliest(ledger, _order("more.example.net", renewal=True), NOW) is None
    assert earliest(ledger, _order("more.example.net", account="acct/2"), NOW) is None


def test_an_order_that_names_what_it_replaces_is_held_back_by_no_limit_and_counts_for_none() -> None:
    ledger: dict[Slot, Bucket] = {}
    for _ in range(5):
        _get(ledger, _order())
    replacing = _order(replaces=True)

    assert earliest(ledger, _order(), NOW) is not None
    assert earliest(ledger, replacing, NOW) is None
    assert ordered(ledger, replacing, NOW) == issued(ledger, replacing, NOW) == {}


def test_an_order_that_is_under_way_holds_what_it_will_use_until_it_is_issued_or_given_up() -> None:
    ledger: dict[Slot, Bucket] = {}
    for _ in range(5):
        ledger.update(ordered(ledger, _order(), NOW))

    held = earliest(ledger, _order(), NOW + 30 * DAY)
    assert held is not None
    assert (held.moment, held.used) == (inf, 5)

    ledger.update(given_up(ledger, _order()))
    assert earliest(ledger, _order(), NOW + 30 * DAY) is None


def test_failed_validations_hold_back_the_name_for_that_account_only() -> None:
    ledger: dict[Slot, Bucket] = {}
    for _ in range(5):
        ledger.update(failed(ledger, LETSENCRYPT, "acct/1", "bad.example", NOW))

    held = earliest(ledger, _order("*.bad.example", "good.example"), NOW)

    assert held is not None
    assert held.limit is not None
    assert (held.limit.name, held.slot.subject) == ("failures", "bad.example of acct/1")
    assert held.moment == NOW + 12 * 60
    assert earliest(ledger, _order("bad.example", account="acct/2"), NOW) is None
    assert earliest(ledger, _order("good.example"), NOW) is None


def test_a_name_that_is_proven_has_no_failures_in_a_row_any_more() -> None:
    ledger: dict[Slot, Bucket] = {}
    for _ in range(1152):
        ledger.update(failed(ledger, LETSENCRYPT, "acct/1", "bad.example", NOW))

    later = NOW + 2 * HOUR
    held = earliest(ledger, _order("bad.example"), later)
    assert held is not None
    assert held.limit is not None
    assert held.limit.name == "consecutive-failures"

    ledger.update(proven(ledger, LETSENCRYPT, "acct/1", "bad.example"))
    assert earliest(ledger, _order("bad.example"), later) is None
    assert earliest(ledger, _order("bad.example"), NOW) is not None


def test_ten_accounts_are_possible_at_once() -> None:
    ledger: dict[Slot, Bucket] = {}
    for _ in range(10):
        assert earliest_account(ledger, LETSENCRYPT, NOW) is None
        ledger.update(account_made(ledger, LETSENCRYPT, NOW))

    held = earliest_account(ledger, LETSENCRYPT, NOW)
    assert held is not None
    assert held.moment == NOW + 18 * 60


@pytest.mark.parametrize(
    ("detail", "limit", "still"),
    [
        (
            'too many certificates (50) already issued for "example.com" in the last 168h0m0s',
            "domain",
            "www.example.org",
        ),
        (
            "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s",
            "duplicates",
            "a.example.com",
        ),
        ("too many new orders (300) from this account in the last 3h0m0s", "orders", ""),
        (
            'too many failed authorizations (5) for "b.example.com" in the last 1h0m0s',
            "failures",
            "a.example.com",
        ),
        ("the service is under maintenance", NEW_ORDER, ""),
    ],
)
def test_what_the_ca_says_holds_back_what_it_speaks_of(detail: str, limit: str, still: str) -> None:
    asked = _order("a.example.com", "b.example.com", "www.example.org")
    ledger = refused({}, asked, NOW + 5 * HOUR, detail)

    held = earliest(ledger, asked, NOW)

    assert held is not None
    assert held.by_ca
    assert (held.slot.limit, held.moment) == (limit, NOW + 5 * HOUR)
    assert earliest(ledger, asked, NOW + 5 * HOUR) is None
    assert (earliest(ledger, _order(still or "other.example.net"), NOW) is None) == bool(still)
    assert earliest(ledger, _order("other.example.net", account="acct/2"), NOW) is None


def test_a_ca_that_documents_no_limits_holds_back_nothing_but_what_it_asks_for() -> None:
    request = Request(NOBODY_KNOWS, "acct/1", ("a.example",))
    ledger: dict[Slot, Bucket] = {}
    for _ in range(1000):
        _get(ledger, request)
    assert ledger == {}

    ledger.update(busy(ledger, NOBODY_KNOWS, NEW_ORDER, NOW + 60))
    ledger.update(busy(ledger, NOBODY_KNOWS, NEW_ACCOUNT, NOW + 90))

    held, account = earliest(ledger, request, NOW), earliest_account(ledger, NOBODY_KNOWS, NOW)
    assert held is not None
    assert held.limit is None
    assert held.moment == NOW + 60
    assert account is not None
    assert account.moment == NOW + 90
    assert earliest(ledger, request, NOW + 60) is None


def test_a_later_shorter_wait_does_not_end_a_longer_one() -> None:
    ledger = busy({}, NOBODY_KNOWS, NEW_ORDER, NOW + 60)
    ledger.update(busy(ledger, NOBODY_KNOWS, NEW_ORDER, NOW + 10))

    held = earliest(ledger, Request(NOBODY_KNOWS, "acct/1", ("a.example",)), NOW)
    assert held is not None
    assert held.moment == NOW + 60


@pytest.mark.parametrize(
    ("name", "registered"),
    [
        ("www.example.com", "example.com"),
        ("*.a.b.example.co.uk", "example.co.uk"),
        ("someone.github.io", "someone.github.io"),
        ("github.io", "github.io"),
        ("b.a.xn--55qx5d.cn", "a.xn--55qx5d.cn"),
        ("localhost", "localhost"),
    ],
)
def test_a_registered_domain_is_what_the_public_suffix_list_says(name: str, registered: str) -> None:
    assert registered_domain(name) == registered


def test_every_figure_says_where_it_is_from() -> None:
    for known in authorities().values():
        assert known.known.startswith("202")
        assert not known.limits or known.source.startswith("https://")
        assert all(each.most > 0 and each.refill > 0 and each.told_by for each in known.limits)


@dataclass
class _Ca:
    """A CA that counts as Boulder does, when it happens: one arrival time a bucket; refuses what is over."""

    limit: Limit
    full_at: dict[str, float] = field(default_factory=dict)

    def spend(self, subject: str, now: float) -> bool:
        full_at = max(self.full_at.get(subject, 0.0), now) + self.limit.refill
        if full_at > now + self.limit.period + 1e-6:
            return False
        self.full_at[subject] = full_at
        return True


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["order", "issue", "give up"]),
            st.floats(0, 2 * DAY),
            st.sampled_from(["a.example.com", "b.example.com", "a.example.org"]),
        ),
        max_size=120,
    )
)
def test_however_orders_and_issuances_fall_the_ca_never_counts_more_than_it_allows(
    events: list[tuple[str, float, str]],
) -> None:
    """Orders may be issued days after they were made, in any order, or never."""
    ca = {limit.name: _Ca(limit) for limit in limits(LETSENCRYPT)}
    ledger: dict[Slot, Bucket] = {}
    under_way: list[Request] = []
    now = NOW
    for what, later, name in events:
        now += later / 10
        if what == "order" and earliest(ledger, request := _order(name), now) is None:
            assert ca["orders"].spend("acct/1", now)
            ledger.update(ordered(ledger, request, now))
            under_way.append(request)
        elif what == "issue" and under_way:
            request = under_way.pop(0)
            ledger.update(issued(ledger, request, now))
            assert ca["duplicates"].spend(",".join(request.names), now)
            assert ca["domain"].spend(registered_domain(request.names[0]), now)
        elif what == "give up" and under_way:
            ledger.update(given_up(ledger, under_way.pop()))


@given(st.integers(1, 60), st.floats(0, 7 * DAY))
def test_what_is_possible_at_a_moment_is_not_possible_a_second_before_it(before: int, later: float) -> None:
    ledger: dict[Slot, Bucket] = {}
    for number in range(min(before, 50)):
        _get(ledger, _order(f"{number}.example.com"), NOW)
    now = NOW + later / 100
    held = earliest(ledger, _order("new.example.com"), now)
    if held is not None:
        assert earliest(ledger, _order("new.example.com"), held.moment) is None
        assert earliest(ledger, _order("new.example.com"), held.moment - 1) is not None


def test_a_bucket_that_is_full_again_is_forgotten() -> None:
    ledger: dict[Slot, Bucket] = {}
    _get(ledger, _order())
    assert not any(is_spent(bucket, NOW) for bucket in ledger.values())
    assert all(is_spent(bucket, NOW + 7 * DAY + 2 * HOUR) for bucket in ledger.values())


def test_every_ca_that_has_a_name_here_is_looked_up_by_its_directory() -> None:
    assert [name for name, url in DIRECTORIES.items() if authority(url) is None] == []
    assert {each.counts for each in limits(LETSENCRYPT)} == set(Counts)
    assert {each.per for each in limits(LETSENCRYPT)} == set(Per)
