"""When a certificate is due: the time is an argument, so a year takes no time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.provider.acme.epoch import FIRST_EPOCH, Held, Window, decide, may_ask, renew_at

ISSUED = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIMES = st.integers(1, 400).map(lambda days: timedelta(days=days))


def held(days: float = 90, *, window: Window | None = None, asked: bool = False, epoch: int = 4) -> Held:
    return Held(
        epoch,
        "0a1b",
        ISSUED,
        ISSUED + timedelta(days=days),
        window,
        "https://ca.test/ari/x" if asked else None,
        ISSUED + timedelta(hours=6) if asked else None,
    )


def window(start: float, end: float) -> Window:
    return Window(ISSUED + timedelta(days=start), ISSUED + timedelta(days=end))


def test_a_certificate_that_does_not_exist_has_the_first_epoch() -> None:
    """E1."""
    assert decide(None, ISSUED).epoch == FIRST_EPOCH
    assert decide(None, ISSUED).due is False


@pytest.mark.parametrize(
    ("days", "lifetime", "due"), [(59.9, 90, False), (60, 90, True), (3.9, 6, False), (4, 6, True)]
)
def test_one_third_of_the_lifetime_left_is_due(days: float, lifetime: float, due: bool) -> None:
    """E1. Six-day certificates too."""
    decision = decide(held(lifetime), ISSUED + timedelta(days=days))
    assert (decision.due, decision.epoch) == (due, 4 + due)


def test_the_window_of_the_ca_wins_over_the_age() -> None:
    """E1, RFC 9773: earlier, as in a mass revocation, and later."""
    assert decide(held(window=window(1, 2)), ISSUED + timedelta(days=2)).due
    assert not decide(held(window=window(80, 81)), ISSUED + timedelta(days=79)).due


def test_what_the_ca_says_now_wins_over_what_it_said_at_issuance() -> None:
    assert decide(held(window=window(60, 61)), ISSUED + timedelta(days=3), window(1, 2)).due


@given(st.text("0123456789abcdef", min_size=1, max_size=32), st.floats(0, 100), st.floats(0.01, 50))
def test_the_moment_is_in_the_window_and_the_same_whenever_it_is_asked_for(
    serial: str, start: float, length: float
) -> None:
    certificate = Held(1, serial, ISSUED, ISSUED + timedelta(days=200))
    suggested = window(start, start + length)
    moment = renew_at(certificate, suggested)
    assert suggested.start <= moment <= suggested.end
    assert renew_at(certificate, suggested) == moment


def test_serials_spread_over_the_window() -> None:
    """RFC 9773 4.2: not all at once."""
    whole = window(10, 11)
    moments = [renew_at(Held(1, f"{n:x}", ISSUED, ISSUED + timedelta(days=90)), whole) for n in range(400)]
    for quarter in range(4):
        start = whole.start + timedelta(hours=6 * quarter)
        assert 50 < sum(start <= each < start + timedelta(hours=6) for each in moments) < 150


@given(LIFETIMES, st.floats(0, 2), st.floats(0, 2))
def test_once_due_stays_due_until_it_is_renewed(lifetime: timedelta, one: float, other: float) -> None:
    certificate = held(lifetime / timedelta(days=1))
    earlier, later = sorted((ISSUED + lifetime * one, ISSUED + lifetime * other))
    assert decide(certificate, earlier).epoch <= decide(certificate, later).epoch <= 5
    assert decide(certificate, ISSUED + lifetime).due


def test_the_ca_is_asked_only_when_it_wants_to_be() -> None:
    """RFC 9773 4.3: not before Retry-After, never after the expiry; and not when it is due anyway."""
    certificate = held(asked=True)
    assert not may_ask(certificate, ISSUED + timedelta(hours=5))
    assert may_ask(certificate, ISSUED + timedelta(hours=6))
    assert not may_ask(certificate, ISSUED + timedelta(days=61))
    assert not may_ask(certificate, ISSUED + timedelta(days=90))
    assert not may_ask(held(asked=False), ISSUED + timedelta(days=30))


@pytest.mark.parametrize(
    "suggested",
    [
        {},
        {"start": "2026-02-01T00:00:00Z"},
        {"start": "soon", "end": "later"},
        {"start": "2026-02-02T00:00:00Z", "end": "2026-02-01T00:00:00Z"},
        {"start": 1, "end": 2},
        {"start": "2026-02-01T00:00:00", "end": "2026-02-02T00:00:00Z"},
        {"start": "2026-02-01T00:00:00", "end": "2026-02-02T00:00:00"},
    ],
)
def test_a_window_that_is_none_is_ignored(suggested: dict[str, object]) -> None:
    assert Window.read(suggested) is None


def test_a_window_and_a_certificate_are_read_as_they_were_written() -> None:
    suggested = window(1, 2)
    assert Window.read(suggested.to_json()) == suggested
    certificate = held(asked=True, window=suggested)
    outputs = {
        "epoch": 4,
        "serial": "0a1b",
        "notBefore": certificate.not_before.isoformat(),
        "notAfter": certificate.not_after.isoformat(),
        "renewalWindow": suggested.to_json(),
        "renewalInfoUrl": certificate.renewal_info_url,
        "renewalCheckAfter": certificate.ask_again.isoformat() if certificate.ask_again else None,
    }
    assert Held.read(outputs) == certificate
