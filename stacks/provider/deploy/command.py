"""A command after a deployment, on this machine: what lets a server read its new certificate.

It is given as words, never as a line for a shell. Its program must be one that nobody else can replace. It
gets a PATH of the system's folders and none of the run's variables, no input, and a time limit; what it
started and did not end is ended with it.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from stacks.dns.programs import ProgramUnsafe, check
from stacks.errors import StackError
from stacks.provider.properties import Change, Kind, Property, Refused
from stacks.provider.run import Operation

SECONDS = 60.0
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_GLANCE_SECONDS = 0.1
_GRACE_SECONDS = 2.0
_TOLD = 1000  # the last characters of what it said
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def words(given: list[str]) -> list[str]:
    """A command; its program by the whole path."""
    if not given or not given[0].startswith("/"):
        raise Refused("must begin with the whole path of a program, as /usr/sbin/nginx, then its arguments")
    if any("\0" in each for each in given):
        raise Refused("must not hold NUL characters")
    return given


def limit(given: float) -> float:
    """Seconds of something that ends."""
    if not 0 < given <= 3600:
        raise Refused("must be more than 0 and at most 3600 seconds")
    return given


PROPERTIES = (
    Property(
        "command",
        Kind.STRINGS,
        "What to run once it is deployed: a program by its whole path, then its arguments; without a shell.",
        change=Change.UPDATE,
        rule=words,
    ),
    Property(
        "commandTimeoutSeconds",
        Kind.NUMBER,
        "How long the command may take.",
        default=SECONDS,
        change=Change.UPDATE,
        rule=limit,
    ),
)


class CommandFailed(StackError):
    """The command could not be run, did not end in time, or ended with a code other than 0."""


def run(operation: Operation, argv: Sequence[str], seconds: float, folder: Path, key_pem: str = "") -> None:
    """Run it in `folder` and wait for its end; raises CommandFailed with the end of what it said, in which no
    line of `key_pem` is shown.
    """
    try:
        check(argv[0])
    except ProgramUnsafe as error:
        hint = "correct `command`" if error.by_path else error.hint
        raise CommandFailed(f"{error}, so it was not run", hint=f"{hint}; then tic stack up") from error
    operation.say(f"running {argv[0]}")
    with tempfile.TemporaryFile() as said:  # not a pipe: what it leaves behind could keep that open
        try:
            child = subprocess.Popen(
                list(argv),
                cwd=folder,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandFailed(
                f"{argv[0]} can't be run: {error.strerror}", hint="correct `command`, then: tic stack up"
            ) from error
        ended = _wait(operation, child, seconds)
        if child.returncode == 0 and ended is None:
            return
        what = ended or f"ended with code {child.returncode}"
        raise CommandFailed(
            f"{argv[0]} {what}{_end(said, key_pem)}",
            hint="mend what it says, then: tic stack up, which runs it again",
        )


def without_keys(said: str, key_pem: str) -> str:
    """What a command said, in one line, without a private key that it may have shown, whole or by lines."""
    text = _KEY.sub("[private key]", said).strip()
    for line in key_pem.splitlines():
        if "-----" not in line and line.strip():
            text = text.replace(line.strip(), "[private key]")
    return "".join(one if one.isprintable() else " " for one in text)


def _wait(operation: Operation, child: "subprocess.Popen[bytes]", seconds: float) -> str | None:
    """Wait for the end; gives why it was ended before, and ends all that it started then."""
    ends, why = time.monotonic() + seconds, None
    while child.poll() is None and why is None:
        if operation.run.cancelled.is_set():
            why = "was ended: the run was cancelled"
        elif time.monotonic() >= ends:
            why = f"was ended: it took more than {seconds:g} s"
        else:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_GLANCE_SECONDS)
    if why is not None:
        _signal(child, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_SECONDS)
        _signal(child, signal.SIGKILL)
        child.wait()
    return why


def _signal(child: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _end(said: IO[bytes], key_pem: str) -> str:
    """The end of what it said, without a private key that it may have shown."""
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - 64 * 1024))
    text = without_keys(said.read().decode(errors="replace"), key_pem)[-_TOLD:]
    return f": {text}" if text else ""
