"""Where the command `tic` begins: so early that Ctrl-C ends it quietly while the rest is still loading."""

import sys


def main() -> None:
    """Run `tic` with the process's arguments, and exit with its code; 130 where it is interrupted."""
    try:
        from cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
