"""Where a measurement happens: a fresh home for tic, a fresh file backend for the bare engine."""

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.pairs import timed
from engine.home import Home
from engine.toolchain import yaml_host
from engine.toolchain.progress import Printer

TIC = Path(sys.executable).with_name("tic")
PLUGIN = Path(__file__).with_name("plugin.py")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, and the environment of the commands that run there."""

    folder: Path
    environment: Mapping[str, str] = field(repr=False)

    def run(self, *command: str | Path) -> float:
        """Seconds that the command takes here."""
        return timed(command, folder=self.folder, environment=self.environment)


def search_path(folder: Path, engine: Path) -> str:
    """PATH with the engine, its YAML host and the trivial plugin, which is put into `folder`."""
    host = yaml_host.ensure(Home.find(), Printer(sys.stderr))
    plugin = folder / "pulumi-resource-trivial"
    plugin.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(PLUGIN))} "$@"\n')
    plugin.chmod(0o755)
    return os.pathsep.join([*map(str, (engine.parent, host.parent, folder, TIC.parent)), os.environ["PATH"]])


def with_tic(folder: Path, engine: Path) -> Place:
    """A vault of its own."""
    folder.mkdir(parents=True)
    place = Place(
        folder, {**os.environ, "TIC_HOME": str(folder / "home"), "PATH": search_path(folder, engine)}
    )
    place.run(TIC, "vault", "init")
    return place


def with_files(folder: Path, engine: Path) -> Place:
    """A file backend of its own, with the passphrase that such a backend needs."""
    (folder / "state").mkdir(parents=True)
    own = {
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "bench",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PATH": search_path(folder, engine),
    }
    return Place(folder, {**os.environ, **own})


def project(place: Place, resources: int) -> None:
    """The same YAML program in both: `resources` trivial ones."""
    lines = ["name: bench", "runtime: yaml", "resources:"]
    for number in range(resources):
        lines += [f"  r{number}:", "    type: trivial:index:Thing", f"    properties: {{value: v{number}}}"]
    (place.folder / "Pulumi.yaml").write_text("\n".join(lines) + "\n")
