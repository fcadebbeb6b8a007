"""Which program may be run with a credential's authority."""

import os
import stat
from pathlib import Path

import pytest

from stacks.dns.programs import ProgramUnsafe, check
from tests.stacks.dns.provider_programs import shell


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return shell(tmp_path / "publish", "exit 0")


def test_a_program_of_ones_own_may_run(script: Path) -> None:
    check(str(script))


def test_a_program_of_the_system_may_run() -> None:
    check("/bin/sh")


@pytest.mark.parametrize("path", ["publish", "./publish", "~/publish", ""])
def test_a_path_that_is_not_absolute_is_refused(path: str) -> None:
    with pytest.raises(ProgramUnsafe, match="absolute path"):
        check(path)


def test_a_missing_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProgramUnsafe, match="can't be found: No such file"):
        check(str(tmp_path / "nothing"))


@pytest.mark.parametrize("path", ["/nul\0", "/" + "x" * 5000])
def test_a_path_that_no_file_can_have_is_refused(path: str) -> None:
    with pytest.raises(ProgramUnsafe, match="can't be found"):
        check(path)


def test_what_is_not_executable_is_refused_with_the_command_that_makes_it_so(script: Path) -> None:
    script.chmod(0o600)
    with pytest.raises(ProgramUnsafe, match="not an executable program") as refused:
        check(str(script))
    assert refused.value.hint == f"make it one: chmod u+x {script}"


def test_a_folder_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(ProgramUnsafe, match="not an executable program"):
        check(str(tmp_path))


@pytest.mark.parametrize("mode", [stat.S_IWGRP, stat.S_IWOTH])
def test_a_program_that_others_may_write_is_refused(script: Path, mode: int) -> None:
    script.chmod(0o700 | mode)
    with pytest.raises(ProgramUnsafe, match="is writable by them") as refused:
        check(str(script))
    assert refused.value.hint == f"close it: chmod go-w {script}"


def test_a_program_in_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    script = shell(folder / "publish", "exit 0")
    folder.chmod(0o777)
    with pytest.raises(ProgramUnsafe, match="can be replaced by other users"):
        check(str(script))


def test_a_link_counts_as_what_it_leads_to(tmp_path: Path, script: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(script)
    check(str(link))
    script.chmod(0o722)
    with pytest.raises(ProgramUnsafe, match="is writable by them"):
        check(str(link))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_program_of_another_user_is_refused(script: Path) -> None:
    os.chown(script, 12345, 12345)
    with pytest.raises(ProgramUnsafe, match="belongs to user 12345"):
        check(str(script))
