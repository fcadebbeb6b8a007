"""`tic vault backup` and `tic vault restore`: everything in one sealed file, and back."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.printable import printable

if TYPE_CHECKING:
    from engine.backup_file import Header

AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    passphrase: Annotated[
        bool,
        typer.Option("--passphrase", help="Seal it with a passphrase; it holds the vault's key then."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything in the database to one sealed file, while it is in use.

    Without --passphrase the vault's key seals the file, and is not in it: keep a copy of the key elsewhere.
    The passphrase is asked for, or taken from TIC_BACKUP_PASSPHRASE_FILE or TIC_BACKUP_PASSPHRASE.
    """
    from credentials.keys import passphrase as passphrases
    from credentials.keys.given import BACKUP
    from engine import backup_file
    from engine.backup import make
    from engine.installation import Installation

    installation = Installation.find()
    path = file.absolute()
    backup_file.check_outside(path, installation.home.root)
    backup_file.check_place(path, replace=force)
    vault = installation.vault
    vault.ledger.unlock()
    own = passphrases.establish(BACKUP) if passphrase else None
    made = make(installation.database, vault.ledger, path, passphrase=own, replace=force)
    if as_json:
        _print({**_described(made.header), "file": str(path), "bytes": made.size})
        return
    sys.stderr.write(
        f"backed up to {printable(str(path))} ({made.size} bytes): change {made.header.counter}, "
        f"audit entry {made.header.audited}\n"
        f"  {printable(_what_opens(made.header))}\n"
        f"  next: keep it elsewhere; to put it back: tic vault restore {printable(str(file))}\n"
    )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that tic vault backup has made.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the vault that is here; it is kept aside.")
    ] = False,
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", metavar="FILE", help="The vault's key, if it is not in its place."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup back, vault and state, after it was proven whole; what is here is kept aside.

    The next run of each stack finds its resources as they were when the backup was made.
    """
    from engine.home import Home
    from engine.restoring import restore as put_back

    home = Home.find()
    done = put_back(home, file.absolute(), force=force, key_file=key_file)
    if as_json:
        aside = str(done.aside) if done.aside else None
        _print({**_described(done.header), "kept aside": aside, "key in file": done.key_in_file})
        return
    lines = [f"the backup of {done.header.made} is back (change {done.header.counter})"]
    if done.aside is not None:
        lines.append(f"what was here before is kept in {done.aside}: remove it when you no longer need it")
    if done.key_in_file:
        lines.append(f"the vault's key is {home.key_file} now: keep a copy in a safe place")
    lines.append("next: tic vault doctor; then tic stack refresh, where resources have changed since")
    sys.stderr.write(printable("\n  ".join(lines)) + "\n")


def _what_opens(header: "Header") -> str:
    if header.sealed_by == "passphrase":
        return "its passphrase opens it: it holds the vault's key"
    return f"the vault's key opens it, and is not in it (key from: {header.key})"


def _described(header: "Header") -> dict[str, Any]:
    return {
        "vault": header.vault,
        "schema": header.schema,
        "made": header.made,
        "changes": header.counter,
        "audited": header.audited,
        "key": header.key,
        "sealed by": header.sealed_by,
    }


def _print(known: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(known, indent=2) + "\n")
