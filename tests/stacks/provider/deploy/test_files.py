"""Files: whole or not there, and nothing left beside them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.provider.deploy.files import File, digest_of, remove, write


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_files_get_their_content_and_mode_whatever_the_umask(tmp_path: Path) -> None:
    """E4."""
    before = os.umask(0o077)
    try:
        write(tmp_path, [File("key", b"k", 0o600), File("cert", b"c", 0o644)])
    finally:
        os.umask(before)
    assert {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names(tmp_path)} == {
        "key": 0o600,
        "cert": 0o644,
    }
    assert (tmp_path / "key").read_bytes() == b"k"


def test_an_existing_file_is_replaced_with_its_new_mode(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"old")
    (tmp_path / "key").chmod(0o644)
    write(tmp_path, [File("key", b"new", 0o600)])
    assert (tmp_path / "key").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_what_a_killed_run_left_beside_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".key.tic-new").write_bytes(b"half")
    write(tmp_path, [File("key", b"whole", 0o600)])
    assert names(tmp_path) == {"key"}


def test_a_link_that_waits_beside_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / ".key.tic-new").symlink_to(target)
    write(tmp_path / "in", [File("key", b"secret", 0o600)])
    assert not target.exists()
    assert names(tmp_path / "in") == {"key"}


def test_when_one_can_not_be_written_none_is(tmp_path: Path) -> None:
    (tmp_path / "cert").write_bytes(b"old")
    (tmp_path / ".chain.tic-new").mkdir()
    with pytest.raises(OSError, match=r"."):
        write(tmp_path, [File("cert", b"new", 0o644), File("chain", b"new", 0o644)])
    assert (tmp_path / "cert").read_bytes() == b"old"
    assert names(tmp_path) == {"cert", ".chain.tic-new"}


def test_a_writer_that_is_killed_leaves_every_file_whole(tmp_path: Path) -> None:
    """E4. Killed at a random moment: each file is the old one or a new one."""
    code = (
        "import sys, itertools; from pathlib import Path\n"
        "from stacks.provider.deploy.files import File, write\n"
        "for n in itertools.count():\n"
        "    write(Path(sys.argv[1]), [File(name, b'%d' % n * 9999, 0o600) for name in 'ab'])\n"
        "    print(n, flush=True)\n"
    )
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        for _ in range(20):
            writer.stdout.readline()
        writer.kill()
        writer.wait()
        writer.stdout.close()
        for name in ("a", "b"):
            content = (tmp_path / name).read_bytes()
            number = content[: len(content) // 9999]
            assert content == number * 9999
    write(tmp_path, [File("a", b"end", 0o600), File("b", b"end", 0o600)])
    assert names(tmp_path) == {"a", "b"}


def test_only_what_is_still_the_same_is_removed(tmp_path: Path) -> None:
    files = [File("a", b"a", 0o600), File("b", b"b", 0o600), File("c", b"c", 0o600)]
    write(tmp_path, files)
    (tmp_path / "b").write_bytes(b"somebody else's")
    (tmp_path / "c").unlink()
    assert remove(tmp_path, {file.name: file.digest for file in files}) == ["b"]
    assert names(tmp_path) == {"b"}
    assert remove(tmp_path / "gone", {"a": "x"}) == []


def test_a_digest_is_of_the_content_or_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    assert digest_of(tmp_path / "a") == File("b", b"a", 0).digest
    assert digest_of(tmp_path / "none") is None
    assert digest_of(tmp_path / "a" / "under-a-file") is None
