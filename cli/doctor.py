"""`tic doctor`: what is there, what is missing, and the command that mends it."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.printable import printable

if TYPE_CHECKING:
    from engine.checkup import Check


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """Look at everything that tic needs here.

    The exit code is 5 where vault, database or home are unusable, else 6 where something needed is missing.
    """
    import json
    from dataclasses import asdict

    from engine.checkup import UNUSABLE, examine
    from engine.home import Home

    checks = examine(Home.find())
    lacking = [check for check in checks if check.needed and not check.ok]
    unusable = [check for check in lacking if check.unusable]
    if as_json:
        typer.echo(json.dumps({"ok": not lacking, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        for check in checks:
            typer.echo(f"{_mark(check):8}  {check.name:8}  {printable(check.detail)}")
            if check.remedy:
                typer.echo(f"{'':20}{'next' if check.needed else 'optional'}: {printable(check.remedy)}")
        typer.echo(_summary(len(lacking) - len(unusable), len(unusable)), err=True)
    if lacking:
        raise typer.Exit(UNUSABLE if unusable else 6)


def _mark(check: "Check") -> str:
    if check.ok:
        return "ok"
    return "-" if not check.needed else "unusable" if check.unusable else "missing"


def _summary(missing: int, unusable: int) -> str:
    told = [f"{word}: {count}" for word, count in (("missing", missing), ("unusable", unusable)) if count]
    return ", ".join(told) or "all that tic needs is here"
