"""Tables: aligned by what a terminal shows, cut where it ends."""

from cli.table import _cut, lines


def test_columns_are_aligned() -> None:
    assert lines(("NAME", "B"), [("a", "1"), ("longer", "")]) == ["NAME    B", "a       1", "longer"]


def test_wide_and_combined_characters_take_the_columns_that_they_take() -> None:
    assert lines(("N", "B"), [("生产", "1"), ("e\u0301", "2"), ("abcd", "3")]) == [
        "N     B",
        "生产  1",
        "e\u0301     2",
        "abcd  3",
    ]


def test_a_line_is_cut_to_the_terminals_width() -> None:
    assert _cut("abcdef", 6) == "abcdef"
    assert _cut("abcdefg", 6) == "abcde…"
    assert _cut("生产生产", 6) == "生产…"
