"""Moments and lengths of time are told as people read them."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.moments import iso, moment, span


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "1 s"),
        (0.2, "1 s"),
        (59.2, "1 min"),
        (36, "36 s"),
        (90, "1 min 30 s"),
        (12_120, "3 h 22 min"),
        (122_400, "1 d 10 h"),
        (604_800, "7 d"),
        (90_061, "1 d 1 h"),
    ],
)
def test_a_length_of_time_has_its_two_largest_units(seconds: float, told: str) -> None:
    assert span(seconds) == told


@given(st.floats(0, 4_000_000_000))
def test_a_moment_is_never_told_too_early(seconds: float) -> None:
    told = datetime.fromisoformat(moment(seconds)).timestamp()
    assert seconds <= told <= seconds + 1


def test_a_moment_for_programs_is_told_to_the_second() -> None:
    assert iso(1_800_000_000.9) == "2027-01-15T08:00:00+00:00"
    assert iso(None) is None
