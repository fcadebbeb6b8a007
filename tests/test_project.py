"""What holds for the project as a whole: its four names, its layers, and what its files may say."""

import importlib
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent
PACKAGES = ("cli", "credentials", "engine", "stacks")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    path = next(iter(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every file of the checkout that git knows."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a checkout")
    listed = subprocess.check_output(["git", "-C", ROOT, "ls-files", "-z"], text=True)
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", PACKAGES)
def test_each_of_the_four_names_belongs_to_this_distribution_alone(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"tic-engine"}
    module = importlib.import_module(name)
    assert Path(module.__file__ or "").parent == ROOT / name


def test_the_wheel_holds_the_four_packages_and_nothing_beside_them(wheel: list[str]) -> None:
    assert {name.split("/")[0] for name in wheel} == {*PACKAGES, "tic_engine-0.1.0.dist-info"}


def test_the_wheel_carries_its_data(wheel: list[str]) -> None:
    data = [
        "engine/toolchain/pins.toml",
        *(f"engine/toolchain/modules/{name}/go.sum" for name in ("pulumi", "pebble", "pulumi-yaml", "lego")),
        "credentials/kinds/exec.toml",
        "stacks/templates/certificate/Pulumi.yaml",
        "engine/py.typed",
    ]
    assert [name for name in data if name not in wheel] == []


def test_imports_run_one_way() -> None:
    # In a process of its own: it disables every logger that is there.
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_longer_than_400_lines(tracked: list[Path]) -> None:
    lengths = {
        path.relative_to(ROOT): len(path.read_text().splitlines())
        for path in tracked
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES
    }
    assert {str(path): lines for path, lines in lengths.items() if lines > 400} == {}


def test_no_file_names_a_registrys_host_or_a_path_of_one_machine(tracked: list[Path]) -> None:
    names = ("proxy.golang", "sum.golang", "pypi", "files.pythonhosted", "registry.npmjs", "deb.debian")
    hosts = "|".join(rf"\b{re.escape(name)}\.org\b" for name in names)
    forbidden = re.compile(rf"{hosts}|/(?:root|work|home/\w+)/\w")
    said = {
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if forbidden.search(line)
    }
    assert said == set()


def test_the_requirements_have_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.txt").read_text()
    assert "://" not in text
    pinned = re.findall(r"^(\S+)==", text, re.MULTILINE)
    assert len(pinned) > 50
    assert len(re.findall(r"^\S.*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pinned)


def test_no_binary_is_committed(tracked: list[Path]) -> None:
    assert [str(path) for path in tracked if b"\0" in path.read_bytes()] == []
