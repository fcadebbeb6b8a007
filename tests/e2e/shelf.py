"""A project whose boxes are files, by the shelf plugin: what a program asks for and what there is can differ.

The program is read from `plan.json`, so that a test changes it by changing values.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.command import Result, Tic

PLUGIN = Path(__file__).parents[1] / "plugins" / "shelf.py"
PROGRAM = '''"""Two boxes that know of each other, and what the plan asks for besides."""
import json
from pathlib import Path

import pulumi
from pulumi import Alias, CustomTimeouts, Output, ResourceOptions


class Box(pulumi.CustomResource):
    def __init__(self, name, opts=None, **properties):
        super().__init__("shelf:index:Box", name, {"address": None, "label": None, **properties}, opts)


class Group(pulumi.ComponentResource):
    def __init__(self, name, value):
        super().__init__("shop:index:Group", name, {}, None)
        was_outside = Alias(parent=pulumi.ROOT_STACK_RESOURCE)
        self.moved = Box("moved", ResourceOptions(parent=self, aliases=[was_outside]), value=value)
        self.register_outputs({"address": self.moved.address})


plan = json.loads(Path("plan.json").read_text())
mine = pulumi.ProviderResource("shelf", "mine", {"region": plan.get("region", "one")})
first = Box(
    "first",
    ResourceOptions(custom_timeouts=CustomTimeouts(create="90s"), additional_secret_outputs=["address"]),
    key=plan.get("key", "one"),
    value=plan.get("value", "one"),
    secret=Output.secret(plan.get("secret", "canary-one")),
)
second = Box(
    "second",
    ResourceOptions(provider=mine, depends_on=[first], retain_on_delete=False),
    at=first.address,
    deep={"list": [first.id, 3, True]},
)
if plan.get("group"):
    pulumi.export("group", Group("group", "x").moved.address)
else:
    was_inside = Alias(parent="urn:pulumi:dev::shop::shop:index:Group::group")
    Box("moved", ResourceOptions(aliases=[was_inside]), value="x")
if plan.get("computed"):
    Box("computed", of=first.id.apply(lambda known: f"box {known}"))
if plan.get("extra"):
    Box("extra", fail=plan.get("fail"))
if plan.get("read"):
    read = Box("read", ResourceOptions(id=second.id))
    Box("reader", of=read.address)
pulumi.export("first", first.id)
pulumi.export("secret", Output.secret(plan.get("secret", "canary-one")))
'''


@dataclass(frozen=True, slots=True)
class Shelf:
    """`tic` in the project, and the folder that is its world."""

    tic: Tic
    world: Path

    def up(self, why: str = "", *, code: int = 0, **plan: Any) -> Result:
        """Make the plan the program, and run it."""
        (self.tic.folder / "plan.json").write_text(json.dumps(plan))
        return self("up", *(["--message", why] if why else []), code=code)

    def __call__(self, *words: str, code: int = 0) -> Result:
        """A command of `tic stack` that runs the engine."""
        return self.tic("stack", *words, "--env", "SHELF_WORLD", code=code)

    def boxes(self) -> dict[str, dict[str, Any]]:
        """What there is, by name."""
        return {path.name.rpartition("-")[0]: json.loads(path.read_text()) for path in self.world.iterdir()}

    def ids(self) -> dict[str, str]:
        """Which file each box is, by name."""
        return {path.name.rpartition("-")[0]: path.name for path in self.world.iterdir()}

    def change(self, name: str, **values: Any) -> None:
        """Change a box behind the engine's back."""
        path = self.world / self.ids()[name]
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    def history(self) -> list[dict[str, Any]]:
        """What ran, newest first."""
        rows: list[dict[str, Any]] = self.tic("stack", "history", "--json").json()
        return rows


def shelf(folder: Path, engine: Path) -> Shelf:
    """A vault, the project and its stack `dev`, never run."""
    project, programs, world = folder / "shop", folder / "bin", folder / "world"
    for path in (project, programs, world):
        path.mkdir(parents=True)
    plugin = programs / "pulumi-resource-shelf"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PLUGIN} "$@"\n')
    plugin.chmod(0o755)
    (project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (project / "__main__.py").write_text(PROGRAM)
    (project / "plan.json").write_text("{}")
    search = os.pathsep.join([str(programs), str(engine.parent), os.environ["PATH"]])
    tic = Tic(folder / "home", project, {"PATH": search, "SHELF_WORLD": str(world)})
    tic("vault", "init")
    tic("stack", "new", "dev")
    return Shelf(tic, world)
