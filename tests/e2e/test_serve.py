"""The stock Pulumi CLI, pointed at `tic serve`."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import Tic

pytestmark = pytest.mark.server


class Stock:
    """The CLI as it comes, with what `tic serve` printed in its environment."""

    def __init__(self, command: Path, folder: Path, exports: dict[str, str]) -> None:
        self.command = command
        self.folder = folder
        own = {"PULUMI_HOME": str(folder / "pulumi"), "PULUMI_SKIP_UPDATE_CHECK": "true", **exports}
        self.environment = {**os.environ, **own}

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            [self.command, *words, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def tic(tmp_path: Path) -> Tic:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: yaml\n")
    made = Tic(tmp_path / "home", folder)
    made("vault", "init")
    return made


@pytest.fixture
def stock(tic: Tic, pulumi_command: Path) -> Iterator[Stock]:
    with tic.running("serve") as served:
        assert served.stdout is not None
        lines = [served.stdout.readline() for _ in range(2)]
        exports = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        yield Stock(pulumi_command, tic.folder, exports)
        served.send_signal(signal.SIGINT)
        _out, err = served.communicate(timeout=20)
        assert served.returncode == 0, err


def test_the_stock_cli_makes_and_configures_a_stack_that_tic_lists(tic: Tic, stock: Stock) -> None:
    stock("stack", "init", "dev")
    stock("config", "set", "--secret", "password", "canary-of-the-config", "--stack", "dev")
    assert "canary-of-the-config" not in (tic.folder / "Pulumi.dev.yaml").read_text()
    assert stock("config", "get", "password", "--stack", "dev").strip() == "canary-of-the-config"
    assert [each["stack"] for each in tic("stack", "list", "--json").json()] == ["shop/dev"]
    exported = json.loads(stock("stack", "export", "--stack", "dev"))
    assert exported["deployment"].get("resources") in (None, [])
    assert "dev" in stock("stack", "ls")


def test_a_token_of_an_ended_service_opens_nothing(tic: Tic, pulumi_command: Path) -> None:
    with tic.running("serve") as first:
        assert first.stdout is not None
        old = dict(first.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(2))
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=20)
    with tic.running("serve") as second:
        assert second.stdout is not None
        new = dict(second.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(2))
        outsider = Stock(
            pulumi_command, tic.folder, {**new, "PULUMI_ACCESS_TOKEN": old["PULUMI_ACCESS_TOKEN"]}
        )
        with pytest.raises(AssertionError):
            outsider("stack", "ls")
