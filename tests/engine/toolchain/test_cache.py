import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.toolchain.cache import Shelf, usable
from engine.toolchain.errors import CacheUnusable, ToolchainError, WayFailed
from engine.toolchain.obtain import Way, obtain
from engine.toolchain.progress import Progress
from tests.engine.toolchain.conftest import Told

HOLDER = """
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def made(shelf: Shelf, text: str, *, source: str = "build") -> None:
    with shelf.workplace() as workplace:
        (workplace / "bin").mkdir()
        program = workplace / "bin" / "hello"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        shelf.put(workplace / "bin", source=source, made_with="go 1.26.8")


def test_what_was_put_is_found_with_its_source(shelf: Shelf, told: Told) -> None:
    assert shelf.source() is None
    with shelf.locked(told):
        made(shelf, "echo 1", source="installer")
    assert shelf.source() == "installer"
    assert json.loads((shelf.folder / "receipt.json").read_text())["version"] == "1.2.3"


def test_a_program_that_runs_is_replaced_under_it(shelf: Shelf, told: Told) -> None:
    with shelf.locked(told):
        made(shelf, "echo started; read line; echo old")
        running = subprocess.Popen(
            [shelf.programs / "hello"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert running.stdout
        assert running.stdout.readline() == "started\n"
        made(shelf, "echo new")
    assert running.communicate("\n")[0] == "old\n"
    assert subprocess.check_output([shelf.programs / "hello"]) == b"new\n"


def test_programs_without_a_receipt_are_not_complete(shelf: Shelf, told: Told) -> None:
    with shelf.locked(told):
        made(shelf, "echo 1")
    (shelf.folder / "receipt.json").unlink()
    assert shelf.source() is None


def test_a_receipt_whose_program_is_gone_is_not_complete(shelf: Shelf, told: Told) -> None:
    with shelf.locked(told):
        made(shelf, "echo 1")
    (shelf.programs / "hello").unlink()
    assert shelf.source() is None


def test_an_interrupted_build_leaves_nothing_and_what_a_killed_one_left_is_removed(
    shelf: Shelf, told: Told
) -> None:
    def interrupted(workplace: Path) -> None:
        (workplace / "half").write_text("x")
        raise KeyboardInterrupt

    with shelf.locked(told):
        with pytest.raises(KeyboardInterrupt), shelf.workplace() as workplace:
            interrupted(workplace)
        assert not workplace.exists()
        workplace.mkdir()
        (workplace / "left").write_text("x")
        with shelf.workplace() as workplace:
            assert list(workplace.iterdir()) == []


def test_the_second_process_waits_says_so_and_uses_what_the_first_one_made(shelf: Shelf, told: Told) -> None:
    shelf.folder.parent.mkdir(parents=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(shelf.folder.parent / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"

    def first_finishes(_text: str) -> None:
        made(shelf, "echo made by the first")
        holder.communicate("")

    def never(_shelf: Shelf, _progress: Progress) -> None:
        raise AssertionError("it was made already")

    told.on_say = first_finishes
    obtain(shelf, [Way("a build", never)], told, hint="none")
    assert told.lines == ["another tic is getting the greeter; waiting for it"]
    assert shelf.source() == "build"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EROFS, "set TIC_CACHE to a folder that you may write to"),
        (errno.EACCES, "set TIC_CACHE to a folder that you may write to"),
    ],
)
def test_a_faulty_cache_names_its_folder_and_the_way_out(number: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(CacheUnusable, match=str(tmp_path)) as caught, usable(tmp_path):
        raise OSError(number, "no")
    assert said in caught.value.hint
    assert caught.value.exit_code == 6


def test_a_cache_that_is_a_file_ends_the_attempt_at_once(shelf: Shelf, told: Told) -> None:
    shelf.folder.parent.parent.parent.write_text("a file where the cache should be")
    with pytest.raises(CacheUnusable):
        obtain(shelf, [], told, hint="none")


def test_each_ways_failure_is_told_and_the_last_error_holds_them_all(shelf: Shelf, told: Told) -> None:
    def fails(reason: str) -> Way:
        def act(_shelf: Shelf, _progress: Progress) -> None:
            raise WayFailed(reason)

        return Way(f"way {reason[0]}", act)

    with pytest.raises(ToolchainError) as caught:
        obtain(shelf, [fails("a closed network"), fails("broken go")], told, hint="install Go")
    assert told.lines == ["  that did not work: a closed network"]
    assert str(caught.value) == (
        "the greeter 1.2.3 could not be got\n  way a: a closed network\n  way b: broken go"
    )
    assert caught.value.hint == "install Go"
