"""How long to wait between two looks."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.provider.acme.patience import seconds_until
from stacks.provider.acme.polling import pause

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_without_a_wish_of_the_ca_looks_start_close_together_and_grow_apart() -> None:
    pauses = [pause(look, None) for look in range(20)]
    assert pauses[0] == 0.1
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0


@pytest.mark.parametrize(("asked", "waited"), [(3, 3), (0, 0.1), (-5, 0.1), (86_400, 86_400)])
def test_the_ca_says_when_to_look_again(asked: float, waited: float) -> None:
    assert pause(0, asked) == waited


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 120 ", 120.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Fri, 01 Jan 2026 00:00:10 -0000", 10.0),
        ("9" * 400, 400 * 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 400 * 86_400.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """RFC 9110 10.2.3."""
    assert seconds_until(header, NOW) == seconds


@given(st.text(max_size=30))
def test_any_header_is_understood_or_ignored(header: str) -> None:
    seconds = seconds_until(header, NOW)
    assert seconds is None or 0 <= seconds <= 400 * 86_400
