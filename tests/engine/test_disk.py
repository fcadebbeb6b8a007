"""C3: a full disk, one that may only be read, one that fails, a torn page: what was committed stays, and what
can be read is read.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from engine import room
from engine.database import Database, DatabaseDamaged, DatabaseUnusable
from engine.home import Home
from engine.installation import Installation
from engine.storage import DiskFull, Unwritable
from engine.vault_checkup import examine
from tests.engine.vaults import fresh
from tests.servers.disk import Disk, disk

PAGE = 4096
FRAME = PAGE + 24  # a page of the log has a header (sqlite.org/fileformat2.html, 4.1)
STACK = (
    "INSERT INTO stack (org, project, name, folder, version, tags, created_at)"
    " VALUES ('tic', 'site', ?, '', 0, ?, 0)"
)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk", 24) as found:
        yield found


@pytest.fixture
def home(small: Disk) -> Home:
    """A home with one stack on the small disk."""
    made = fresh(small.root / "home")
    database = Database.open(made)
    add(database, "first")
    database.close()
    return made


def add(database: Database, name: str, size: int = 1) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(STACK, (name, "x" * size))


def filled(database: Database, name: str) -> list[str]:
    """Add stacks until the disk is full; returns those that were committed."""
    kept = []
    try:
        for number in range(5000):
            add(database, f"{name}-{number}", 10_000)
            kept.append(f"{name}-{number}")
    except DiskFull:
        return kept
    raise AssertionError("the disk is never full")


def names(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT name FROM stack ORDER BY id").scalars())


def seen(home: Home) -> list[str]:
    """The stacks that another process would see."""
    database = Database.open(home)
    with database.read() as connection:
        found = names(connection)
    database.close()
    return found


def test_on_a_full_disk_all_can_be_read_and_what_fails_changes_nothing(home: Home, small: Disk) -> None:
    small.fill()
    assert seen(home) == ["first"]
    database = Database.open(home)
    with pytest.raises(DiskFull, match="its disk is full") as refused:
        add(database, "second")
    assert refused.value.hint == f"free some space on the disk of {home.root} and run the command again"
    small.free()
    assert seen(home) == ["first"]
    add(Database.open(home), "second")
    assert seen(home) == ["first", "second"]


def test_a_disk_that_becomes_full_while_it_is_written_to_keeps_what_was_committed(
    home: Home, small: Disk
) -> None:
    database = Database.open(home)
    small.fill()
    kept = ["first", *filled(database, "stack")]
    assert seen(home) == kept
    small.free()
    add(database, "last")
    assert seen(home) == [*kept, "last"]
    assert database.faults() == []


def test_a_disk_that_may_only_be_read_is_read(home: Home, small: Disk) -> None:
    small.close()
    assert seen(home) == ["first"]
    database = Database.open(home)
    with pytest.raises(Unwritable, match="can't be written: it may only be read") as refused:
        add(database, "second")
    assert f"ls -la {home.root}" in refused.value.hint
    with pytest.raises(Unwritable):
        database.check_writable()
    small.open()
    add(Database.open(home), "second")
    assert seen(home) == ["first", "second"]


def test_what_a_killed_writer_left_in_the_log_is_read_too(home: Home, small: Disk, tmp_path: Path) -> None:
    """Its log is what SQLite may not put into the file here."""
    database = Database.open(home)
    add(database, "second")
    shutil.copytree(home.root, small.root / "left", ignore=shutil.ignore_patterns("*-shm"))
    (small.root / "left").chmod(0o700)
    database.close()
    small.close()
    assert (small.root / "left" / "tic.db-wal").stat().st_size > PAGE
    assert seen(Home(small.root / "left", tmp_path)) == ["first", "second"]


def test_a_damaged_database_is_damaged_there_too(home: Home, small: Disk) -> None:
    home.database.write_bytes(random.Random(1).randbytes(20_000))
    small.close()
    with pytest.raises(DatabaseDamaged, match="is not a database") as refused:
        Database.open(home)
    assert "tic vault restore FILE --force" in refused.value.hint


def test_nothing_is_left_of_the_copy_that_is_read(
    home: Home, small: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr("engine.sqlite_copy._SHARED_MEMORY", tmp_path / "memory")
    small.close()
    assert seen(home) == ["first"]
    assert list((tmp_path / "memory").iterdir()) == []


def test_a_disk_that_fails_is_not_taken_for_damage(tmp_path: Path) -> None:
    """SQLite calls both malformed; one is mended by a backup, the other by a look at the disk."""
    with disk(tmp_path / "disk", 32, image=tmp_path / "image") as failing:
        home = fresh(failing.root / "home")
        database = Database.open(home)
        failing.flush()
        add(database, "first")  # flushed by SQLite
        failing.fail()
        with pytest.raises(DatabaseUnusable) as refused:
            add(database, "second")
        assert not isinstance(refused.value, DatabaseDamaged)
        assert "failed: " in str(refused.value)
        assert "dmesg" in refused.value.hint
        database.close()
        failing.replace()
        assert seen(home) == ["first"]


def test_the_room_that_is_kept_lets_what_failed_succeed_once(home: Home, small: Disk) -> None:
    installation, told = Installation(home), list[str]()
    folder = home.root / "run"
    folder.mkdir()
    with room.kept(installation, folder) as kept, kept.then(lambda: told.append("full")):
        assert [path.stat().st_size for path in folder.iterdir()] == [room.SIZE]
        small.fill()
        filled(installation.database, "stack")
        assert told == ["full"]
        assert list(folder.iterdir()) == []
        add(installation.database, "second", room.SIZE // 4)  # as the engine does, which sends it again
        filled(installation.database, "more")
        assert told == ["full"]
    small.free()
    with room.kept(installation, folder) as kept, kept.then(lambda: told.append("never")):
        pass
    assert list(folder.iterdir()) == []


def test_a_run_begins_only_with_room(home: Home, small: Disk) -> None:
    small.fill()
    folder = small.root / "run"
    with (
        pytest.raises(room.NoRoom, match="nothing was begun") as refused,
        room.kept(Installation(home), folder.parent),
    ):
        pass
    assert refused.value.exit_code == 5
    with pytest.raises(room.NoRoom):
        room.check(home)
    assert not (small.root / "room").exists()


# A torn page: the power went while it was written, so whoever wrote it had not been told that it is there.


def killed(home: Home, folder: Path) -> Home:
    """What is on the disk when a writer is killed: a file, and a log with everything since."""
    database = Database.open(home)
    for number in range(20):
        add(database, f"stack-{number}", 3000)
    shutil.copytree(home.root, folder)
    folder.chmod(0o700)
    database.close()
    return Home(folder, home.cache)


ALL = [f"stack-{number}" for number in range(20)]
TEARS: dict[str, Callable[[bytes], bytes]] = {
    "half of a frame": lambda log: log + random.Random(1).randbytes(FRAME // 2),
    "a frame of garbage": lambda log: log + random.Random(2).randbytes(FRAME),
    "an old frame": lambda log: log + log[-FRAME:],
    "a frame without its page": lambda log: log + log[-FRAME:-PAGE] + bytes(PAGE),
    "zeroes": lambda log: log + bytes(3 * FRAME),
}


@pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS)
def test_a_torn_end_of_the_log_takes_nothing_that_was_committed(
    tmp_path: Path, tear: Callable[[bytes], bytes]
) -> None:
    left = killed(fresh(tmp_path / "home"), tmp_path / "left")
    log = left.root / "tic.db-wal"
    log.write_bytes(tear(log.read_bytes()))
    assert seen(left) == ALL
    database = Database.open(left)
    add(database, "more")
    assert database.faults() == []
    assert seen(left) == [*ALL, "more"]


def pages_in(log: bytes) -> set[int]:
    """The numbers of the pages that the log has, from 1."""
    return {int.from_bytes(log[start : start + 4], "big") for start in range(32, len(log), FRAME)}


def test_a_page_that_was_torn_on_its_way_into_the_file_is_in_the_log_still(tmp_path: Path) -> None:
    """A checkpoint that is cut short is done again: the log is let go when the file is on the disk."""
    left = killed(fresh(tmp_path / "home"), tmp_path / "left")
    copied = pages_in((left.root / "tic.db-wal").read_bytes())
    content = bytearray(left.database.read_bytes())
    for page in copied:
        end = page * PAGE
        if end <= len(content):
            content[end - PAGE // 2 : end] = bytes(PAGE // 2)
    left.database.write_bytes(content)
    assert seen(left) == ALL
    assert Database.open(left).faults() == []


@pytest.mark.parametrize("cut", [True, False], ids=["cut off", "torn"])
def test_a_torn_page_that_nothing_can_replace_is_found_and_named(tmp_path: Path, *, cut: bool) -> None:
    home = fresh(tmp_path / "home")
    home.key_file.touch(0o600)
    database = Database.open(home)
    for number in range(20):
        add(database, f"stack-{number}", 3000)
    database.close()
    content = home.database.read_bytes()
    torn = content[: -PAGE // 2] if cut else content[:-PAGE] + bytes(PAGE)
    home.database.write_bytes(torn)
    wrong = [check for check in examine(home) if not check.ok]
    assert "is damaged: " in wrong[0].detail
    assert "tic vault restore FILE --force" in wrong[0].remedy
    assert home.database.read_bytes() == torn
