"""A command that runs in place of tic: terminal, signals and exit code are its own."""

import errno
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

from engine.errors import EngineError

HELD = frozenset(
    {
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGCHLD,
    }
)
"""The signals that tic waits for while a command runs."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # other programs expect them as the system has them


class CommandNotFound(EngineError):
    """There is no such command."""

    exit_code = 127

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is no command {name!r}",
            hint=f"check how it is written, or where it is: command -v {name}",
        )


class CommandNotRun(EngineError):
    """The command is there, and the system can't run it."""

    exit_code = 126

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name!r} can't be run: {why}", hint=f"check it: ls -l {name}")


def find(name: str, environ: Mapping[str, str]) -> str:
    """The path of a command, as a shell finds it; raises CommandNotFound, CommandNotRun."""
    search = environ.get("PATH", os.defpath)
    if found := shutil.which(name, path=search):
        return found
    if shutil.which(name, os.F_OK, search):
        raise CommandNotRun(name, "it may not be executed")
    if "/" in name and os.path.isdir(name):  # noqa: PTH112 - as the user wrote it
        raise CommandNotRun(name, "it is a folder")
    raise CommandNotFound(name)


def become(program: str, argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Let this process be the command from now on; nothing of tic stays in memory. Raises CommandNotRun."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in _IGNORED_BY_PYTHON}
    try:
        os.execve(program, list(argv), dict(environment))  # noqa: S606 - to run it is what was asked for
    except OSError as error:
        for number, handler in before.items():
            signal.signal(number, handler)
        raise CommandNotRun(argv[0], _why(error)) from error


@contextmanager
def signals_held() -> Iterator[set[signal.Signals]]:
    """Keep signals waiting while the block runs, so that it is never left in the middle.

    Yields the signals that were kept waiting before: a child starts with those.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        yield {signal.Signals(number) for number in before}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(
    program: str, argv: Sequence[str], environment: Mapping[str, str], *, mask: "set[signal.Signals]"
) -> int:
    """Run a command in the foreground, inside `signals_held`, which yields `mask`; returns its exit code.

    128 + n where signal n ended it, as shells say it. A signal that somebody sends to tic goes on to the
    command; one from the terminal has reached it already. Raises CommandNotRun.
    """
    if signal.sigpending().intersection(_ENDING):
        raise KeyboardInterrupt  # it came before there was a command to hear it
    handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored, no exit code is kept
    try:
        pid = os.posix_spawn(
            program, list(argv), dict(environment), setsigmask=mask, setsigdef=_IGNORED_BY_PYTHON
        )
    except OSError as error:
        raise CommandNotRun(argv[0], _why(error)) from error
    else:
        return _outcome(pid)
    finally:
        signal.signal(signal.SIGCHLD, handler)


def _outcome(pid: int) -> int:
    while True:
        heard = signal.sigwaitinfo(HELD)
        if heard.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
        elif heard.si_code <= 0:  # from a process (sigaction(2)); the terminal tells its whole group itself
            os.kill(pid, heard.si_signo)


def _why(error: OSError) -> str:
    if error.errno == errno.ENOEXEC:
        return "it is no program for this machine, nor a script with a first line such as #!/bin/sh"
    return error.strerror or type(error).__name__
