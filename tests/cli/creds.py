"""Credentials as commands make them, and a terminal to be asked at."""

import json
import os
import pty
import re
import select
import sys
from pathlib import Path

from tests.cli.command import Said, Tic

CANARY = "cAnArY-5f0e1d-Zx9"
KEYS = json.dumps({"secret-id": "an-id", "secret-key": CANARY})
TOKEN = re.compile(r"tic_[a-z2-7]{16}")
ROOT = Path(__file__).parents[2]


def new(tic: Tic, name: str, *words: str, stdin: str = KEYS) -> Said:
    return tic("creds", "new", name, "--provider", "tencentcloud", "--secrets-from", "-", *words, stdin=stdin)


def masked(said: Said) -> str:
    """Stderr with tokens replaced."""
    return TOKEN.sub("TOKEN", said.err)


def at_a_terminal(tic: Tic, words: list[str], answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Run `tic` at a terminal of its own: wait for each question, type its answer. Returns what was shown."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        environ = {**os.environ, "TIC_HOME": str(tic.home)}
        os.execve(sys.executable, [sys.executable, "-m", "cli.main", *words], environ)  # noqa: S606
    shown = ""
    for question, answer in answers:
        while not shown.rstrip().endswith(question):
            more = _read(terminal)
            assert more, f"never asked {question!r}: {shown}"
            shown += more
        os.write(terminal, answer.encode() + b"\n")
    while more := _read(terminal):
        shown += more
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown


def _read(terminal: int) -> str:
    """What the other side wrote; nothing when it has closed (Linux says EIO then) or is silent for long."""
    ready, _, _ = select.select([terminal], [], [], 30)
    try:
        return os.read(terminal, 1024).decode() if ready else ""
    except OSError:
        return ""


def bind(tic: Tic, credential: str, project: str, stack: str) -> None:
    """A stack, bound to a credential, as the engine makes them."""
    from engine import bindings
    from engine.installation import Installation
    from engine.state import stacks

    installation = Installation.find()
    found = installation.vault.find(credential)
    with installation.vault.quiet_change() as change:
        made = stacks.create(change.connection, project, stack)
        bindings.bind(change.connection, made.id, found.id, found.kind)
    installation.database.close()


def change(tic: Tic, statement: str) -> None:
    """Change the database behind tic's back."""
    from engine.installation import Installation

    installation = Installation.find()
    with installation.database.write() as connection:
        connection.exec_driver_sql(statement)
    installation.database.close()
