"""Aligned plain-text tables for stdout: whole in a pipe, cut to the terminal's width in a terminal."""

import os
import sys
import unicodedata
from collections.abc import Sequence

from cli.printable import printable

_GAP = "  "


def write(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to stdout; the last column gives way first when the terminal is too narrow."""
    width = _terminal_width()
    for line in lines(head, rows):
        sys.stdout.write((line if width is None else _cut(line, width)) + "\n")


def lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The table's lines, no spaces at their ends."""
    safe = [[printable(cell).replace("\n", " ") for cell in row] for row in (head, *rows)]
    widths = [max(_width(row[column]) for row in safe) for column in range(len(head))]
    return [_line(row, widths) for row in safe]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
    return _GAP.join(cells).rstrip()


def _width(text: str) -> int:
    """How many columns a terminal uses: two for wide characters, none for marks on the one before."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def _cut(line: str, width: int) -> str:
    if _width(line) <= width:
        return line
    while _width(line) > width - 1:
        line = line[:-1]
    return line.rstrip() + "…"


def _terminal_width() -> int | None:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None
