"""`tic vault new-key`, `rekey` and `accept`: the key of a vault, and what its owner takes for right."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.printable import printable
from credentials.errors import CredentialError

if TYPE_CHECKING:
    from engine.home import Home

ACCEPTABLE = ("tables", "credentials", "uses", "audit", "anchor")
SOURCES = "file|keyring|passphrase|environment"
KeySource = Annotated[str, typer.Option("--key", metavar=SOURCES, help="Where the vault's key comes from.")]


class NotConfirmed(CredentialError):
    """A person must say yes, and nobody is there to ask."""


class CantAccept(CredentialError):
    """What is wrong is beyond what an owner could take for right."""

    exit_code = 5


def new_key() -> None:
    """Print a new key for TIC_KEY (or TIC_NEW_KEY); it is kept nowhere."""
    from credentials import keys

    if sys.stdout.isatty():
        sys.stderr.write("this key is shown once: keep it where your other secrets are\n")
    sys.stdout.write(keys.as_text(keys.new_key()).reveal().decode() + "\n")


def rekey(
    key: Annotated[
        str | None,
        typer.Option("--key", metavar=SOURCES, help="Where the key comes from afterwards; else as now."),
    ] = None,
    data_key: Annotated[
        bool, typer.Option("--data-key", help="A new data key too: seal everything in the vault anew.")
    ] = False,
    discard_former: Annotated[
        bool,
        typer.Option("--discard-former", help="Do not keep the key file from before: no backup needs it."),
    ] = False,
) -> None:
    """Give the vault another key; what runs goes on, and a kill in the middle loses nothing.

    A next passphrase is asked for, or taken from TIC_NEW_PASSPHRASE_FILE or TIC_NEW_PASSPHRASE; a next key of
    the environment from TIC_NEW_KEY. Backups that were made before open with the key from before alone: a key
    file stays as vault.key.former-TIME.
    """
    from credentials.keys import prepare
    from credentials.rekeying import rekey as give_another
    from engine.installation import Installation

    installation = Installation.find()
    vault, home = installation.vault, installation.home
    source = key or vault.status().key_source
    vault.ledger.unlock()
    done = give_another(
        vault.ledger,
        home.root,
        prepare(source, replacing=True),
        data_key=data_key,
        keep_former=not discard_former,
    )
    again = f"; {done.resealed} fields are sealed anew (data key {done.generation})" if data_key else ""
    sys.stderr.write(
        f"the vault has another key{again}\n"
        f"  {printable(advice(source, home, replacing=True))}\n"
        f"  {printable(_older_backups(done.former))}\n"
        "  next: tic vault backup FILE\n"
    )


def accept(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Take the vault as it is now for right: an older copy was put back, or a row was changed, on purpose.

    From then on this machine notices what differs from it. The audit log says that it was done.
    """
    from credentials.accepting import accept as take
    from engine.installation import Installation
    from engine.vault_checkup import examine

    installation = Installation.find()
    wrong = [check for check in examine(installation.home, installation) if not check.ok]
    for check in wrong:
        sys.stderr.write(f"{check.name}: {printable(check.detail)}\n")
    if not wrong:
        sys.stderr.write("the vault is whole, so there is nothing to accept; nothing was changed\n")
        return
    if beyond := [check for check in wrong if check.name not in ACCEPTABLE]:
        raise CantAccept(
            f"the vault can't be taken as it is before its {beyond[0].name} is in order; nothing was changed",
            hint=beyond[0].remedy,
        )
    if not yes:
        if not sys.stdin.isatty():
            raise NotConfirmed(
                "this takes all of it for right, and there is no terminal to ask at; nothing was changed",
                hint="say yes in advance: tic vault accept --yes; "
                "or put a backup back: tic vault restore FILE",
            )
        typer.confirm("take all of this for right?", abort=True, err=True)
    done = take(installation.vault.ledger)
    sys.stderr.write(
        f"accepted: the vault goes on with change {done.now.counter}, audit entry {done.now.audited}\n"
        "  next: tic vault doctor\n"
    )


def _older_backups(former: Path | None) -> str:
    if former is None:
        return "older backups open with the key from before, which is not kept here"
    return f"older backups open with the key from before, kept in {former}: remove it when they are gone"


def advice(source: str, home: "Home", *, replacing: bool = False) -> str:
    """What a person must do so that the key is not lost."""
    if source == "file":
        return f"its key is {home.key_file}: keep a copy in a safe place"
    if source == "keyring":
        return "its key is in the keyring of this user and machine: make a backup with --passphrase"
    if source == "passphrase":
        return "its key comes from the passphrase: nobody can tell you what it was"
    if replacing:
        return "its key is the one in TIC_NEW_KEY: let TIC_KEY hold it from now on"
    return "its key is the one in TIC_KEY: keep it where your other secrets are"
