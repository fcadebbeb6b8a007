"""Beginnings as people write them."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.creds_input import BadInput
from cli.since import microseconds_since, moment_until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", "2026-03-01T11:58:30+00:00"),
        ("30min", "2026-03-01T11:30:00+00:00"),
        ("30 m", "2026-03-01T11:30:00+00:00"),
        ("12h", "2026-03-01T00:00:00+00:00"),
        ("7d", "2026-02-22T12:00:00+00:00"),
        ("2w", "2026-02-15T12:00:00+00:00"),
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T18:00", "2026-01-31T18:00:00+00:00"),
        ("2026-01-31T18:00+08:00", "2026-01-31T10:00:00+00:00"),
        ("2026-01-31T18:00:00.000001Z", "2026-01-31T18:00:00.000001+00:00"),
        ("999999w", "1970-01-01T00:00:00+00:00"),
        ("0001-01-01", "1970-01-01T00:00:00+00:00"),
    ],
)
def test_a_span_or_a_date_is_a_beginning(text: str, moment: str) -> None:
    expected = datetime.fromisoformat(moment)
    micros = microseconds_since(text, now=NOW)
    assert micros == round(expected.timestamp() * 1_000_000)


@pytest.mark.parametrize(
    "text", ["", "7", "d", "-1d", "1y", "1.5h", "yesterday", "2026-13-01", "12:00", "9999999d"]
)
def test_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        microseconds_since(text, now=NOW)
    assert str(refused.value) == f"--since {text!r} is neither a span nor a date"


@given(st.text(max_size=30))
def test_any_text_is_a_beginning_or_is_refused(text: str) -> None:
    with suppress(BadInput):
        assert microseconds_since(text, now=NOW) >= 0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", "2026-03-01T12:01:30+00:00"),
        ("12 h", "2026-03-02T00:00:00+00:00"),
        ("90d", "2026-05-30T12:00:00+00:00"),
        ("2026-12-31", "2026-12-31T00:00:00+00:00"),
        ("2026-12-31T18:00+08:00", "2026-12-31T10:00:00+00:00"),
    ],
)
def test_a_span_or_a_date_is_an_end(text: str, moment: str) -> None:
    assert moment_until(text, now=NOW) == datetime.fromisoformat(moment).timestamp()


@pytest.mark.parametrize(
    "text", ["", "7", "0s", "-1d", "1y", "never", "2026-03-01", "2026-03-01T12:00", "999999w", "9999999d"]
)
def test_what_is_no_end_or_is_over_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        moment_until(text, now=NOW)
    assert "--expires" in str(caught.value)
    assert "90d" in caught.value.hint or "7d" in caught.value.hint
