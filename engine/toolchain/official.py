"""Pulumi's own installer, as the SDK carries it: downloads the engine with every language host."""

import os
import sys
from collections import deque
from pathlib import Path

from engine.toolchain.cache import Shelf
from engine.toolchain.child import follow
from engine.toolchain.errors import WayFailed
from engine.toolchain.progress import Progress

SCRIPT = Path(__file__).with_name("official_script.py")
LIMIT_SECONDS = 900.0


def install(shelf: Shelf, progress: Progress, *, limit: float = LIMIT_SECONDS) -> None:
    """Install `shelf.version` into the cache; needs the shelf's lock.

    Raises WayFailed where the network is closed, the version is not offered, or `limit` (seconds) runs out.
    """
    progress.say(f"getting {shelf.pin.title} {shelf.version} with Pulumi's installer")
    said: deque[str] = deque(maxlen=2)
    with shelf.workplace() as workplace:
        try:
            code = follow(
                [sys.executable, "-I", str(SCRIPT), str(workplace), str(shelf.version)],
                folder=workplace,
                environment=os.environ,
                on_line=said.append,
                on_tick=lambda: progress.doing("downloading"),
                limit=limit,
            )
        finally:
            progress.clear()
        if code is None:
            raise WayFailed(f"it took longer than {limit / 60:.0f} min")
        if code:
            raise WayFailed(" ".join(said) or f"exit code {code}")
        shelf.put(workplace / "bin", source="installer", made_with="Pulumi's installer")
