"""Where the command `tic` begins: so early that Ctrl-C ends it quietly while the rest is still loading."""

import gc
import sys
from typing import Final

ALLOCATIONS: Final = 200_000  # between two looks for garbage; by default 700, most of them while modules load


def main() -> None:
    """Run `tic` with the process's arguments, and exit with its code; 130 where it is interrupted."""
    gc.set_threshold(ALLOCATIONS)
    try:
        from cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()  # Python would look through all that was ever loaded before it ends
