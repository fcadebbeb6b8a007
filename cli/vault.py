"""`tic vault`: make the vault, see what it is, change its key, back it up, and look whether it is whole."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import vault_backup, vault_doctor, vault_keys
from cli.printable import printable

if TYPE_CHECKING:
    from engine.home import Home
    from engine.vault_status import VaultState

app = typer.Typer(
    name="vault",
    help="The vault: where credentials are kept, sealed.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def init(key: vault_keys.KeySource = "file") -> None:
    """Make the vault and its key; refused, and nothing changes, where there is one.

    The key is kept in a file beside the database, or in the operating system's keyring; or it is derived from
    a passphrase (asked for, or from TIC_PASSPHRASE_FILE or TIC_PASSPHRASE); or TIC_KEY has it (environment).
    """
    from credentials.keys import prepare
    from credentials.refusals import VaultExists
    from credentials.vault import Vault
    from engine.actor import actor
    from engine.bindings import Usage
    from engine.database import Database
    from engine.installation import Installation
    from engine.vault_status import holds_vault

    installation = Installation.find()
    home = installation.home
    if holds_vault(installation):
        raise VaultExists(home.root)
    made = prepare(key)  # asks before anything is made
    Vault.create(Database.open(home, create=True), home.root, usage=Usage(), actor=actor(), make_key=made)
    sys.stderr.write(
        f"a vault is made in {printable(str(home.root))}\n"
        f"  {printable(vault_keys.advice(key, home))}\n"
        "  next: tic creds new NAME --provider P (see tic creds kinds), or try it out: tic sandbox up\n"
    )


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """Where the vault is, where its key comes from, and whether that opens it."""
    from engine.installation import Installation
    from engine.vault_status import look

    installation = Installation.find()
    home, vault = installation.home, look(installation)
    database = installation.database.name
    kept = [home.root, *([] if home.database_url else [home.database]), *_one(vault.key_path)]
    modes = {path: path.stat().st_mode & 0o777 for path in kept if path.exists()}
    if as_json:
        sys.stdout.write(json.dumps(_as_json(home, database, vault, modes), indent=2) + "\n")
    else:
        lines = _lines(home, database, vault, modes)
        sys.stdout.write("".join(f"{label + ':':<14}{printable(value)}\n" for label, value in lines.items()))
    if vault.problem is not None:
        raise vault.problem


def _as_json(home: "Home", database: str, vault: "VaultState", modes: dict[Path, int]) -> dict[str, Any]:
    from cli.creds_views import moment

    return {
        "home": str(home.root),
        "database": database,
        "schema": vault.schema,
        "key": {
            "source": vault.key_source,
            "place": vault.key_place,
            "path": str(vault.key_path) if vault.key_path else None,
            "since": moment(vault.key_since),
            "opens": vault.opens,
            "problem": str(vault.problem) if vault.problem else None,
        },
        "generation": vault.generation,
        "changes": vault.changes,
        "audited": vault.audited,
        "audit_public_key": vault.audit_public_key,
        "vault": vault.vault_id,
        "made": moment(vault.created_at),
        "credentials": vault.credentials,
        "permissions": {str(path): f"{mode:04o}" for path, mode in modes.items()},
    }


def _lines(home: "Home", database: str, vault: "VaultState", modes: dict[Path, int]) -> dict[str, str]:
    from cli.creds_views import moment

    key = _with_mode(vault.key_path, modes) if vault.key_path else vault.key_place
    opens = "opens the vault" if vault.opens else "does NOT open the vault"
    known = vault.changes is not None
    return {
        "home": _with_mode(home.root, modes),
        "database": f"{database}{_mode(home.database, modes)}, schema {vault.schema}",
        "key": f"{key}, {opens}, since {moment(vault.key_since)}",
        "data key": f"number {vault.generation}",
        "changes": f"{vault.changes}, audit entries: {vault.audited}" if known else "not known",
        "vault": f"{vault.vault_id}, made {moment(vault.created_at)}",
        "credentials": str(vault.credentials),
        "audit key": vault.audit_public_key or "not known",
    }


def _one(path: Path | None) -> list[Path]:
    return [] if path is None else [path]


def _with_mode(path: Path, modes: dict[Path, int]) -> str:
    return f"{path}{_mode(path, modes) or ' (missing)'}"


def _mode(path: Path, modes: dict[Path, int]) -> str:
    return f" ({modes[path]:04o})" if path in modes else ""


app.command("new-key")(vault_keys.new_key)
app.command()(vault_keys.rekey)
app.command()(vault_keys.accept)
app.command()(vault_backup.backup)
app.command()(vault_backup.restore)
app.command()(vault_doctor.doctor)
