"""The programs that tic can get, and at which versions: reads pins.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.toolchain.version import Version

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Pin:
    """One program (or a few that are built together) at the version that tic ships Go modules for.

    `modules` is the folder with go.mod, go.sum and the Go file that says what is built. `minimum` is the
    oldest version that is good enough where one is found on PATH. `minutes` is roughly how long a first build
    takes on two cores.
    """

    name: str
    title: str
    version: Version
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    ldflags: str
    minutes: int
    modules: Path
    minimum: Version | None = None

    @property
    def go(self) -> Version:
        """The oldest Go that go.mod allows."""
        text = (self.modules / "go.mod").read_text()
        found = re.search(r"^go (\S+)$", text, re.MULTILINE)
        if not found:
            raise ValueError(f"{self.modules / 'go.mod'} names no Go version")
        return Version.parse(found[1])


@cache
def pins() -> Mapping[str, Pin]:
    """Every pin by its name."""
    table = tomllib.loads((FOLDER / "pins.toml").read_text())
    return {
        name: Pin(
            name=name,
            title=row["title"],
            version=Version.parse(row["version"]),
            packages=tuple(row["packages"]),
            programs=tuple(row["programs"]),
            ldflags=row["ldflags"].format(version=row["version"]),
            minutes=row["minutes"],
            modules=FOLDER / "modules" / name,
            minimum=Version.parse(row["minimum"]) if "minimum" in row else None,
        )
        for name, row in table.items()
    }
