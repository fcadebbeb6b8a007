"""One place where an error becomes what a person reads: message, next step, exit code."""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress

import typer
from typer.exceptions import TyperException

from cli.printable import printable
from credentials.errors import CredentialError
from engine.errors import EngineError
from stacks.errors import StackError

FAILED = 1
INTERRUPTED = 130
PIPE_CLOSED = 141
_CANT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class NoText(EngineError):
    """An argument that is no text: bytes that are not UTF-8."""

    exit_code = 2

    def __init__(self, argument: str) -> None:
        told = argument.encode(errors="surrogateescape").decode(errors="backslashreplace")
        super().__init__(
            f"the argument '{told}' is no text in UTF-8, as everything is that tic keeps and prints",
            hint="write it in UTF-8, or give what it names another name; then run the command again",
        )


def run(command: Callable[[], object]) -> int:
    """Run `command`; print what it refuses as two lines on stderr. Returns the exit code."""
    _open_standard_streams()
    try:
        return _ended(command)
    finally:
        _let_go()


def _ended(command: Callable[[], object]) -> int:
    try:
        result = command()
        sys.stdout.flush()  # what can't be written fails here, not after the last word
    except (CredentialError, EngineError, StackError) as error:
        _tell(str(error), error.hint)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _say("\ninterrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return PIPE_CLOSED
    except TyperException as error:
        return _misused(error)
    except Exception as error:  # the last resort: a person gets a sentence, TIC_DEBUG=1 gets the trace
        if isinstance(error, OSError) and error.errno in _CANT_WRITE:
            _silence_stdout()
            _tell(
                f"{error.filename or 'something'} can't be written: {error.strerror}",
                "free some disk space, or send the output elsewhere; then see what is there: tic doctor",
            )
            return FAILED
        if os.environ.get("TIC_DEBUG"):
            raise
        _tell(
            f"tic failed in a way that it does not know ({type(error).__name__})",
            "run the command again with TIC_DEBUG=1 and report what it prints",
        )
        return 70
    return result if isinstance(result, int) else 0


def _open_standard_streams() -> None:
    """Where the caller has closed stdin, stdout or stderr, put the null device in its place: else the next
    file that is opened, such as the database, would get its number, and a child's output.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115


def _silence_stdout() -> None:
    """Nobody can read it any more: Python's last flush must not complain either."""
    _silence(1)


def _silence(number: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)


def _let_go() -> None:
    """What is still to be written and can't be is let go: Python would end with a code of its own (120)."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            _silence(number)


def _tell(message: str, following: str) -> None:
    _say(f"error: {printable(message)}\n  next: {printable(following)}\n")


def _say(words: str) -> None:
    with suppress(OSError):  # the exit code still tells
        sys.stderr.write(words)


def _misused(error: TyperException) -> int:
    """Show what is wrong with the command line; a group without a command shows its help alone."""
    if type(error).__name__ == "NoArgsIsHelpError":  # typer does not export it
        _say(f"{error.format_message()}\n")
        return error.exit_code
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "tic"
    _tell(error.format_message(), f"see how it is used: {command} --help")
    return error.exit_code
