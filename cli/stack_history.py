"""`tic stack history|diff` and `tic stack show --version`: what was, on stdout."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import stack_rollback, table
from cli.change_lines import SIGNS, change_line, value_text
from cli.printable import printable
from cli.stack_options import DIFFERENT, MOST, ExitCode, Name, Usage
from cli.telling import print_json, say

AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


def register(app: typer.Typer) -> None:
    """Add what tells of the past to `tic stack`."""
    app.command()(history)
    app.command()(diff)
    app.command()(stack_rollback.rollback)


def history(
    name: Name = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The operations that ran on the stack, newest first."""
    from engine import selection
    from engine.installation import Installation
    from engine.views import past

    installation = Installation.find()
    with installation.database.read() as connection:
        stack = selection.choose(connection, name, Path.cwd())
        rows = past(connection, stack, limit)
    if as_json:
        print_json(rows)
        return
    if not rows:
        say(f"nothing ran on {stack.full_name} yet\n  next: tic stack up {stack.full_name}")
        return
    table.write(
        ("VERSION", "KIND", "RESULT", "BY", "STARTED", "SECONDS", "CHANGES", "COMMIT", "MESSAGE"),
        [
            (
                str(row["version"]),
                row["kind"],
                row["result"],
                row["user"],
                row["started"] or "-",
                str(row["seconds"] if row["seconds"] is not None else "-"),
                _counts(row["changes"]),
                _commit(row, digits=8),
                row["message"].partition("\n")[0],
            )
            for row in rows
        ],
    )


def diff(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STACK] A [B]", help="Two versions of the stack, as tic stack history counts; no B: now."
        ),
    ] = None,
    exit_code: ExitCode = False,
    as_json: AsJson = False,
) -> None:
    """What differs between two versions of the stack; of secrets, that they do."""
    from engine import selection
    from engine.installation import Installation
    from engine.views import difference

    name, before, after = _versions(words or [])
    installation = Installation.find()
    with installation.database.read() as connection:
        stack = selection.choose(connection, name, Path.cwd())
        found = difference(connection, stack, before, after, installation.vault)
    if as_json:
        print_json(found)
    else:
        for line in _differences(found):
            sys.stdout.write(printable(line) + "\n")
        if found["same"]:
            say(f"versions {found['before']} and {found['after']} of {stack.full_name} are the same")
    if exit_code and not found["same"]:
        raise typer.Exit(DIFFERENT)


def show_version(version: Mapping[str, Any]) -> None:
    """Write one version (`engine.views.at_version`) for a person."""
    took = "" if version["seconds"] is None else f", {version['seconds']} s"
    facts = {
        "stack": version["stack"],
        "version": f"{version['version']} of {version['newest']}",
        "operation": f"{version['kind']} {version['result']}",
        "started": f"{version['started']}{took}",
        "by": version["user"],
        "message": version["message"],
        "commit": _commit(version),
        "changes": _counts(version["changes"]),
    }
    for label, value in facts.items():
        sys.stdout.write(f"{label + ':':<12}{printable(value).replace(chr(10), chr(10) + ' ' * 12)}\n")
    if version["resources"]:
        sys.stdout.write("\n")
        table.write(
            ("TYPE", "NAME", "ID"),
            [(each["type"], each["name"], each["id"]) for each in version["resources"]],
        )
    for title in ("outputs", "config"):
        if version[title]:
            sys.stdout.write(f"\n{title}:\n")
            for key, value in version[title].items():
                sys.stdout.write(printable(f"  {key}: {value_text(value)}") + "\n")


def _versions(words: Sequence[str]) -> tuple[str | None, int, int | None]:
    """`[STACK] A [B]`, told apart: versions are numbers, and stand last."""
    *name, last = words if words else [""]
    numbers = [last]
    if name and name[-1].isdecimal():
        numbers.insert(0, name.pop())
    if len(name) > 1 or not all(each.isdecimal() and int(each[:11]) <= MOST for each in numbers):
        raise Usage(
            "which versions are meant? They are numbers, after the stack's name if there is one",
            hint="see them: tic stack history; then for example: tic stack diff 3 4, or: tic stack diff 3",
        )
    before, *after = (int(each) for each in numbers)
    return (name[0] if name else None), before, (after[0] if after else None)


def _differences(found: Mapping[str, Any]) -> Iterator[str]:
    for resource in found["resources"]:
        formerly = f" (was {resource['former'].rpartition('::')[2]})" if resource["former"] else ""
        anew = ", made anew" if resource["replaced"] else ""
        yield f"{SIGNS[resource['kind']]} {resource['type']} {resource['name']}{formerly}{anew}"
        inputs = resource["inputs"]
        for change in (*resource["aspects"], *inputs):
            yield f"    {change_line(change)}"
        for change in resource["outputs"]:
            if change not in inputs:  # what comes back as it was given is told once
                yield f"    {change_line(change)} (output)"
    for title in ("outputs", "config"):
        if found[title]:
            yield f"{title}:"
            for change in found[title]:
                yield f"    {change_line(change)}"


def _counts(changes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(changes.items())) or "-"


def _commit(row: Mapping[str, Any], digits: int = 40) -> str:
    if not row["commit"]:
        return "-"
    return f"{row['commit'][:digits]}{'+' if row['uncommitted'] else ''}"
