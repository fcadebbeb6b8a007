"""What a program needs is asked for before anything is started."""

import sys
from pathlib import Path

import pytest

from engine import program_packages, project
from engine.program_packages import ProgramNotReady
from engine.project import Project

OWN = "name: p\nruntime: {name: python, options: {virtualenv: .venv}}\n"
TICS = "name: p\nruntime: python\n"


def made(folder: Path, text: str, requirements: str | None = None) -> Project:
    (folder / "Pulumi.yaml").write_text(text)
    if requirements is not None:
        (folder / "requirements.txt").write_text(requirements)
    return project.read(folder)


def environment(folder: Path, *packages: str, settings: str = "home = /usr/bin\n") -> None:
    site = folder / ".venv" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (folder / ".venv" / "bin").mkdir()
    (folder / ".venv" / "bin" / "python").touch()
    (folder / ".venv" / "pyvenv.cfg").write_text(settings)
    for package in packages:
        (site / f"{package}.dist-info").mkdir()


def test_an_environment_that_is_not_there_is_refused_with_the_commands_that_make_it(tmp_path: Path) -> None:
    with pytest.raises(ProgramNotReady, match="does not exist") as refused:
        program_packages.check(made(tmp_path, OWN, "pulumi-alicloud>=4.0,<5\n"))
    assert refused.value.exit_code == 6
    assert refused.value.hint == (
        f"make it: python3 -m venv {tmp_path}/.venv && "
        f"{tmp_path}/.venv/bin/python -m pip install -r {tmp_path}/requirements.txt"
    )


def test_without_requirements_the_sdk_alone_is_installed(tmp_path: Path) -> None:
    with pytest.raises(ProgramNotReady) as refused:
        program_packages.check(made(tmp_path, OWN))
    assert refused.value.hint.endswith("-m pip install pulumi")


def test_an_sdk_that_is_missing_is_named(tmp_path: Path) -> None:
    environment(tmp_path, "pulumi-3.272.0", "tencentcloud_iac_pulumi-0.2.3")
    needed = "pulumi>=3\ntencentcloud-iac-pulumi==0.2.3\nPulumi_AliCloud>=4  # the SDK\nrequests\n-e .\n"
    with pytest.raises(ProgramNotReady, match="needs pulumi-alicloud, and") as refused:
        program_packages.check(made(tmp_path, OWN, needed))
    assert refused.value.hint.endswith(f"pip install -r {tmp_path}/requirements.txt")


def test_a_program_that_has_what_it_needs_passes(tmp_path: Path) -> None:
    environment(tmp_path, "pulumi-3.272.0", "pulumi_alicloud-4.0.0")
    program_packages.check(made(tmp_path, OWN, "pulumi\npulumi-alicloud>=4\n"))


def test_what_can_not_be_told_is_left_to_the_program(tmp_path: Path) -> None:
    environment(tmp_path, settings="include-system-site-packages = true\n")
    there = made(tmp_path, OWN, "pulumi-alicloud\npulumi-aws; sys_platform == 'win32'\n")
    program_packages.check(there)


def test_tics_own_interpreter_is_asked_as_well(tmp_path: Path) -> None:
    program_packages.check(made(tmp_path, TICS, "pulumi\n"))
    with pytest.raises(ProgramNotReady, match="pulumi-of-nobody") as refused:
        program_packages.check(made(tmp_path, TICS, "pulumi-of-nobody\n"))
    assert sys.executable in refused.value.hint


def test_other_runtimes_are_not_asked(tmp_path: Path) -> None:
    program_packages.check(made(tmp_path, "name: p\nruntime: yaml\n", "pulumi-of-nobody\n"))
