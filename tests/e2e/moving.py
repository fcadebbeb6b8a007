"""A project that two backends know: Pulumi's file backend under a passphrase, and tic."""

import runpy
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.e2e.command import RUN_SECONDS, Tic
from tests.e2e.shop import shop
from tests.engine.state.program import served

PASSPHRASE = "open, says me"
CANARY = "canary-8c1f-of-the-stack"
PROGRAM = """import pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, options=None, **properties):
        super().__init__("trivial:index:Thing", name, {"copied": None, **properties}, options)

password = pulumi.Config().require_secret("password")
first = Thing("first", value="one", password=password)
Thing("second", pulumi.ResourceOptions(depends_on=[first]), value=first.id, nested={"deep": [password]})
pulumi.export("password", password)
pulumi.export("value", "one")
"""


@dataclass(frozen=True)
class File:
    """A program in a file, for a process that serves it to the engine."""

    path: Path

    def __call__(self) -> None:
        runpy.run_path(str(self.path))


@dataclass(frozen=True)
class Pulumi:
    """The stock CLI in a project's folder, at one backend."""

    command: Path
    folder: Path
    variables: dict[str, str]

    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> "subprocess.CompletedProcess[str]":
        """One command; fails the test unless it ends with `code`."""
        done = subprocess.run(
            [str(self.command), *words, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == code, (
            f"pulumi {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def run(self, operation: str, *words: str, code: int = 0) -> str:
        """`up` or `preview` with the project's program; what was printed."""
        with served(File(self.folder / "__main__.py")) as port:
            client = ["--exec-kind", "auto.inline", f"--client=127.0.0.1:{port}"]
            options = ["--yes", "--skip-preview"] if operation != "preview" else []
            return self(operation, *options, *client, *words, code=code).stdout

    def exported(self, *words: str) -> dict[str, Any]:
        """The stack's deployment."""
        found: dict[str, Any] = orjson.loads(self("stack", "export", *words).stdout)["deployment"]
        return found


@dataclass(frozen=True)
class Movers:
    """`tic` with a vault and no stack; `pulumi` at a file backend whose stack `dev` is made and has run."""

    tic: Tic
    pulumi: Pulumi
    store: Path
    world: Path

    @property
    def stack_file(self) -> Path:
        """The configuration of `dev`, which both read."""
        return self.tic.folder / "Pulumi.dev.yaml"

    def other(self, name: str) -> Pulumi:
        """Another file backend, for the same project."""
        store = self.store.with_name(name)
        store.mkdir()
        variables = {**self.pulumi.variables, "PULUMI_BACKEND_URL": f"file://{store}"}
        return Pulumi(self.pulumi.command, self.pulumi.folder, variables)

    @contextmanager
    def served(self) -> Iterator[Pulumi]:
        """The stock CLI at `tic serve`."""
        with self.tic.running("serve") as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2)]
            told = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
            yield Pulumi(self.pulumi.command, self.pulumi.folder, {**self.pulumi.variables, **told})
            process.terminate()
            process.wait()

    def things(self) -> list[str]:
        """What there is in the world."""
        return sorted(path.name for path in self.world.iterdir())


def movers(folder: Path, engine: Path) -> Movers:
    """Both of them, in `folder`."""
    tic = shop(folder, engine)
    (tic.folder / "__main__.py").write_text(PROGRAM)
    store = folder / "store"
    store.mkdir()
    variables = {
        **tic.environment(),
        "HOME": str(folder),
        "PULUMI_HOME": str(folder / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{store}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    pulumi = Pulumi(engine, tic.folder, variables)
    pulumi("stack", "init", "dev")
    pulumi("config", "set", "--secret", "password", CANARY)
    pulumi.run("up")
    tic("vault", "init")
    return Movers(tic, pulumi, store, folder / "world")
