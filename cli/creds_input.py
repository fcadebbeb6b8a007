"""Where a credential's fields come from: options, files, stdin, the environment, or questions.

A secret never comes from an argument, because other users can read the arguments of a process (SPEC B1); the
path of a file with it may (`--field NAME=@FILE`). No message here repeats a value.
"""

import json
import os
import stat
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        from cli.creds_questions import ask

        ask(kind, given, before)
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
    if secret := [one.name for one in fields if one.secret]:
        options = " ".join(f"--field {name}=@FILE" for name in secret)
        ways.append(f"{' and '.join(secret)} also from a private file, as {options}")
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
        if name in given:
            raise BadInput(f"--field {name} is given twice", hint=f"give it once: --field {name}=VALUE")
        given[name] = _value(kind, field, value)
    return given


def _value(kind: "Kind", field: "Field", value: str) -> str:
    """What an option gives: a value as it stands, or for a secret, or for lines, what is in a file."""
    if (field.secret or field.multiline) and value.startswith("@"):
        return text_of(field, value[1:])
    if field.secret:
        raise BadInput(
            f"{field.name} is a secret, and other users can read the arguments of a process; it was not used",
            hint=f"give it {_ways(kind, (field,))}; better a new one, this one is in your shell's history",
        )
    return value


def text_of(field: "Field", path: str) -> str:
    """What is in the file of this path (`~` is the home folder, `-` is stdin), as a value of `field`.

    The line end at the end of a file is no part of a value of one line. Raises BadInput.
    """
    if not path:
        raise BadInput(
            f"no file is named for {field.name}", hint=f"name it: --field {field.name}=@FILE, or - for stdin"
        )
    if path == "-" and sys.stdin.isatty():
        raise BadInput(
            f"{field.name} should come from stdin, and that is a terminal, which shows what is typed",
            hint=f"leave --field {field.name}=@- out and be asked, or pipe it in",
        )
    try:
        content = sys.stdin.buffer.read(LONGEST_FILE + 1) if path == "-" else _read(Path(path).expanduser())
    except (OSError, ValueError, RuntimeError) as error:
        # What stands for a path may be the secret itself, by mistake: it is not repeated.
        reason = (error.strerror or "") if isinstance(error, OSError) else "this is no path"
        raise BadInput(
            f"the file with {field.name} can't be read: {reason}",
            hint="give the path of a file that is there",
        ) from None
    text = decoded(content, f"the file with {field.name}")
    return text if field.multiline else text.removesuffix("\n").removesuffix("\r")


def decoded(content: bytes, shown: str) -> str:
    """UTF-8 as text, from what messages call `shown`; raises BadInput."""
    if len(content) > LONGEST_FILE:
        raise BadInput(f"{shown} is too large ({LONGEST_FILE} bytes at most)", hint="give something smaller")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{shown} is not UTF-8 (byte {error.start})", hint="save it as UTF-8") from None


def _from_file(name: str) -> dict[str, str]:
    """The JSON object in a file, or on stdin for "-"."""
    if not name:
        raise BadInput(
            "no file is named for --secrets-from", hint="name it: --secrets-from FILE, or - for stdin"
        )
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
    for one in kind.fields:
        path = next((os.environ[name] for name in one.file_variables if os.environ.get(name)), None)
        if path is not None and one.name not in found:
            found[one.name] = text_of(one, path)
    asked = [one for one in kind.fields if not one.tuning]
    variables = list(dict.fromkeys(name for one in asked for name in (*one.variables, *one.file_variables)))
    if not variables:
        raise BadInput(f"{kind.name} has no environment variables", hint="leave --from-env out")
    if not found:
        raise BadInput(
            f"none of {', '.join(variables)} is set", hint="set them, or leave --from-env out and be asked"
        )
    return found
