"""A backup's file: whole or refused, whatever was done to it; and never half-written."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credentials.keys import new_key
from engine import backup_file
from engine.backup_file import CHUNK_BYTES, BackupDamaged, BackupThere, Header, NoBackup, read, read_header

KEY = new_key()
HEADER = Header(
    vault="0" * 32,
    schema="0005_trust",
    made="2026-01-01T00:00:00Z",
    counter=3,
    audited=5,
    key="file",
    key_params={"id": "0" * 16},
    sealed_by="vault",
    sealed_with={},
)
UNPACKED = (b"one line\n", b"", b"another\n" * 3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.backup"
    backup_file.write(path, HEADER, KEY, UNPACKED, replace=False)
    return path


def content(path: Path) -> bytes:
    return b"".join(read(path, KEY))


def test_what_is_written_is_read_back(file: Path) -> None:
    assert read_header(file) == HEADER
    assert content(file) == b"".join(UNPACKED)


def test_it_says_in_clear_what_it_is_and_nothing_of_what_is_in_it(file: Path) -> None:
    written = file.read_bytes()
    assert written.startswith(b'tic-backup-1\n{"audited": 5, "counter": 3, "key": "file"')
    assert b"line" not in written.partition(b"\n")[2].partition(b"\n")[2]
    assert file.stat().st_mode & 0o777 == 0o600


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(0, 3), st.integers(-2, 2))
def test_any_content_of_any_length_comes_back(parts: list[bytes], chunks: int, more: int) -> None:
    import random

    noise = random.Random(1).randbytes(max(0, chunks * CHUNK_BYTES + more))  # zlib makes it no smaller
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.backup"
        backup_file.write(path, HEADER, KEY, [*parts, noise], replace=False)
        assert content(path) == b"".join(parts) + noise


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_bit_is_noticed(file: Path, data: st.DataObject) -> None:
    written = file.read_bytes()
    bit = data.draw(st.integers(0, len(written) * 8 - 1))
    changed = bytearray(written)
    changed[bit // 8] ^= 1 << bit % 8
    file.write_bytes(changed)
    with pytest.raises((BackupDamaged, NoBackup)):
        content(file)
    file.write_bytes(written)


def test_any_missing_end_is_noticed(file: Path) -> None:
    written = file.read_bytes()
    for length in range(len(written)):
        file.write_bytes(written[:length])
        with pytest.raises((BackupDamaged, NoBackup)):
            content(file)


@pytest.mark.parametrize("more", [b"\0", b"x" * 17, b"y" * (CHUNK_BYTES + 17)])
def test_what_follows_its_end_is_noticed(file: Path, more: bytes) -> None:
    file.write_bytes(file.read_bytes() + more)
    with pytest.raises(BackupDamaged):
        content(file)


def test_two_chunks_in_each_others_place_are_noticed(tmp_path: Path) -> None:
    import random

    path = tmp_path / "a.backup"
    backup_file.write(path, HEADER, KEY, [random.Random(1).randbytes(4 * CHUNK_BYTES)], replace=False)
    written = path.read_bytes()
    start = len(HEADER.packed()) + 24
    size = CHUNK_BYTES + 17
    first, second = written[start : start + size], written[start + size : start + 2 * size]
    path.write_bytes(written[:start] + second + first + written[start + 2 * size :])
    with pytest.raises(BackupDamaged, match="changed or is missing"):
        content(path)


def test_another_key_opens_nothing(file: Path) -> None:
    with pytest.raises(BackupDamaged):
        list(read(file, new_key()))


OTHERS = [replace(HEADER, made="then"), replace(HEADER, vault="1" * 32), replace(HEADER, counter=4)]


@pytest.mark.parametrize("other", OTHERS)
def test_the_clear_part_belongs_to_the_rest(file: Path, other: Header) -> None:
    file.write_bytes(other.packed() + file.read_bytes()[len(HEADER.packed()) :])
    assert read_header(file) == other
    with pytest.raises(BackupDamaged):
        content(file)


@pytest.mark.parametrize("other", [b"", b"tic-backup-2\n{}\n", b"SQLite format 3\0", b"\0" * 100_000])
def test_another_file_is_named_as_that(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(other)
    with pytest.raises(NoBackup, match="is no backup of a vault"):
        read_header(path)


@pytest.mark.parametrize(
    "line", [b"{}", b"[]", b"{", b"\xff", b'{"vault": 1}', b"9" * 20_000, b"[" * 10_000], ids=range(7)
)
def test_a_clear_part_that_says_nothing_is_damage(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.backup"
    path.write_bytes(backup_file.MARK + line + b"\n")
    with pytest.raises(BackupDamaged, match="do not say what it is"):
        read_header(path)


def test_what_is_there_is_not_replaced_unless_told(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(BackupThere, match="is there already; nothing was written"):
        backup_file.write(file, HEADER, KEY, [b"other"], replace=False)
    assert file.read_bytes() == before
    backup_file.write(file, HEADER, KEY, [b"other"], replace=True)
    assert content(file) == b"other"


def test_what_fails_in_the_middle_leaves_nothing(file: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"x" * (3 * CHUNK_BYTES)
        raise KeyboardInterrupt

    before = file.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        backup_file.write(file, HEADER, KEY, failing(), replace=True)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("place", ["folder", "nowhere/a.backup", "a.backup/x"])
def test_a_place_where_it_cant_be_is_refused_before_anything_is_read(file: Path, place: str) -> None:
    (file.parent / "folder").mkdir()
    with pytest.raises(NoBackup):
        backup_file.check_place(file.parent / place, replace=True)


def test_a_file_that_is_gone_or_a_folder_says_so(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(NoBackup, match="can't be read"):
            read_header(path)
