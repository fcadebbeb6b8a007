"""`tic vault`: make the vault, and say where it is and whether its key opens it."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.printable import printable

app = typer.Typer(
    name="vault",
    help="The vault: where credentials are kept, sealed.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def init() -> None:
    """Make the vault and its key; refused, and nothing changes, where there is one."""
    from credentials.vault import Vault
    from engine.bindings import Usage
    from engine.database import Database
    from engine.home import Home

    home = Home.find()
    Vault.create(Database.open(home, create=True), home.root, usage=Usage())
    sys.stderr.write(
        f"a vault is made in {printable(str(home.root))}\n"
        f"  its key is {printable(str(home.key_file))}: keep a copy in a safe place\n"
        "  next: tic creds new NAME --provider P (see tic creds kinds), or try it out: tic sandbox up\n"
    )


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """Where the vault is, and whether its key opens it."""
    from cli.creds_views import moment
    from engine.installation import Installation

    installation = Installation.find()
    home, vault = installation.home, installation.vault.status()
    with installation.database.read() as connection:
        schema = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    database = installation.database.name
    kept = (home.root, home.key_file) if home.database_url else (home.root, home.database, home.key_file)
    files = [path for path in kept if path.exists()]
    modes = {path: path.stat().st_mode & 0o777 for path in files}
    if as_json:
        known = {
            "home": str(home.root),
            "database": database,
            "schema": schema,
            "key": {
                "source": "file",
                "path": str(home.key_file),
                "opens": vault.key_problem is None,
                "problem": str(vault.key_problem) if vault.key_problem else None,
            },
            "vault": vault.vault_id,
            "made": moment(vault.created_at),
            "credentials": vault.credentials,
            "permissions": {str(path): f"{mode:04o}" for path, mode in modes.items()},
        }
        sys.stdout.write(json.dumps(known, indent=2) + "\n")
    else:
        lines = {
            "home": _with_mode(home.root, modes),
            "database": f"{database}{_mode(home.database, modes)}, schema {schema}",
            "key": f"{_with_mode(home.key_file, modes)}, "
            + ("opens the vault" if vault.key_problem is None else "does NOT open the vault"),
            "vault": f"{vault.vault_id}, made {moment(vault.created_at)}",
            "credentials": str(vault.credentials),
        }
        sys.stdout.write("".join(f"{label + ':':<14}{printable(value)}\n" for label, value in lines.items()))
    if vault.key_problem is not None:
        raise vault.key_problem


def _with_mode(path: Path, modes: dict[Path, int]) -> str:
    return f"{path}{_mode(path, modes) or ' (missing)'}"


def _mode(path: Path, modes: dict[Path, int]) -> str:
    return f" ({modes[path]:04o})" if path in modes else ""
