"""lego's own command line, which `make bench` compares with."""

from pathlib import Path

from engine.home import Home
from engine.toolchain.obtain import ensure_built
from engine.toolchain.progress import Progress


def ensure(home: Home, progress: Progress) -> Path:
    """The executable, built where it is missing; raises ToolchainError."""
    return ensure_built(home, "lego", progress).programs / "lego"
