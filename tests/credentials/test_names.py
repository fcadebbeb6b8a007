"""Names: what can be typed and printed is one, what can't is refused with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.names import LONGEST, BadName, checked_name


@pytest.mark.parametrize(
    "name", ["a", "prod", "prod-2", "a.b_c@d+e", "生产", "Ünïcode", "9", "हिन्दी", "a" * LONGEST]
)
def test_a_plain_name_is_taken(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        ("a" * (LONGEST + 1), "65 characters"),
        ("-rf", "begins with '-'"),
        ("tic_abc", "how tokens begin"),
        (".hidden", "begins with '.'"),
        ("a b", "contains ' '"),
        ("a/b", "contains '/'"),
        ("a\nb", r"contains U\+000A"),
        ("a\x1b[31m", r"contains U\+001B"),
        ("a\0", r"contains U\+0000"),
        ("a\u202eb", r"contains U\+202E"),
        ("a\ud800", r"contains U\+D800"),
        ("'; --", 'contains "\'"'),
    ],
)
def test_any_other_name_is_refused_with_its_reason(name: str, why: str) -> None:
    with pytest.raises(BadName, match=why) as refused:
        checked_name(name)
    assert refused.value.hint
    assert str(refused.value).isprintable()


def test_two_ways_of_writing_a_letter_are_one_name() -> None:
    assert checked_name("cafe\u0301") == checked_name("caf\u00e9")


@given(st.text())
def test_every_text_is_a_printable_name_or_a_printable_refusal(text: str) -> None:
    try:
        name = checked_name(text)
    except BadName as refused:
        shown = str(refused)
    else:
        shown = name
        assert checked_name(name) == name
    assert shown
    assert shown.isprintable()
