"""Pebble, the sandbox's CA, and its companion DNS server."""

from dataclasses import dataclass
from pathlib import Path

from engine.home import Home
from engine.toolchain.cache import Shelf
from engine.toolchain.obtain import ensure_built
from engine.toolchain.pins import pins
from engine.toolchain.progress import Progress


@dataclass(frozen=True, slots=True)
class PebbleTools:
    """The two executables."""

    pebble: Path
    challtestsrv: Path


def locate(home: Home) -> PebbleTools | None:
    """The programs in the cache, or None where they are not there yet."""
    pin = pins()["pebble"]
    shelf = Shelf.of(home, pin, pin.version)
    return _tools(shelf) if shelf.source() else None


def ensure(home: Home, progress: Progress) -> PebbleTools:
    """The programs, built where they are missing; raises ToolchainError."""
    return _tools(ensure_built(home, "pebble", progress))


def _tools(shelf: Shelf) -> PebbleTools:
    return PebbleTools(shelf.programs / "pebble", shelf.programs / "pebble-challtestsrv")
