"""Where a credential's fields come from: options, a JSON file or stdin, the environment, or questions.

A secret never comes from an argument, because other users can read the arguments of a process (SPEC B1). No
message here repeats a value.
"""

import getpass
import json
import os
import stat
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from credentials.errors import CredentialError

if TYPE_CHECKING:
    from credentials.kinds import Field, Kind

LONGEST_FILE = 1024 * 1024


class BadInput(CredentialError):
    """The command line, a file or stdin gives something that can't be used."""


def gather(
    kind: "Kind",
    *,
    options: Sequence[str],
    secrets_from: str | None,
    from_env: bool,
    before: Collection[str] = (),
) -> dict[str, str]:
    """The fields that are given, by name; what is missing is asked for where a person sits at a terminal.

    `before` names the fields that a credential to be rotated has. Raises BadInput.
    """
    given = _from_options(kind, options)
    if secrets_from is not None:
        for name, value in _from_file(secrets_from).items():
            if name in given:
                raise BadInput(f"{name} is given twice", hint="give it once: in --field or in --secrets-from")
            given[name] = value
    if from_env:
        given = {**_from_environment(kind), **given}
    if secrets_from != "-" and sys.stdin.isatty():
        _ask(kind, given, before)
    elif missing := kind.missing({*given, *kind.carried(given, before)}):
        names = " and ".join(one.name for one in missing)
        raise BadInput(
            f"{names} of the {kind.name} credential {'is' if len(missing) == 1 else 'are'} missing",
            hint=f"give {'it' if len(missing) == 1 else 'them'} {_ways(kind, missing)}",
        )
    return given


def _ways(kind: "Kind", fields: "Sequence[Field]") -> str:
    """How these fields of this kind can be given without a terminal."""
    ways = ["as JSON in a private file or on stdin (--secrets-from FILE|-)"]
    if all(one.variables for one in fields):
        ways.append("from the environment (--from-env)")
    if public := [one.name for one in fields if not one.secret]:
        ways.append(f"{' and '.join(public)} also as {' '.join(f'--field {name}=VALUE' for name in public)}")
    return ", or ".join(ways)


def _from_options(kind: "Kind", options: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for number, option in enumerate(options, 1):
        name, equals, value = option.partition("=")
        if not equals:
            raise BadInput(f"--field number {number} has no '='", hint="write it as --field NAME=VALUE")
        field = kind.field(name)
        if field is None:
            see = f"see the fields: tic creds kinds --kind {kind.name}"
            raise BadInput(f"--field number {number} of {kind.name}: {kind.unknown_field(name)}", hint=see)
        if field.secret:
            raise BadInput(
                f"{name} is a secret, and other users can read the arguments of a process; it was not used",
                hint=f"give it {_ways(kind, (field,))}; "
                "better a new one, this one is in your shell's history",
            )
        if name in given:
            raise BadInput(f"--field {name} is given twice", hint=f"give it once: --field {name}=VALUE")
        given[name] = value
    return given


def _from_file(name: str) -> dict[str, str]:
    """The JSON object in a file, or on stdin for "-"."""
    shown = "stdin" if name == "-" else name
    try:
        content = sys.stdin.buffer.read(LONGEST_FILE + 1) if name == "-" else _read(Path(name))
    except OSError as error:
        raise BadInput(f"{shown} can't be read: {error.strerror}", hint="check --secrets-from") from error
    if len(content) > LONGEST_FILE:
        raise BadInput(f"{shown} is too large ({LONGEST_FILE} bytes at most)", hint="check --secrets-from")
    form = """give one JSON object of texts: {"NAME": "VALUE"}"""
    try:
        value = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise BadInput(f"{shown} is not UTF-8 (byte {error.start})", hint=form) from None
    except json.JSONDecodeError as error:
        # Its text would be harmless, but the exception carries the whole document.
        raise BadInput(
            f"{shown} is not JSON: {error.msg} (line {error.lineno}, column {error.colno})", hint=form
        ) from None
    except (ValueError, RecursionError):
        raise BadInput(f"{shown} is not JSON that can be read", hint=form) from None
    if not isinstance(value, dict):
        raise BadInput(f"{shown} holds JSON, but not an object", hint=form)
    return value


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
            sys.stderr.write(f"warning: other users can read {path}; close it: chmod 600 {path}\n")
        return file.read(LONGEST_FILE + 1)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    object_ = dict(pairs)
    if len(object_) < len(pairs):
        raise BadInput("a name stands twice in the JSON object", hint="give each field once")
    return object_


def _from_environment(kind: "Kind") -> dict[str, str]:
    found = kind.from_environment(os.environ)
    variables = [name for one in kind.fields for name in one.variables]
    if not variables:
        raise BadInput(f"{kind.name} has no environment variables", hint="leave --from-env out")
    if not found:
        raise BadInput(
            f"none of {', '.join(variables)} is set", hint="set them, or leave --from-env out and be asked"
        )
    return found


def _ask(kind: "Kind", given: dict[str, str], before: Collection[str]) -> None:
    """Ask for what is missing; for what may be left out too, where nothing at all was given."""
    offer = not given and not before
    have = {*given, *kind.carried(given, before)}
    group = _choose(kind.undecided(have))
    for field in kind.fields:
        have = {*given, *kind.carried(given, before)}
        if field.name in have:
            continue
        if field.name in group or field in kind.missing(have):
            given[field.name] = _answer(field, optional=False)
        elif offer and _offered(kind, field, have) and (answer := _answer(field, optional=True)):
            given[field.name] = answer


def _offered(kind: "Kind", field: "Field", have: Collection[str]) -> bool:
    """Whether a field that may be left out makes sense beside the ones that are there."""
    if any(field.name in group for group in kind.one_of):
        return False
    earlier = [one.name for one in kind.fields[: kind.fields.index(field)]]
    return all(name in have for name in field.needs if name in earlier)


def _choose(groups: Sequence[Sequence[str]]) -> Sequence[str]:
    if not groups:
        return ()
    for number, group in enumerate(groups, 1):
        sys.stderr.write(f"  {number}  {' and '.join(group)}\n")
    numbers = [str(number) for number in range(1, len(groups) + 1)]
    while (answer := _line("Which of these [1]: ") or "1") not in numbers:
        sys.stderr.write(f"  type {' or '.join(numbers)}\n")
    return groups[int(answer) - 1]


def _answer(field: "Field", *, optional: bool) -> str:
    from credentials.kinds import fault_of

    question = field.label + (f" [{field.default or 'none'}]: " if optional else ": ")
    while True:
        answer = _line(question, secret=field.secret)
        if not answer and optional:
            return ""
        fault = fault_of(field, answer) if answer else "can't be empty"
        if fault is None:
            return answer
        sys.stderr.write(f"  {field.name} {fault}\n")


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
