"""`tic vault doctor`: whether the vault is whole, closed to others, and the newest that this machine saw."""

import json
import sys
from typing import Annotated

import typer

from cli.printable import printable

UNSOUND = 5


def doctor(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """Look at all of the vault: permissions, key, database, every credential, the audit log, old copies.

    The exit code is 0 where all is well, else 5; each finding names the next command.
    """
    from engine.home import Home
    from engine.vault_checkup import examine

    checks = examine(Home.find())
    wrong = [check for check in checks if not check.ok]
    if as_json:
        found = [
            {"name": one.name, "ok": one.ok, "detail": one.detail, "remedy": one.remedy} for one in checks
        ]
        sys.stdout.write(json.dumps({"ok": not wrong, "checks": found}, indent=2) + "\n")
    else:
        for check in checks:
            sys.stdout.write(
                f"{'ok' if check.ok else 'WRONG':5}  {check.name:11}  {printable(check.detail)}\n"
            )
            if check.remedy:
                sys.stdout.write(f"{'':20}next: {printable(check.remedy)}\n")
        sys.stderr.write(
            f"{len(wrong)} of {len(checks)} checks failed\n" if wrong else "the vault is whole\n"
        )
    if wrong:
        raise typer.Exit(UNSOUND)
