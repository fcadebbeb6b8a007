"""Asking before something is done that can't be undone."""

import sys

import typer

from cli.printable import printable
from credentials.errors import CredentialError


class NobodyToAsk(CredentialError):
    """A question, and no terminal to ask it at."""

    exit_code = 2


def confirm(question: str, statement: str, again: str, *, yes: bool) -> None:
    """Ask, unless `yes`; where nobody can be asked, the statement and the command that needs no question.

    Raises NobodyToAsk, and typer.Abort for a no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise NobodyToAsk(
            f"{statement}, and there is no terminal to ask at", hint=f"say yes in advance: {again}"
        )
    typer.confirm(printable(question), abort=True, err=True)
