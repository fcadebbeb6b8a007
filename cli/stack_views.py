"""`tic stack list|show|outputs`: what there is, on stdout."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import stack_history, table
from cli.stack_history import AsJson
from cli.stack_options import MOST, Name
from cli.telling import print_json


def register(app: typer.Typer) -> None:
    """Add the views to `tic stack`."""
    app.command("list")(list_stacks)
    app.command("show")(show)
    app.command("outputs")(outputs)
    stack_history.register(app)


def list_stacks(as_json: AsJson = False) -> None:
    """All stacks: last operation, resources, the credentials that serve them."""
    from engine.installation import Installation
    from engine.views import overview

    installation = Installation.find()
    with installation.database.read() as connection:
        rows = overview(connection)
    if as_json:
        print_json(rows)
        return
    if not rows:
        sys.stderr.write("no stacks yet\n  next: tic stack new NAME --template certificate\n")
        return
    table.write(
        ("STACK", "STATE", "RESOURCES", "LAST", "CREDENTIALS"),
        [
            (
                row["stack"],
                row["state"],
                str(row["resources"]),
                _ago(row["last"]),
                ", ".join([*row["credentials"], *(f"role of {each}" for each in row["roles"])]) or "-",
            )
            for row in rows
        ],
    )


def show(
    name: Name = None,
    version: Annotated[
        int | None,
        typer.Option("--version", min=1, max=MOST, help="As it was after this operation of its history."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """One stack: project folder, bindings, resources, what runs on it; or one version of it."""
    from engine import selection
    from engine.installation import Installation
    from engine.views import at_version, detail

    installation = Installation.find()
    with installation.database.read() as connection:
        chosen = selection.choose(connection, name, Path.cwd())
        if version is None:
            stack = detail(connection, chosen)
        else:
            stack = at_version(connection, chosen, version, installation.vault)
    if as_json:
        print_json(stack)
        return
    if version is not None:
        stack_history.show_version(stack)
        return
    for label in ("stack", "folder", "state", "version", "last"):
        sys.stdout.write(f"{label + ':':<12}{_ago(stack[label]) if label == 'last' else stack[label]}\n")
    if runs := stack["running"]:
        label = "running:" if runs["alive"] else "was run by:"
        sys.stdout.write(f"{label:<12}{runs['user']}, {runs['owner']}, since {runs['since']}\n")
    for each in stack["bindings"]:
        served = "the linked role" if each["role"] else each["credential"]
        served = served or (
            f"nothing (fill it: tic stack bind {stack['stack']} CREDENTIAL --as {each['slot']})"
            if each["slot"]
            else "nothing yet (bound at the next run)"
        )
        sys.stdout.write(f"{'binding:':<12}{_provider(each)} by {served}\n")
    if stack["resources"]:
        sys.stdout.write("\n")
        table.write(
            ("TYPE", "NAME", "ID"), [(each["type"], each["name"], each["id"]) for each in stack["resources"]]
        )


def outputs(
    name: Name = None,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Print secret outputs too.")] = False,
    as_json: AsJson = False,
) -> None:
    """What the program exported; secrets only when asked for."""
    from engine import selection
    from engine.installation import Installation
    from engine.state import checkpoints

    installation = Installation.find()
    with installation.database.read() as connection:
        stack = selection.choose(connection, name, Path.cwd())
        values = checkpoints.outputs(connection, installation.vault, stack.id, show_secrets=show_secrets)
    if as_json:
        print_json(values)
    elif not values:
        sys.stderr.write(f"stack {stack.full_name} has no outputs\n  next: tic stack up {stack.full_name}\n")
    else:
        width = max(map(len, values)) + 2
        for key, value in values.items():
            sys.stdout.write(f"{key:<{width}}{_indented(value, width)}\n")


def _provider(binding: dict[str, Any]) -> str:
    return f"{binding['provider']} as {binding['slot']}" if binding["slot"] else str(binding["provider"])


def _indented(value: Any, width: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.rstrip("\n").replace("\n", "\n" + " " * width)


def _ago(moment: str | None) -> str:
    if moment is None:
        return "never"
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{max(seconds, 0)} s ago"
