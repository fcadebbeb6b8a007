"""Copies of the examples, each in a world of its own, with the language host of YAML."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.home import Home
from engine.toolchain import yaml_host
from engine.toolchain.progress import Printer
from tests.e2e.languages.example import EXAMPLES, Example
from tests.e2e.world import World, world
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble
from tests.stacks.serving.servers import serving


@pytest.fixture
def made(tmp_path: Path, shared_bind: Bind, shared_pebble: Pebble, tsig_key: TsigKey) -> Iterator[World]:
    """A vault with a credential."""
    with world(tmp_path, shared_bind, shared_pebble, tsig_key) as fresh:
        fresh.new_credential()
        yield fresh


@pytest.fixture
def example(made: World, pulumi_command: Path) -> Iterator[Callable[[str], Example]]:
    """Copies an example of this name."""
    served = made.folder / "served"
    host = yaml_host.ensure(Home.find(), Printer(sys.stderr))
    path = os.pathsep.join([str(pulumi_command.parent), str(host.parent), os.environ["PATH"]])

    with serving(lambda: (served / "fullchain.pem", served / "privkey.pem")) as port:

        def copied(name: str) -> Example:
            folder = made.folder / name
            shutil.copytree(EXAMPLES / name, folder)
            tic = replace(made.tic, folder=folder, variables={**made.tic.variables, "PATH": path})
            return Example(tic, made.pebble, made.bind, served, f"127.0.0.1:{port}?sni=site.example.test")

        yield copied
