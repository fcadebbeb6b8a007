"""`tic creds show --reveal`: secrets for a person's eyes, after a question, and audited (SPEC B7, B10)."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.creds_input import BadInput
from cli.printable import printable

if TYPE_CHECKING:
    from credentials.credential import Credential
    from credentials.vault import Vault

ACTION = "credential.reveal"


def revealed(vault: "Vault", credential: "Credential", *, yes: bool) -> dict[str, str]:
    """The fields in plaintext; the audit log has it before they are returned.

    What is out of scope here is refused, and audited, without a question. Raises BadInput, OutOfScope.
    """
    from credentials.scopes import admits
    from engine import place

    here = place.of_folder(Path.cwd())
    if not yes and admits(credential.scope, here):
        _ask(credential)
    opened = vault.opened(credential.token, purpose="creds show --reveal", place=here, action=ACTION)
    given = vault.field_names(credential.token)
    return {name: value.reveal().decode() for name, value in opened.fields.items() if name in given}


def _ask(credential: "Credential") -> None:
    if not sys.stdin.isatty():
        raise BadInput(
            f"the secrets of {credential.name!r} are not shown without a question, and there is no terminal "
            "to ask at",
            hint=f"say yes in advance: tic creds show {credential.name} --reveal --yes",
        )
    where = "on this terminal" if sys.stdout.isatty() else "to stdout"
    question = f"show the secrets of {credential.name} ({credential.kind}) {where}? Type yes"
    if typer.prompt(printable(question), default="no", show_default=False, err=True).strip() != "yes":
        raise typer.Abort
