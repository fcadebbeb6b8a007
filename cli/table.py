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
    sys.stdout.flush()  # before anything is said of it


def lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The table's lines, no spaces at their ends."""
    columns = [_column(cells) for cells in zip(head, *rows, strict=True)]
    return [_GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]


def _column(cells: Sequence[str]) -> list[str]:
    """The cells of a column, safe for a terminal and all of one width."""
    if not all(map(str.isprintable, cells)):
        cells = [printable(cell).replace("\n", " ") for cell in cells]
    if all(map(str.isascii, cells)):
        width = max(map(len, cells))
        return [cell.ljust(width) for cell in cells]
    width = max(map(_width, cells))
    return [cell + " " * (width - _width(cell)) for cell in cells]


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
