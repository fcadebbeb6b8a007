"""What becomes of a database that is damaged, empty, another program's, or on a full disk."""

import json
import random
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from engine.database import Database, DatabaseDamaged, DatabaseUnusable
from engine.home import Home, HomeUnusable


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose database has its schema and whose key is there, closed."""
    found = Home(tmp_path / "home", tmp_path / "cache")
    Database.open(found, create=True).close()
    found.key_file.touch(0o600)
    return found


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    found = Database.open(home)
    yield found
    found.close()


def flipped(content: bytes) -> bytes:
    """400 bytes changed at random places, the same ones each time; the header stays."""
    chance, changed = random.Random(5), bytearray(content)
    for _ in range(400):
        changed[chance.randrange(100, len(changed))] ^= chance.randrange(1, 256)
    return bytes(changed)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[:5000],
    "garbage": lambda content: random.Random(1).randbytes(20_000),
    "flipped": flipped,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("create", [False, True])
def test_a_damaged_file_is_named_with_what_to_do(
    home: Home, damage: Callable[[bytes], bytes], create: bool
) -> None:
    content = damage(home.database.read_bytes())
    home.database.write_bytes(content)
    with pytest.raises(DatabaseDamaged) as refused:
        Database.open(home, create=create)
    assert f"the database {home.database} is damaged" in str(refused.value)
    assert f"cp BACKUP {home.database}" in refused.value.hint
    assert "tic vault restore FILE --force" in refused.value.hint
    assert "vault.key stays" in refused.value.hint
    assert "tic doctor" not in refused.value.hint
    assert refused.value.exit_code == 5
    assert home.database.read_bytes() == content


def test_what_a_killed_init_leaves_is_finished_by_the_next(home: Home) -> None:
    home.key_file.unlink()
    home.database.write_bytes(b"")
    with Database.open(home, create=True).read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM vault").scalar() == 0


def test_another_programs_database_is_left_alone(home: Home) -> None:
    home.database.unlink()
    with sqlite3.connect(home.database) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    home.database.chmod(0o600)
    with pytest.raises(DatabaseDamaged, match="none of tic's"):
        Database.open(home)


@pytest.mark.parametrize("version", ["'0002_nothing'", "x'ff'", "''"])
def test_a_schema_that_nobody_made_is_damage(home: Home, database: Database, version: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = {version}")  # noqa: S608
    with pytest.raises(DatabaseDamaged):
        Database.open(home)


def test_a_text_that_is_not_utf8_is_damage_and_not_repeated(database: Database) -> None:
    with pytest.raises(DatabaseDamaged, match="a text in it is not UTF-8") as refused, database.read() as one:
        one.exec_driver_sql("SELECT CAST(x'1b5b324aff' AS TEXT)").all()
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    "decode", [lambda: zlib.decompress(b"no"), lambda: orjson.loads(b"{"), lambda: orjson.loads(b'"\xff"')]
)
def test_a_packed_value_that_does_not_unpack_is_damage(
    database: Database, decode: Callable[[], object]
) -> None:
    for block in (database.read, database.write):
        with pytest.raises(DatabaseDamaged, match="does not decode"), block():
            decode()


@pytest.mark.parametrize("fault", [lambda: b"\xff".decode(), lambda: json.loads("{"), lambda: int("x")])
def test_what_has_nothing_to_do_with_the_database_stays_what_it_is(
    database: Database, fault: Callable[[], object]
) -> None:
    with pytest.raises(ValueError, match=r"decode|property name|invalid"), database.read():
        fault()


def test_a_full_disk_promises_nothing_but_says_what_to_do(home: Home, database: Database) -> None:
    def fill() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite takes its present size instead
            connection.exec_driver_sql("CREATE TABLE large AS SELECT randomblob(1000000)")

    with pytest.raises(DatabaseUnusable, match="its disk is full") as refused:
        fill()
    assert refused.value.hint == f"free some space on the disk of {home.root} and run the command again"


def test_every_opening_looks_at_who_else_could_read(home: Home) -> None:
    home.root.chmod(0o755)
    with pytest.raises(HomeUnusable):
        Database.open(home)
    home.root.chmod(0o700)
    home.database.chmod(0o644)
    with pytest.raises(HomeUnusable):
        Database.open(home)


def test_faults_are_what_the_quick_check_finds(home: Home, database: Database) -> None:
    assert database.faults() == []
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        connection.exec_driver_sql(
            "INSERT INTO linked_role (provider, state, role, session_seconds, source, settings, account, "
            "principal, created_at) VALUES ('aws', 'x', 'r', 1, 'oidc', '{}', '', '', 0)"
        )
    reopened = Database.open(home)
    assert reopened.faults() == ["CHECK constraint failed in linked_role"]
    reopened.close()
