"""One place where an error becomes what a person reads: message, next step, exit code."""

import os
import sys
from collections.abc import Callable

import typer
from typer.exceptions import TyperException

from credentials.errors import CredentialError
from engine.errors import EngineError
from stacks.errors import StackError

INTERRUPTED = 130
PIPE_CLOSED = 141


def run(command: Callable[[], object]) -> int:
    """Run `command`; print what it refuses as two lines on stderr. Returns the exit code."""
    try:
        result = command()
    except (CredentialError, EngineError, StackError) as error:
        sys.stderr.write(f"error: {error}\n  next: {error.hint}\n")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), 1
        )  # the reader left; Python's last flush must not complain either
        return PIPE_CLOSED
    except TyperException as error:
        return _misused(error)
    except Exception as error:  # the last resort: a person gets a sentence, TIC_DEBUG=1 gets the trace
        if os.environ.get("TIC_DEBUG"):
            raise
        sys.stderr.write(
            f"error: tic failed in a way that it does not know ({type(error).__name__})\n"
            "  next: run the command again with TIC_DEBUG=1 and report what it prints\n"
        )
        return 70
    return result if isinstance(result, int) else 0


def _misused(error: TyperException) -> int:
    """Show what is wrong with the command line; a group without a command shows its help alone."""
    if type(error).__name__ == "NoArgsIsHelpError":  # typer does not export it
        sys.stderr.write(f"{error.format_message()}\n")
        return error.exit_code
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "tic"
    sys.stderr.write(f"error: {error.format_message()}\n  next: see how it is used: {command} --help\n")
    return error.exit_code
