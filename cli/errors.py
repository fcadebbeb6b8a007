"""One place where an error becomes what a person reads: message, next step, exit code."""

import sys
from collections.abc import Callable

from credentials.errors import CredentialError
from engine.errors import EngineError
from stacks.errors import StackError


def run(command: Callable[[], object]) -> int:
    """Run `command`; print what it refuses as two lines on stderr. Returns the exit code (130: interrupted)."""
    try:
        command()
    except (CredentialError, EngineError, StackError) as error:
        sys.stderr.write(f"error: {error}\n  next: {error.hint}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe left; there is nobody to tell
        return 141
    return 0
