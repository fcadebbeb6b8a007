import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.home import Home
from engine.toolchain import golang
from engine.toolchain.cache import Shelf
from engine.toolchain.errors import WayFailed
from engine.toolchain.pins import Pin
from engine.toolchain.version import Version
from tests.engine.toolchain.conftest import Told

Program = Callable[[str, str], Path]
FAKE = 'if [ "$1" = env ]; then echo go1.26.8; exit; fi\n'
LINK = 'while [ "$1" != -o ]; do shift; done; echo > "${2}hello"; chmod +x "${2}hello"'
with_go = pytest.mark.skipif(shutil.which("go") is None, reason="there is no Go on PATH")


@with_go
def test_a_program_is_built_from_its_modules_with_its_version(home: Home, shelf: Shelf, told: Told) -> None:
    with shelf.locked(told):
        golang.build(home, shelf, told)
    answer = subprocess.run([shelf.programs / "hello"], capture_output=True, text=True, check=True)
    assert answer.stderr == "hello v1.2.3"
    assert shelf.source() == "build"
    assert told.lines[0].startswith("building the greeter 1.2.3 with Go ")
    assert not shelf.folder.with_name("1.2.3.partial").exists()


@with_go
def test_modules_that_their_hashes_do_not_cover_are_refused(home: Home, shelf: Shelf, told: Told) -> None:
    go_mod = shelf.pin.modules / "go.mod"
    kept = [line for line in go_mod.read_text().split("\n") if not line.startswith("replace")]
    go_mod.write_text("\n".join(kept))
    with shelf.locked(told), pytest.raises(WayFailed, match=r"missing go\.sum entry"):
        golang.build(home, shelf, told)
    assert shelf.source() is None


def test_a_failing_go_is_told_with_its_own_words(
    home: Home, shelf: Shelf, told: Told, program: Program
) -> None:
    program("go", f"{FAKE}echo example.test/hello; echo 'main.go:3: undefined: x' >&2; exit 2")
    with shelf.locked(told), pytest.raises(WayFailed) as caught:
        golang.build(home, shelf, told)
    assert caught.value.reason == "go build failed (exit code 2): main.go:3: undefined: x"
    assert not shelf.folder.with_name("1.2.3.partial").exists()


def test_a_full_disk_is_called_that(home: Home, shelf: Shelf, told: Told, program: Program) -> None:
    program("go", f"{FAKE}echo 'write /x: no space left on device' >&2; exit 1")
    with shelf.locked(told), pytest.raises(WayFailed, match="the disk is full; a build takes 4 GB"):
        golang.build(home, shelf, told)


def test_packages_and_downloads_are_counted_while_it_builds(
    home: Home, shelf: Shelf, told: Told, program: Program
) -> None:
    said = "echo 'go: downloading example.test/x v1.0.0' >&2; echo internal/cpu >&2; echo math/bits >&2\n"
    program("go", FAKE + said + LINK)
    with shelf.locked(told):
        golang.build(home, shelf, told)
    assert [text for text in told.live if text][-1] == "2 packages compiled, math/bits"


def test_a_go_that_is_too_old_or_broken_or_absent_is_named(program: Program) -> None:
    with pytest.raises(WayFailed, match="there is no go on PATH"):
        golang.on_path(Version(1, 25, 0))
    path = program("go", "echo go1.19.8")
    with pytest.raises(WayFailed, match=rf"{path} is Go 1\.19\.8, and 1\.25\.0 is needed"):
        golang.on_path(Version(1, 25, 0))
    program("go", "exit 3")
    with pytest.raises(WayFailed, match=f"{path} does not say its version"):
        golang.on_path(Version(1, 25, 0))


def test_a_go_in_the_cache_serves_where_path_has_none(
    home: Home, shelf: Shelf, told: Told, program: Program
) -> None:
    path = program(
        "go", f'{FAKE}while [ "$1" != -o ]; do shift; done; echo > "${{2}}hello"; chmod +x "${{2}}hello"'
    )
    unpacked = home.cache / "go" / "go" / "bin"
    unpacked.mkdir(parents=True)
    path.rename(unpacked / "go")
    with shelf.locked(told):
        golang.build(home, shelf, told)
    assert shelf.source() == "build"
    assert not any("PyPI" in line for line in told.lines)


def test_another_version_than_the_modules_is_not_built(home: Home, pin: Pin, told: Told) -> None:
    shelf = replace(Shelf.of(home, pin, pin.version), version=Version(9, 9, 9))
    with pytest.raises(WayFailed, match=r"Go modules for 1\.2\.3 only, not for 9\.9\.9"):
        golang.build(home, shelf, told)
