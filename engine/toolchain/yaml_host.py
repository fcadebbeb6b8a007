"""Pulumi's language host for YAML programs, which Pulumi's own installer brings and a built engine lacks."""

from pathlib import Path

from engine.home import Home
from engine.toolchain.obtain import ensure_built
from engine.toolchain.progress import Progress


def ensure(home: Home, progress: Progress) -> Path:
    """The executable, built where it is missing; Pulumi finds it when its folder is on PATH."""
    return ensure_built(home, "pulumi-yaml", progress).programs / "pulumi-language-yaml"
