"""Pulumi's language host for YAML programs, which Pulumi's own installer brings and a built engine lacks."""

from pathlib import Path

from engine.home import Home
from engine.toolchain.cache import Shelf
from engine.toolchain.obtain import ensure_built
from engine.toolchain.pins import pins
from engine.toolchain.progress import Progress


def locate(home: Home) -> Path | None:
    """The executable in the cache, or None where it was not built yet."""
    pin = pins()["pulumi-yaml"]
    shelf = Shelf.of(home, pin, pin.version)
    return _host(shelf) if shelf.source() else None


def ensure(home: Home, progress: Progress) -> Path:
    """The executable, built where it is missing; Pulumi finds it when its folder is on PATH."""
    return _host(ensure_built(home, "pulumi-yaml", progress))


def _host(shelf: Shelf) -> Path:
    return shelf.programs / "pulumi-language-yaml"
