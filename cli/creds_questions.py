"""What `tic creds new` and `rotate` ask at a terminal: one field after the other, secrets without echo."""

import getpass
import os
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import typer

from cli.creds_input import LONGEST_FILE, BadInput, decoded, text_of
from cli.printable import printable

if TYPE_CHECKING:
    from credentials.kinds import Field, Kind

_END = b"\x04"  # Ctrl-D


def ask(kind: "Kind", given: dict[str, str], before: Collection[str]) -> None:
    """Add to `given` what is missing; what may be left out too, where nothing at all was given.

    `before` names the fields that a credential to be rotated has.
    """
    offer = not given and not before
    if offer or kind.missing(_have(kind, given, before)):
        sys.stderr.write(f"{kind.label}: get it from {kind.where_to_get}\n")
    way = _choose(kind, kind.undecided(_have(kind, given, before)), before)
    _fill_in(kind, way, given)
    wanted = {*way, *(one.name for one in kind.missing({*_have(kind, given, before), *way}))}
    for field in kind.fields:
        if field.name in _have(kind, given, before):
            continue
        if field.name in wanted:
            given[field.name] = _answer(field, optional=False)
        elif offer and _offered(kind, field, given):
            answer = _answer(field, optional=True)
            if answer:
                given[field.name] = answer
    while missing := kind.missing(_have(kind, given, before)):  # what an answer further down made necessary
        given[missing[0].name] = _answer(missing[0], optional=False)


def _have(kind: "Kind", given: Collection[str], before: Collection[str]) -> set[str]:
    return {*given, *kind.carried(given, before)}


def _fill_in(kind: "Kind", way: Collection[str], given: dict[str, str]) -> None:
    """Answer what has one answer only: choosing the way was the answer."""
    for field in kind.fields:
        if field.name in way and len(field.choices) == 1:
            given[field.name] = field.choices[0]


def _offered(kind: "Kind", field: "Field", have: Collection[str]) -> bool:
    """Whether a field that may be left out makes sense beside the ones that are there."""
    ways = {name for group in kind.one_of for name in group}
    if field.tuning or field.name in ways:
        return False
    if field.secret and any(field.name in one.needs for one in kind.fields if one.name in ways):
        return False  # it belongs to a way that was not chosen
    earlier = [one.name for one in kind.fields[: kind.fields.index(field)]]
    return all(name in have for name in field.needs if name in earlier)


def _choose(kind: "Kind", groups: Sequence[Sequence[str]], before: Collection[str]) -> Sequence[str]:
    """The way that is chosen among several; Enter alone chooses what the credential has, or the first."""
    if not groups:
        return ()
    for number, group in enumerate(groups, 1):
        labels = [one.label for one in kind.fields if one.name in group]
        sys.stderr.write(f"  {number}  {' and '.join(group)}: {'; '.join(labels)}\n")
    usual = next((n for n, group in enumerate(groups, 1) if set(group) <= set(before)), 1)
    numbers = [str(number) for number in range(1, len(groups) + 1)]
    while (answer := _line(f"Which of these [{usual}]: ") or str(usual)) not in numbers:
        sys.stderr.write(f"  type {' or '.join(numbers)}\n")
    return groups[int(answer) - 1]


def _answer(field: "Field", *, optional: bool) -> str:
    from credentials.kinds import fault_of

    while True:
        try:
            answer = (_lines if field.multiline else _one_line)(field, optional=optional)
        except BadInput as error:
            sys.stderr.write(printable(f"  {error}") + "\n")
            continue
        if not answer and optional:
            return ""
        fault = fault_of(field, answer) if answer else "can't be empty"
        if fault is None:
            return answer
        sys.stderr.write(f"  {field.name} {fault}\n")


def _one_line(field: "Field", *, optional: bool) -> str:
    choices = "" if all(one in field.label for one in field.choices) else f" ({' or '.join(field.choices)})"
    return _line(f"{field.label}{choices}{_otherwise(field, optional=optional)}: ", secret=field.secret)


def _lines(field: "Field", *, optional: bool) -> str:
    """A value of several lines: a file's, or what is pasted; a question for one line would cut it off."""
    question = f"{field.label}: path of its file, or - to paste it{_otherwise(field, optional=optional)}: "
    path = _line(question)
    if path != "-":
        return text_of(field, path) if path else ""
    return decoded(_pasted(), "what was pasted")


def _otherwise(field: "Field", *, optional: bool) -> str:
    return f" [{field.default or 'none'}]" if optional else ""


def _pasted() -> bytes:
    """What is pasted up to Ctrl-D, with the echo off.

    The terminal's own line editing is off too: it would cut lines at 4096 characters, and a kubeconfig has
    longer ones.
    """
    import termios

    terminal = sys.stdin.fileno()
    before, quiet = termios.tcgetattr(terminal), termios.tcgetattr(terminal)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    quiet[6][termios.VMIN], quiet[6][termios.VTIME] = 1, 0
    termios.tcsetattr(terminal, termios.TCSADRAIN, quiet)
    content = b""
    try:
        sys.stderr.write("  paste it (it does not show), then press Enter and Ctrl-D: ")
        sys.stderr.flush()
        while _END not in content and len(content) <= LONGEST_FILE:
            read = os.read(terminal, 65536)
            if not read:
                break
            content += read
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        sys.stderr.write("\n")
    return content.partition(_END)[0]


def _line(question: str, *, secret: bool = False) -> str:
    """One line that a person types; a secret is read with the echo off before the question appears."""
    try:
        if secret:
            return getpass.getpass(question)
        sys.stderr.write(question)
        sys.stderr.flush()
        return input()
    except EOFError:
        sys.stderr.write("\n")
        raise typer.Abort from None
