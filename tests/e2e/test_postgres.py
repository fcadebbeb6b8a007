"""A whole stack on PostgreSQL, with the real engine: made, killed, taken over, destroyed."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.command import Tic
from tests.engine.state.waiting import wait_for
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.server

PLUGIN = Path(__file__).parents[1] / "plugins" / "trivial.py"
NAMES = ["TIC_DATABASE_URL", "PGPASSWORD", "PGPASSFILE"]
PROGRAM = f"""import os
import pulumi

class Thing(pulumi.CustomResource):
    copied: pulumi.Output[dict]
    def __init__(self, name, **properties):
        super().__init__("trivial:index:Thing", name, {{"copied": None, **properties}})

config = pulumi.Config()
thing = Thing("a", value=config.require("value"), copy={NAMES}, **{{}})
pulumi.export("copied", thing.copied)
pulumi.export("seen", [name for name in {NAMES} if name in os.environ])
pulumi.export("secret", config.require_secret("secret"))
"""


@pytest.fixture
def tic(tmp_path: Path, empty_postgres_url: str, pulumi_command: Path, shared_postgres: Postgres) -> Tic:
    """A project with one trivial resource and a stack `dev`, in a home whose database is PostgreSQL."""
    folder, world, programs = tmp_path / "shop", tmp_path / "world", tmp_path / "bin"
    for path in (folder, world, programs):
        path.mkdir()
    plugin = programs / "pulumi-resource-trivial"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PLUGIN} "$@"\n')
    plugin.chmod(0o755)
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    variables = {
        "PATH": os.pathsep.join([str(programs), str(pulumi_command.parent), os.environ["PATH"]]),
        "TIC_DATABASE_URL": empty_postgres_url,
        "PGPASSWORD": shared_postgres.password,
        "TRIVIAL_WORLD": str(world),
    }
    made = Tic(tmp_path / "home", folder, variables)
    made("vault", "init")
    made("stack", "new", "dev")
    made("stack", "config", "set", "value", "one")
    made("stack", "config", "set", "secret", "--secret", stdin="canary-of-the-config")
    return made


def up(tic: Tic) -> str:
    done = tic("stack", "up", "--env", "TRIVIAL_WORLD")
    return done.out + done.err


def test_a_stack_is_made_changed_and_destroyed(tic: Tic, shared_postgres: Postgres, tmp_path: Path) -> None:
    """C1, C4."""
    said = up(tic)
    assert len(list((tmp_path / "world").iterdir())) == 1
    tic("stack", "config", "set", "value", "two")
    said += up(tic)
    (shown,) = tic("stack", "list", "--json").json()
    assert (shown["resources"], len(tic("stack", "history", "--json").json())) == (3, 2)
    outputs = tic("stack", "outputs", "--json", "--show-secrets").json()
    assert outputs["secret"] == "canary-of-the-config"
    # Neither the program nor a provider finds the database's password in its environment.
    assert (outputs["seen"], outputs["copied"]) == ([], dict.fromkeys(NAMES, ""))
    tic("stack", "destroy", "--yes", "--env", "TRIVIAL_WORLD")
    assert list((tmp_path / "world").iterdir()) == []
    tic("stack", "remove", "dev", "--yes")
    assert tic("stack", "list", "--json").json() == []
    # Nothing said it, and no file of the home or the project holds it.
    assert shared_postgres.password not in said
    files = [path for folder in (tic.home, tic.folder) for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if shared_postgres.password.encode() in path.read_bytes()] == []


def test_a_killed_run_is_taken_over(tic: Tic, tmp_path: Path) -> None:
    """C3."""
    go = tmp_path / "go"
    (tic.folder / "__main__.py").write_text(PROGRAM.replace("**{}", f"wait={str(go)!r}"))
    with tic.running("stack", "up", "--env", "TRIVIAL_WORLD") as run:
        wait_for(go.with_name("go.reached").exists)
        below = psutil.Process(run.pid).children(recursive=True)
        run.kill()
    psutil.wait_procs(below, timeout=20)
    go.touch()
    assert "was cut off; what it did is kept" in up(tic)
    (shown,) = tic("stack", "list", "--json").json()
    assert shown["resources"] == 3
    assert len(list((tmp_path / "world").iterdir())) >= 1
