"""Asks a person for a passphrase: at a terminal, without echo, and nowhere else."""

import getpass
import sys
from collections.abc import Callable

from credentials.keys.form import KeyUnusable

Ask = Callable[[str], str]
"""What puts a question and returns the line that is typed, without showing it."""


def at_terminal(question: str) -> str:
    """One line typed at the terminal; raises KeyUnusable where there is none, or nothing was typed."""
    if not sys.stdin.isatty():
        raise KeyUnusable(
            "the vault's key comes from a passphrase, and there is no terminal to ask for it at",
            hint="set TIC_PASSPHRASE_FILE to a private file that holds it, or set TIC_PASSPHRASE to it",
        )
    try:
        answer = getpass.getpass(question)
    except EOFError:
        sys.stderr.write("\n")
        answer = ""
    except UnicodeDecodeError:
        raise KeyUnusable(
            "what was typed is not in the encoding of this terminal", hint="check LANG, and type it again"
        ) from None
    if not answer:
        raise KeyUnusable("no passphrase was typed", hint="run the command again, and type it")
    return answer
