"""The examples, as they stand in `examples/`: projects of a user's own, in YAML and in Python (C1, E2)."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from tests.e2e.command import setting
from tests.e2e.languages.example import EXAMPLES, Example

pytestmark = pytest.mark.server

ROOT = EXAMPLES.parent


def serial(folder: Path) -> str:
    """Of the certificate whose files are there."""
    leaf = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    return f"{leaf.serial_number:x}"


def test_a_project_in_yaml_issues_deploys_waits_until_it_is_served_and_renews(
    example: Callable[[str], Example],
) -> None:
    yaml = example("yaml")
    yaml.new_stack(*setting("folder", str(yaml.folder)))
    yaml.tic("stack", "up", "dev")
    first = serial(yaml.folder)
    assert (yaml.outputs()["serial"], yaml.outputs()["served"]) == (first, first)
    yaml.tic("cert", "renew", "certificate", "--force")
    second = serial(yaml.folder)
    assert second != first
    assert (yaml.outputs()["serial"], yaml.outputs()["served"]) == (second, second)
    assert re.search(r": \d+ same$", yaml.tic("stack", "up", "dev").err, re.MULTILINE)
    blocked(yaml.folder)
    failed = yaml.tic("cert", "renew", "certificate", "--force", code=1).err
    assert "is there, and what depends on it is not done: the certificate can't be written" in failed
    yaml.folder.unlink()
    yaml.tic("cert", "renew", "certificate")
    assert yaml.outputs()["served"] == serial(yaml.folder) != second
    yaml.tic("stack", "destroy", "dev", "--yes")
    assert not yaml.folder.exists()


def test_a_python_project_in_an_environment_of_its_own_uses_the_typed_classes(
    example: Callable[[str], Example],
) -> None:
    python = example("python")
    refused = python.tic("stack", "new", "dev", "--provider", "rfc2136").err
    assert f"python3 -m venv {python.tic.folder}/.venv && " in refused
    python.tic("stack", "remove", "dev", "--yes")
    own_environment(python.tic.folder / ".venv")
    folders = [str(python.folder.with_name("other")), str(python.folder)]
    python.new_stack(*setting("folders", folders))
    python.tic("stack", "up", "dev")
    outputs = python.outputs()
    assert outputs["served"] == outputs["serial"]
    assert {serial(Path(folder)) for folder in folders} == {outputs["serial"]}
    other, served = map(Path, folders)
    blocked(other)
    said = python.tic("cert", "renew", "certificate", "--force", code=1).err
    renewed = serial(served)
    assert renewed != outputs["serial"]
    stands = said[said.index("how its deployments stand:") :]
    assert f"~ Directory {served}: updated" in stands
    assert f"x Directory {other}: failed: the certificate can't be written" in stands
    other.unlink()
    again = python.tic("stack", "up", "dev").err
    assert f"Directory {served}" not in again
    assert serial(other) == serial(served) == renewed


def blocked(folder: Path) -> None:
    """Let nothing be written there."""
    shutil.rmtree(folder)
    folder.touch()


def own_environment(folder: Path) -> None:
    """A virtual environment with tic from this tree; of what tic needs it sees what is here already."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    (packages / "here.pth").write_text("\n".join(each for each in sys.path if each.endswith("site-packages")))
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", folder / "bin" / "python"),
            *("install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", ROOT),
        ],
        check=True,
    )
    assert (packages / "stacks" / "resources.py").exists()


@pytest.mark.soak
def test_the_environment_is_made_as_the_examples_say(example: Callable[[str], Example]) -> None:
    """With everything that pip gets for it."""
    python = example("python")
    (python.tic.folder / "requirements.txt").write_text(f"{ROOT}\n")
    said = python.tic("stack", "new", "first", "--provider", "rfc2136").err
    command = said.partition("make it: ")[2].partition("; then: ")[0]
    subprocess.run(command, shell=True, check=True, cwd=python.tic.folder)  # noqa: S602  (as it is told)
    python.new_stack(*setting("folders", [str(python.folder)]))
    python.tic("stack", "up", "dev")
    assert python.outputs()["served"] == serial(python.folder)
