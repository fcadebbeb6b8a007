"""The passphrase of Pulumi's passphrase provider: from a file, Pulumi's own variables, or asked for."""

import os
import sys
from pathlib import Path

from cli.creds_input import BadInput

DIRECT = "PULUMI_CONFIG_PASSPHRASE"
IN_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"
_LONGEST = 4096


class Passphrases:
    """Gives the passphrase when it is first needed, and the same one after that.

    The variables are taken out of the environment, which children inherit. An empty passphrase is one, where
    a file or a variable says so: Pulumi takes it, too.
    """

    def __init__(self, file: str | None, *, stdin_is_taken: bool) -> None:
        if file == "-" and stdin_is_taken:
            raise BadInput(
                "the state and the passphrase can't both come from stdin",
                hint=f"give the passphrase in a private file: --passphrase-file FILE, or in {DIRECT}",
            )
        self._file = file
        self._direct, self._in_file = os.environ.pop(DIRECT, None), os.environ.pop(IN_FILE, None)
        self._known: str | None = None

    def known(self) -> str:
        """The passphrase that something was sealed under. Raises BadInput."""
        if self._known is None:
            given = self._given()
            self._known = given if given is not None else _asked("Passphrase of the stack's secrets: ")
        return self._known

    def new(self) -> str:
        """A passphrase to seal under, asked for twice. Raises BadInput."""
        given = self._given()
        if given is None:
            given = _asked("New passphrase for the stack's secrets: ")
            if _asked("The same again: ") != given:
                raise BadInput(
                    "the two passphrases differ; nothing was written", hint="run the command again"
                )
        return given

    def _given(self) -> str | None:
        if self._file is not None:
            return _read(self._file, "--passphrase-file")
        if self._direct is not None:
            return self._direct
        return _read(self._in_file, IN_FILE) if self._in_file else None


def _asked(question: str) -> str:
    from credentials.keys.asking import NoTerminal, at_terminal

    try:
        return at_terminal(question)
    except NoTerminal:
        raise BadInput(
            "the passphrase of the stack's secrets is needed, and there is no terminal to ask for it at",
            hint=f"give it in a private file: --passphrase-file FILE, or in {DIRECT}",
        ) from None


def _read(name: str, source: str) -> str:
    """What is in the file, without the space around it, as Pulumi reads it."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_LONGEST + 1)
        else:
            with Path(name).open("rb") as stream:
                content = stream.read(_LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is not a path"
        raise BadInput(
            f"the file of {source} can't be read: {reason}", hint=f"give a file that holds it: {source} FILE"
        ) from None
    if len(content) > _LONGEST:
        raise BadInput(
            f"the file of {source} is too large for a passphrase",
            hint="give a file that holds the passphrase and nothing else",
        )
    try:
        return content.decode().strip()
    except UnicodeDecodeError as error:
        raise BadInput(
            f"the passphrase of {source} is not UTF-8 (byte {error.start})", hint="write it anew, as UTF-8"
        ) from None
