"""Which program may be run with a credential's authority."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.dns.programs import ProgramUnsafe, _passed, check
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
    with pytest.raises(ProgramUnsafe, match="is a folder, and no program") as refused:
        check(str(tmp_path))
    assert "correct the credential's path" in refused.value.hint
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o700)
    with pytest.raises(ProgramUnsafe, match="is no file, and no program"):
        check(str(pipe))


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


def test_a_link_in_a_folder_that_others_may_write_is_refused_whatever_it_leads_to(tmp_path: Path) -> None:
    """Else another program could be put there between this look and the call."""
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "link").symlink_to("/bin/sh")
    folder.chmod(0o777)
    with pytest.raises(ProgramUnsafe, match=f"{folder} is writable by them"):
        check(str(folder / "link"))


def test_a_folder_that_is_a_link_counts_as_what_it_leads_to(tmp_path: Path, script: Path) -> None:
    (tmp_path / "way").symlink_to(".")
    check(str(tmp_path / "way" / script.name))
    opened = tmp_path / "open"
    opened.mkdir()
    (opened / "way").symlink_to(tmp_path)
    opened.chmod(0o777)
    (tmp_path / "there").symlink_to("open/way")
    with pytest.raises(ProgramUnsafe, match=f"{opened} is writable by them"):
        check(str(tmp_path / "there" / script.name))


def test_a_way_back_up_counts_with_the_folders_that_it_passes(tmp_path: Path, script: Path) -> None:
    (tmp_path / "aside").mkdir()
    check(f"{tmp_path}/aside/../{script.name}")
    (tmp_path / "aside").chmod(0o777)
    with pytest.raises(ProgramUnsafe, match="aside is writable by them"):
        check(f"{tmp_path}/aside/../{script.name}")


def test_links_that_lead_to_one_another_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(ProgramUnsafe, match="can't be found: more than 40 links"):
        check(str(tmp_path / "one"))


def test_in_a_sticky_folder_nobody_replaces_what_is_ones_own(tmp_path: Path) -> None:
    """As in /tmp."""
    folder = tmp_path / "shared"
    folder.mkdir()
    script = shell(folder / "publish", "exit 0")
    folder.chmod(0o1777)
    check(str(script))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_link_of_another_user_is_refused(tmp_path: Path, script: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(script)
    os.chown(link, 12345, 12345, follow_symlinks=False)
    with pytest.raises(ProgramUnsafe, match="link belongs to user 12345"):
        check(str(link))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_program_in_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    script = shell(folder / "publish", "exit 0")
    os.chown(folder, 12345, 12345)
    with pytest.raises(ProgramUnsafe, match="theirs belongs to user 12345"):
        check(str(script))


names = st.sampled_from(["a", "b", "c", ".", "..", "x y"])


@given(st.lists(names, min_size=1, max_size=6), st.lists(st.tuples(names, st.lists(names, max_size=3))))
def test_what_is_passed_ends_where_the_kernel_ends(
    way: list[str], links: list[tuple[str, list[str]]]
) -> None:
    """Against `os.path.realpath`, which follows the same rules."""
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name in ("a", "b", "x y"):
            (root / name / "a").mkdir(parents=True)
        for name, target in links:
            with suppress(OSError):
                (root / name).symlink_to("/".join(target) or "a")
        path = f"{root}/{'/'.join(way)}"
        try:
            expected = os.path.realpath(path, strict=True)
        except OSError:
            return
        *_, (last, _status) = _passed(path)
        assert os.path.realpath(last) == expected
