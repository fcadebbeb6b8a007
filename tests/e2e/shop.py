"""A project whose things are files, by the trivial plugin: the quickest stack that the real engine runs."""

import os
import sys
from pathlib import Path
from typing import Any

from tests.e2e.command import Tic

PLUGIN = Path(__file__).parents[1] / "plugins" / "trivial.py"
PROGRAM = """import pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, **properties):
        super().__init__("trivial:index:Thing", name, properties)

config = pulumi.Config()
gate = config.get("gate")
for number in range(config.get_int("things") or 3):
    more = {"wait": gate} if gate and number == 1 else {}
    Thing(f"thing-{number}", value=config.get("value") or "one", **more)
pulumi.export("value", config.get("value") or "one")
"""
UP = ("stack", "up", "--env", "TRIVIAL_WORLD")


def shop(folder: Path, engine: Path, home: Path | None = None, **variables: str) -> Tic:
    """The project in `folder`, with no vault yet; settings: things (3), value, gate (a file to wait for)."""
    project, programs = folder / "shop", folder / "bin"
    for path in (project, programs, folder / "world"):
        path.mkdir(parents=True)
    plugin = programs / "pulumi-resource-trivial"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PLUGIN} "$@"\n')
    plugin.chmod(0o755)
    (project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (project / "__main__.py").write_text(PROGRAM)
    search = os.pathsep.join([str(programs), str(engine.parent), os.environ["PATH"]])
    own = {"PATH": search, "TRIVIAL_WORLD": str(folder / "world")}
    return Tic(home or folder / "home", project, {**own, **variables})


def made(tic: Tic) -> list[str]:
    """The things that there are, each by its name and a random part."""
    return sorted(path.name for path in Path(tic.variables["TRIVIAL_WORLD"]).iterdir())


def held(tic: Tic, stack: str) -> list[str]:
    """The ids of the things in a stack's state, in the same form."""
    resources: list[dict[str, Any]] = tic("stack", "show", stack, "--json").json()["resources"]
    return sorted(each["id"] for each in resources if each["type"] == "trivial:index:Thing")
