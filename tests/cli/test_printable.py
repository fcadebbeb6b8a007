"""What a terminal is sent."""

from hypothesis import given
from hypothesis import strategies as st

from cli.printable import printable
from cli.table import lines


@given(st.text())
def test_nothing_that_could_move_the_cursor_gets_through(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert shown.replace("\n", "").replace("\t", "").isprintable() or not any(
        c in shown for c in "\x1b\r\x08\u202e"
    )


def test_a_name_with_an_escape_can_not_misalign_a_table() -> None:
    assert lines(["A"], [["x\x1b[31m\ny"]])[1] == "x?[31m y"


def test_plain_text_stays() -> None:
    assert printable("ünï ✓\tand\nmore") == "ünï ✓\tand\nmore"
