"""`tic doctor`: what is there, what is missing, and the command that mends it."""

from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """Look at everything that tic needs here; the exit code is 6 where something needed is missing."""
    import json
    from dataclasses import asdict

    from engine.checkup import examine
    from engine.home import Home

    checks = examine(Home.find())
    missing = [check for check in checks if check.needed and not check.ok]
    if as_json:
        typer.echo(json.dumps({"ok": not missing, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        for check in checks:
            mark = "ok" if check.ok else "missing" if check.needed else "-"
            typer.echo(f"{mark:7}  {check.name:8}  {check.detail}")
            if check.remedy:
                typer.echo(f"{'':19}{'mend it' if check.needed else 'optional'}: {check.remedy}")
        typer.echo(f"missing: {len(missing)}" if missing else "all that tic needs is here", err=True)
    if missing:
        raise typer.Exit(6)
