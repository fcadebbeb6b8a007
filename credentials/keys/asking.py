"""Asks a person for a passphrase: at a terminal, without echo, and nowhere else."""

import getpass
import sys
from collections.abc import Callable

from credentials.keys.form import KeyUnusable

Ask = Callable[[str], str]
"""What puts a question and returns the line that is typed, without showing it."""


class NoTerminal(Exception):
    """Nobody can be asked: the standard input is no terminal."""


def at_terminal(question: str) -> str:
    """One line typed at the terminal; raises NoTerminal, and KeyUnusable where nothing was typed."""
    if not sys.stdin.isatty():
        raise NoTerminal
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
