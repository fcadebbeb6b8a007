"""One served home and one plugin for all of these tests; each test has projects of its own."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from engine.home import Home
from engine.toolchain import yaml_host
from engine.toolchain.progress import Printer
from tests.e2e.command import Tic
from tests.e2e.stock.stock import Stock

REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class Served:
    """A home that `tic serve` serves, and what its user has on this machine."""

    tic: Tic
    command: Path
    variables: dict[str, str] = field(repr=False)
    world: Path
    log: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def project(self, name: str = "shop") -> Stock:
        """A new project, in a folder of its own, whose name is new too."""
        folder = self.tic.folder / f"{name}{next(self._numbers)}"
        folder.mkdir()
        home = folder.with_name(f"{folder.name}.home")
        variables = {**self.variables, "HOME": str(home), "PULUMI_HOME": str(home / ".pulumi")}
        stock = Stock(self.command, folder, variables, self.world)
        stock.write()
        return stock

    def in_folder(self, stock: Stock) -> Tic:
        """tic, run in a project's folder over the same home."""
        return replace(self.tic, folder=stock.folder)


@pytest.fixture(scope="session")
def attached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that attach an engine to the plugin of these tests."""
    world = tmp_path_factory.mktemp("world")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.stock.plugin"],
        cwd=REPOSITORY,
        env={**os.environ, "TRIVIAL_WORLD": str(world)},
        stdout=subprocess.PIPE,
        text=True,
    ) as plugin:
        assert plugin.stdout is not None
        port = plugin.stdout.readline().strip()
        yield {"PULUMI_DEBUG_PROVIDERS": f"trivial:{port}", "TRIVIAL_WORLD": str(world)}
        plugin.kill()


@pytest.fixture(scope="session")
def yaml_command() -> Path:
    """The language host of YAML programs; got, with progress, where it is missing."""
    return yaml_host.ensure(Home.find(), Printer(sys.stderr))


@pytest.fixture(scope="session")
def served(
    tmp_path_factory: pytest.TempPathFactory,
    attached: dict[str, str],
    pulumi_command: Path,
    yaml_command: Path,
) -> Iterator[Served]:
    """A fresh home, served as long as the tests run."""
    folder = tmp_path_factory.mktemp("stock")
    path = os.pathsep.join([str(pulumi_command.parent), str(yaml_command.parent), os.environ["PATH"]])
    tic = Tic(folder / "tic", folder / "work", {**attached, "PATH": path})
    tic.folder.mkdir()
    tic("vault", "init")
    log = folder / "serve.log"
    with (
        log.open("w") as heard,
        subprocess.Popen(
            tic.argv("serve"),
            stdout=subprocess.PIPE,
            stderr=heard,
            cwd=tic.folder,
            env=tic.environment(),
            text=True,
        ) as serving,
    ):
        assert serving.stdout is not None
        lines = [serving.stdout.readline() for _ in range(2)]
        exports = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        variables = {**attached, **exports, "PATH": path, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        yield Served(tic, pulumi_command, variables, Path(attached["TRIVIAL_WORLD"]), log)
        serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=20) == 0


@pytest.fixture
def project(served: Served) -> Callable[[str], Stock]:
    """Makes projects."""
    return served.project


@pytest.fixture
def shop(served: Served) -> Stock:
    """A project with the stack `dev`, never run."""
    stock = served.project()
    stock("stack", "init", "dev")
    return stock
