"""Says which stacks would change accounts by falling back to a linked role, before that happens (SPEC A9)."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.printable import printable
from credentials.errors import CredentialError

if TYPE_CHECKING:
    from credentials.credential import CredentialView
    from credentials.vault import Vault

OtherAccount = Annotated[
    bool,
    typer.Option("--other-account", help="Let stacks fall back to a role of another account all the same."),
]


class WouldChangeAccounts(CredentialError):
    """Stacks would be served in another account than what they made is in."""

    exit_code = 3


def check(vault: "Vault", views: "Sequence[CredentialView]", *, other_account: bool) -> None:
    """Ask the providers, and say what would move; raises WouldChangeAccounts unless that is wanted."""
    from engine import accounts, place

    if not any(view.used_by for view in views):
        return
    moves = accounts.moves(vault, views, place.of_folder(Path.cwd()))
    for move in moves:
        sys.stderr.write(printable(f"warning: {move}") + "\n")
    certain = [move for move in moves if move.is_certain]
    if certain and not other_account:
        raise WouldChangeAccounts(
            f"{certain[0]}; nothing was deleted",
            hint=f"keep {certain[0].credential} for that account, or destroy the stack first: "
            f"tic stack destroy {certain[0].stacks[0]}; to go on all the same: --other-account",
        )
