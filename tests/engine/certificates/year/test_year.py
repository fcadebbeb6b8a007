"""A year in a minute (E1): a CA that is gone for a week, a mass revocation, faults; none expires, no limit is
breached. What is decided in it is decided by the product's own code.
"""

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.certificates.limits import ledger as limits
from engine.certificates.limits import limit
from engine.certificates.limits.ledger import Bucket, Request, Slot
from engine.certificates.limits.limit import authorities as known_authorities
from stacks.provider.acme.epoch import Held
from tests.engine.certificates.year import population
from tests.engine.certificates.year.population import BEGIN, LETS_ENCRYPT, STRICT, domain, strict
from tests.engine.certificates.year.simulation import Year

BAD = ("EXPIRED", "REVOKED IN USE")


@pytest.fixture(autouse=True)
def strict_ca(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA whose limits exempt nothing, among those whose limits tic knows."""
    known = {**known_authorities(), STRICT: strict()}
    monkeypatch.setattr(limit, "authorities", lambda: known)


def breaches(year: Year) -> dict[str, dict[str, int]]:
    return {each.directory: dict(each.breaches) for each in year.cas.values() if each.breaches}


def test_a_year_of_three_hundred_certificates() -> None:
    year = Year(300, seed=1)
    year.run()
    print(f"seed 1: {dict(sorted(year.counts.items()))}")  # noqa: T201
    assert {each: year.counts[each] for each in BAD} == dict.fromkeys(BAD, 0)
    assert breaches(year) == {}
    # It was a year in which something happened.
    assert set(year.lifetimes) == {90, 47, 6}
    for each in (
        "recalled by their CA",
        "renewed at another CA",
        "back at the first CA",
        "put off: the CA is silent",
        "failed: a validation",
        "failed: deployment",
        "runs that were killed",
    ):
        assert year.counts[each] > 0, each


def test_the_same_seed_is_the_same_year() -> None:
    first, second = Year(60, seed=7), Year(60, seed=7)
    first.run(days=120)
    second.run(days=120)
    assert (first.counts, first.there) == (second.counts, second.there)


def test_without_another_ca_six_days_do_not_outlive_a_week_without_theirs() -> None:
    """The simulation sees what expires."""
    year = Year(120, seed=3)
    year.there = {
        number: replace(one, kept=replace(one.kept, directories=())) for number, one in year.there.items()
    }
    year.run(days=110)
    assert year.counts["EXPIRED"] > 0
    six_days = [one for one in year.there.values() if _lives(one.kept.held).days == 6]
    assert year.counts["EXPIRED"] <= len(six_days)


def _lives(held: Held) -> timedelta:
    return held.not_after - held.not_before


@given(
    st.lists(
        st.tuples(
            st.sampled_from([LETS_ENCRYPT, STRICT]),
            st.integers(0, 3),
            st.booleans(),
            st.sampled_from(["issued", "given up", "failed"]),
            st.floats(0, 40_000),
        ),
        max_size=200,
    )
)
def test_what_the_ledger_lets_through_each_ca_takes(drawn: list[tuple[str, int, bool, str, float]]) -> None:
    """tic's count of limits, against the count that the simulated CAs make for themselves."""
    cas, ledger, moment = population.authorities(), dict[Slot, Bucket](), BEGIN
    for directory, number, replaces, end, pause in drawn:
        moment += timedelta(seconds=pause / 100)
        ca, now = cas[directory], moment.timestamp()
        names = (f"w{number}.{domain(0)}",)
        asked = Request(directory, f"{directory}/me", names, names in ca.known, replaces)
        if not ca.answers(moment) or limits.earliest(ledger, asked, now) is not None:
            continue
        ledger.update(limits.ordered(ledger, asked, now))
        ca.order(asked.account, names, moment, replaces=replaces)
        if end == "issued":
            ledger.update(limits.issued(ledger, asked, now))
            ca.issue(domain(0), names, moment, replaces=replaces)
            continue
        ledger.update(limits.given_up(ledger, asked))
        if end == "failed":
            ledger.update(limits.failed(ledger, directory, asked.account, names[0], now))
            ca.fail(asked.account, names[0], moment)
    assert [dict(each.breaches) for each in cas.values() if each.breaches] == []


def test_a_ca_sees_what_is_too_much() -> None:
    """The simulated CAs count: one order more than is allowed is a breach."""
    ca = population.authorities()[STRICT]
    for number in range(41):
        ca.order("me", (f"w{number}.example",), BEGIN, replaces=False)
    assert ca.breaches == {"orders": 1}
    ca.order("me", ("w.example",), BEGIN + timedelta(seconds=400), replaces=False)
    assert ca.breaches == {"orders": 1}


@pytest.mark.soak
def test_a_year_of_ten_thousand_certificates() -> None:
    """In a process of its own, whose memory is that of the year."""
    seed = int(os.environ.get("YEAR_SEED") or random.SystemRandom().randrange(1_000_000))
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.certificates.year", "10000", str(seed)],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)  # noqa: T201
    told = json.loads(done.stdout)
    assert {each: told["counts"].get(each) for each in BAD} == dict.fromkeys(BAD, 0)
    assert not any(told["breaches"].values())
    assert told["peak MB"] <= 200
    assert told["counts"]["put off: a limit"] > 0
