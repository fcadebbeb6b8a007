"""`tic stack config`: the values of `Pulumi.<stack>.yaml`; secrets are sealed by the vault.

A secret never comes from an argument, because other users can read the arguments of a process (SPEC B1).
"""

import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.project import Project
    from engine.state.stacks import Stack

LONGEST_VALUE = 256 * 1024

app = typer.Typer(
    name="config",
    help="Configuration of a stack: set, list and remove values, secret ones too.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Key = Annotated[str, typer.Argument(help="NAME, or NAMESPACE:NAME; a bare name is the project's.")]
StackName = Annotated[
    str | None,
    typer.Option("--stack", help="STACK or PROJECT/STACK; without it the stack of this folder's project."),
]


class ValueUnusable(EngineError):
    """The value can't be taken from where it was given."""

    exit_code = 2


@app.command("set")
def set_value(
    key: Key,
    value: Annotated[
        str | None, typer.Argument(help="The value; lists and objects as JSON. Never a secret.")
    ] = None,
    secret: Annotated[
        bool, typer.Option("--secret", help="Seal the value; it is asked for, or read from stdin.")
    ] = False,
    stack_name: StackName = None,
) -> None:
    """Set a value; without VALUE it is asked for at a terminal, else read from stdin."""
    from engine import config
    from engine.installation import Installation

    if secret and value is not None:
        raise ValueUnusable(
            "the secret was not used: other users can read the arguments of a process",
            hint=f"pipe it in, or be asked: tic stack config set {key} --secret"
            "; better a new one, this one is in your shell's history",
        )
    installation = Installation.find()
    stack, where = _choose(installation, stack_name)
    full = config.full_key(where.name, key)
    if secret:
        sealing = installation.vault
        config.put(installation.database, stack, where, key, _asked(full, secret=True), sealing)
    else:
        given = value if value is not None else _asked(full, secret=False)
        config.put(installation.database, stack, where, key, _parsed(full, given))
    path = where.stack_file(stack.name)
    sys.stderr.write(
        f"{full} is set{' as a secret' if secret else ''} in {path}\n"
        f"  next: tic stack preview {stack.full_name}\n"
    )


@app.command("list")
def list_values(
    stack_name: StackName = None,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Print secret values too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """What stands in the stack's configuration file; secrets only when asked for."""
    from cli import table
    from engine import config
    from engine.installation import Installation

    installation = Installation.find()
    stack, where = _choose(installation, stack_name)
    found = config.entries(installation.vault, stack, where, show_secrets=show_secrets)
    if as_json:
        rows = {entry.key: {"value": entry.value, "secret": entry.secret} for entry in found}
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False, default=str) + "\n")
    elif not found:
        sys.stderr.write(
            f"stack {stack.full_name} has no configuration\n"
            f"  next: tic stack config set KEY VALUE --stack {stack.full_name}\n"
        )
    else:
        table.write(("KEY", "VALUE"), [(entry.key, _line(entry.value)) for entry in found])


@app.command("remove")
def remove_value(key: Key, stack_name: StackName = None) -> None:
    """Take a value out of the stack's configuration file."""
    from engine import config
    from engine.installation import Installation

    installation = Installation.find()
    stack, where = _choose(installation, stack_name)
    full = config.remove(installation.database, stack, where, key)
    sys.stderr.write(
        f"{full} is removed from {where.stack_file(stack.name)}\n"
        f"  next: tic stack preview {stack.full_name}\n"
    )


def _choose(installation: "Installation", name: str | None) -> "tuple[Stack, Project]":
    from engine import project, selection

    with installation.database.read() as connection:
        stack = selection.choose(connection, name, Path.cwd())
    return stack, project.of_stack(stack.project, stack.folder, Path.cwd())


def _asked(key: str, *, secret: bool) -> str:
    """The value that a person types, a secret one without echo, or the whole of stdin without its last line
    end.
    """
    if sys.stdin.isatty():
        try:
            value = getpass.getpass(f"{key}: ") if secret else _typed(f"{key}: ")
        except EOFError:
            sys.stderr.write("\n")
            raise typer.Abort from None
    else:
        content = sys.stdin.buffer.read(LONGEST_VALUE + 1)
        if len(content) > LONGEST_VALUE:
            raise ValueUnusable(
                f"the value of {key} is longer than {LONGEST_VALUE} bytes", hint="give a shorter one on stdin"
            )
        try:
            value = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise ValueUnusable(
                f"the value of {key} is not UTF-8 (byte {error.start})",
                hint="give text on stdin, for example base64",
            ) from None
    if not value:
        raise ValueUnusable(f"no value for {key} was given", hint="type it, or pipe it in")
    return value


def _typed(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return input()


def _parsed(key: str, value: str) -> Any:
    """Text as it is; what begins with [ or { is JSON, as for `tic stack new --set`."""
    if not value.startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueUnusable(
            f"the value of {key} begins as JSON and is none",
            hint=f"""quote it for the shell: tic stack config set {key} '["one","two"]'""",
        ) from None


def _line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else json.dumps(text)
