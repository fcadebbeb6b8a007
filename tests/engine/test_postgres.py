"""PostgreSQL as tic's database keeps what SQLite keeps, and each of its faults is one clear error."""

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from engine import waiting
from engine.database import BUSY_SECONDS, Database, DatabaseDamaged, DatabaseUnusable, NoDatabase
from engine.home import Home
from tests.engine.state.waiting import wait_for
from tests.servers.postgres import Postgres, postgres

pytestmark = pytest.mark.server

STACK = (
    "INSERT INTO stack (org, project, name, folder, version, tags, created_at)"
    " VALUES ('tic', 'site', '{}', '', 0, '', 0)"
)
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def home_at(tmp_path: Path, url: str) -> Home:
    return Home(tmp_path / "home", tmp_path / "cache", url)


@pytest.fixture
def home(tmp_path: Path, postgres_url: str) -> Home:
    return home_at(tmp_path, postgres_url)


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    found = Database.open(home)
    yield found
    found.close()


def stacks(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT name FROM stack ORDER BY 1").scalars())


def refusal(home: Home, *, create: bool = False) -> DatabaseUnusable:
    """What opening it is refused with."""
    with pytest.raises(DatabaseUnusable) as refused:
        Database.open(home, create=create)
    assert refused.value.exit_code == 5
    assert refused.value.__cause__ is None
    return refused.value


# What it promises


def test_an_empty_database_gets_its_schema_once_however_many_begin(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    home = home_at(tmp_path, empty_postgres_url)
    start = threading.Barrier(4)

    def begin(_number: int) -> int:
        start.wait()
        database = Database.open(home, create=True)
        with database.read() as connection:
            found = connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one()
        database.close()
        return int(found)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(begin, range(4))) == [1, 1, 1, 1]


def test_only_init_makes_a_schema(tmp_path: Path, empty_postgres_url: str) -> None:
    home = home_at(tmp_path, empty_postgres_url)
    refused = refusal(home)
    assert isinstance(refused, NoDatabase)
    assert refused.hint.startswith("make one: tic vault init")
    assert not home.root.exists()
    Database.open(home, create=True).close()
    Database.open(home).close()


def test_a_reader_sees_one_moment_and_waits_for_nobody(database: Database) -> None:
    with database.read() as reading:
        assert stacks(reading) == []
        with database.write() as writing:
            writing.exec_driver_sql(STACK.format("dev"))
            assert stacks(reading) == []
        assert stacks(reading) == []
    with database.read() as reading:
        assert stacks(reading) == ["dev"]


def test_a_reader_can_write_nothing(database: Database) -> None:
    with pytest.raises(DatabaseUnusable, match="can only be read"), database.read() as connection:
        connection.exec_driver_sql(STACK.format("dev"))


def test_a_failed_writer_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.exec_driver_sql(STACK.format("dev"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.read() as connection:
        assert stacks(connection) == []


def test_a_second_writer_waits_and_sees_what_the_first_wrote(
    database: Database, shared_postgres: Postgres
) -> None:
    def second() -> list[str]:
        with database.write() as connection:
            return stacks(connection)

    with ThreadPoolExecutor(1) as pool:
        with database.write() as connection:
            connection.exec_driver_sql(STACK.format("dev"))
            waiting = pool.submit(second)
            wait_for(lambda: shared_postgres.run(WAITING) == [(1,)])
        assert waiting.result() == ["dev"]


def test_a_writer_says_for_whom_it_waits(
    home: Home, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.postgres.NOTICE_SECONDS", 1)
    done = threading.Event()
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        done.set()

    def first() -> None:
        with database.write() as connection:
            connection.exec_driver_sql(STACK.format("dev"))
            begun.set()
            done.wait(60)

    begun = threading.Event()
    second = Database.open(home)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(first)
        begun.wait(60)
        with waiting.heard(hear), second.write() as connection:
            assert stacks(connection) == ["dev"]
        writing.result()
    second.close()
    who = f"tic {os.getpid()} on {socket.gethostname()}"
    assert heard == [f"waiting for {who}, which writes to {database.name}"]


def test_what_is_one_updates_alone_is_written_beside_the_others(
    database: Database, shared_postgres: Postgres
) -> None:
    """No deadlock: whoever names one thing has its share of the common lock first."""

    def write(only: str | None) -> str:
        with database.write(only):
            return str(only)

    with ThreadPoolExecutor(2) as pool:
        with database.write("one"):
            assert pool.submit(write, "another").result(60) == "another"
            waiting_ones = [pool.submit(write, "one"), pool.submit(write, None)]
            wait_for(lambda: shared_postgres.run(WAITING) == [(2,)])
            assert not any(each.done() for each in waiting_ones)
        assert {each.result(60) for each in waiting_ones} == {"one", "None"}
        with database.write():
            waiting_one = pool.submit(write, "one")
            wait_for(lambda: shared_postgres.run(WAITING) == [(1,)])
        assert waiting_one.result(60) == "one"


def test_what_was_read_is_still_true_when_it_is_written(database: Database) -> None:
    """Nothing is lost of 80 increments by four writers, each of which reads first."""
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE tally (n integer)")
        connection.exec_driver_sql("INSERT INTO tally VALUES (0)")

    def count(_number: int) -> None:
        for _ in range(20):
            with database.write() as connection:
                before = connection.exec_driver_sql("SELECT n FROM tally").scalar_one()
                connection.exec_driver_sql(f"UPDATE tally SET n = {before + 1}")  # noqa: S608

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT n FROM tally").scalar_one() == 80


def test_a_writer_is_durable_and_never_holds_others_up_for_ever(
    tmp_path: Path, shared_postgres: Postgres, postgres_url: str
) -> None:
    shared_postgres.run("ALTER ROLE tic SET synchronous_commit = off")
    database = Database.open(home_at(tmp_path, postgres_url))
    try:
        with database.write() as connection:
            settings = [
                connection.exec_driver_sql(f"SHOW {name}").scalar_one()
                for name in ("synchronous_commit", "lock_timeout", "idle_in_transaction_session_timeout")
            ]
    finally:
        shared_postgres.run("ALTER ROLE tic RESET synchronous_commit")
        database.close()
    assert settings == ["on", f"{BUSY_SECONDS}s", "2min"]


def test_texts_are_in_the_order_of_their_bytes_whatever_the_servers_language(
    database: Database, shared_postgres: Postgres
) -> None:
    """The vault's digest reads rows in order, and a backup may go to the other database."""
    names = ["B", "a", "Z", "é", "~", "_"]
    with database.write() as connection:
        for name in names:
            connection.exec_driver_sql(STACK.format(name))
    with database.read() as connection:
        assert stacks(connection) == sorted(names)
    assert shared_postgres.run("SELECT 'a' < 'B', 'a' < 'B' COLLATE \"C\"") == [(True, False)]


def test_a_killed_writer_leaves_nothing_and_blocks_nobody(home: Home, database: Database) -> None:
    """C3: the server ends the transaction of a client that is gone."""
    assert home.database_url is not None
    script = (
        "import sys\nfrom engine.database import Database\nfrom engine.home import Home\n"
        "with Database.open(Home.find()).write() as connection:\n"
        "    connection.exec_driver_sql(sys.argv[1])\n"
        "    print('written', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, STACK.format("dev")],
        env={**os.environ, "TIC_HOME": str(home.root), "TIC_DATABASE_URL": home.database_url},
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.kill()
    with database.write() as connection:
        assert stacks(connection) == []


def test_what_breaks_a_guard_stays_an_integrity_error(database: Database) -> None:
    twice = f"{STACK.format('aws')}; {STACK.format('aws')}"
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.exec_driver_sql(twice)


def test_a_connection_that_the_server_ended_is_made_anew(
    database: Database, shared_postgres: Postgres
) -> None:
    with database.read() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    shared_postgres.run(f"SELECT pg_terminate_backend({pid})")
    with database.read() as connection:
        assert stacks(connection) == []


# What its faults become


def test_a_wrong_password_is_told_without_it(tmp_path: Path, shared_postgres: Postgres) -> None:
    wrong = secrets.token_hex(8)
    refused = refusal(home_at(tmp_path, shared_postgres.url("postgres", password=wrong)))
    assert str(refused).endswith("refuses the password")
    assert refused.hint == "set the right one in TIC_DATABASE_URL, PGPASSWORD or ~/.pgpass"
    assert wrong not in f"{refused}{refused.hint}"


def test_a_password_can_come_from_outside_the_url(
    tmp_path: Path, shared_postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = shared_postgres.fresh()
    home = home_at(tmp_path, shared_postgres.url(name, password=""))
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    assert str(refusal(home)).endswith("wants a password")
    (tmp_path / "pgpass").write_text(f"*:*:*:tic:{shared_postgres.password}\n")
    (tmp_path / "pgpass").chmod(0o600)
    Database.open(home).close()
    (tmp_path / "pgpass").unlink()
    monkeypatch.setenv("PGPASSWORD", shared_postgres.password)
    Database.open(home).close()
    shared_postgres.drop(name)


def test_a_missing_database_is_named_with_the_command_that_makes_it(
    tmp_path: Path, shared_postgres: Postgres
) -> None:
    refused = refusal(home_at(tmp_path, shared_postgres.url("nothing")))
    assert str(refused).endswith("/nothing?host=" + str(shared_postgres.folder) + " is not there")
    assert refused.hint == (
        f"make it: createdb -h {shared_postgres.folder} --encoding UTF8 nothing, then: tic vault init"
    )


def test_a_server_that_is_away_is_told_with_how_to_look(tmp_path: Path) -> None:
    refused = refusal(home_at(tmp_path, f"postgresql://tic:x@/tic?host={tmp_path}"))
    assert "can't be reached" in str(refused)
    assert refused.hint.startswith(f"see that its server runs and can be reached: pg_isready -h {tmp_path}")


def test_a_server_that_ends_in_the_middle_is_told_and_nothing_was_changed(tmp_path: Path) -> None:
    with postgres() as server:
        home = home_at(tmp_path, server.url(server.empty()))
        database = Database.open(home, create=True)

        def write() -> None:
            with database.write() as connection:
                connection.exec_driver_sql(STACK.format("dev"))
                server.process.kill()
                stacks(connection)

        with pytest.raises(DatabaseUnusable, match=r"went away|can't be reached"):
            write()
        with pytest.raises(DatabaseUnusable, match="can't be reached"), database.read() as connection:
            stacks(connection)
        database.close()


def test_a_commit_without_an_answer_promises_nothing(database: Database, shared_postgres: Postgres) -> None:
    def write() -> None:
        with database.write() as connection:
            connection.exec_driver_sql(STACK.format("dev"))
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            shared_postgres.run(f"SELECT pg_terminate_backend({pid})")

    with pytest.raises(DatabaseUnusable, match="whether the change was made is not known") as refused:
        write()
    assert "tic creds list" in refused.value.hint


def test_a_lock_that_is_not_had_in_time_is_another_tic_writing(database: Database) -> None:
    def wait() -> None:
        with database.read() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '1ms'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({0x746963})")

    with (
        database.write(),
        pytest.raises(DatabaseUnusable, match="is being written by another tic") as refused,
    ):
        wait()
    assert refused.value.hint == "run the command again when it is done"


def test_a_database_that_may_only_be_read_is_told_so(
    tmp_path: Path, shared_postgres: Postgres, postgres_url: str
) -> None:
    shared_postgres.run("ALTER ROLE tic SET default_transaction_read_only = on")
    database = Database.open(home_at(tmp_path, postgres_url))
    try:
        with pytest.raises(DatabaseUnusable, match="a standby") as refused, database.write() as connection:
            connection.exec_driver_sql(STACK.format("dev"))
    finally:
        shared_postgres.run("ALTER ROLE tic RESET default_transaction_read_only")
        database.close()
    assert "target_session_attrs=read-write" in refused.value.hint


def test_a_full_disk_is_told_and_nothing_is_lost(database: Database, shared_postgres: Postgres) -> None:
    """The table's file is a link to /dev/full: the server's next page of it fails as on a full disk."""
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE filling (x text)")
        where = connection.exec_driver_sql("SELECT pg_relation_filepath('filling')").scalar_one()
    file = shared_postgres.folder / "data" / str(where)
    file.unlink()
    file.symlink_to("/dev/full")
    with (
        pytest.raises(DatabaseUnusable, match="its server's disk is full") as refused,
        database.write() as connection,
    ):
        connection.exec_driver_sql("INSERT INTO filling VALUES ('x')")
    assert refused.value.hint == "free some space on the server's disk and run the command again"
    with database.read() as connection:
        assert stacks(connection) == []


def test_a_user_without_rights_is_told_what_grants_them(tmp_path: Path, shared_postgres: Postgres) -> None:
    name = shared_postgres.empty()
    shared_postgres.run("ALTER DATABASE {} OWNER TO postgres", name)
    refused = refusal(home_at(tmp_path, shared_postgres.url(name)), create=True)
    assert "permission denied for schema public" in str(refused)
    assert refused.hint == f"let its user own it: ALTER DATABASE {name} OWNER TO USER"
    shared_postgres.drop(name)


def test_another_programs_database_is_left_alone(
    tmp_path: Path, shared_postgres: Postgres, empty_postgres_url: str
) -> None:
    with psycopg.connect(empty_postgres_url) as other:
        other.execute("CREATE TABLE theirs (x integer)")
    for create in (True, False):
        refused = refusal(home_at(tmp_path, empty_postgres_url), create=create)
        assert "none of tic's" in str(refused)
    with psycopg.connect(empty_postgres_url) as other:
        assert other.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (1,)


def test_a_newer_schema_is_left_alone(home: Home, database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999_future'")
    refused = refusal(home)
    assert "was written by a newer tic (schema 9999_future" in str(refused)
    assert refused.hint == "upgrade this tic, or name another database in TIC_DATABASE_URL"


def test_a_database_that_can_not_keep_every_text_is_refused(
    tmp_path: Path, shared_postgres: Postgres
) -> None:
    shared_postgres.run("CREATE DATABASE latin OWNER tic TEMPLATE template0 ENCODING 'LATIN1'")
    refused = refusal(home_at(tmp_path, shared_postgres.url("latin")), create=True)
    assert "keeps texts as LATIN1" in str(refused)
    assert "--encoding UTF8 --template template0" in refused.hint
    shared_postgres.drop("latin")


def test_faults_are_guards_that_do_not_hold(database: Database) -> None:
    assert database.faults() == []
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE binding ADD CONSTRAINT odd CHECK (provider <> '') NOT VALID")
    assert database.faults() == ["the constraint odd is not valid"]


def test_a_value_that_can_not_be_read_is_damage(database: Database, shared_postgres: Postgres) -> None:
    with database.write() as connection:
        name = str(connection.exec_driver_sql("SELECT current_database()").scalar_one())
        connection.exec_driver_sql("CREATE TABLE large (x bytea)")
        connection.exec_driver_sql(
            "INSERT INTO large SELECT string_agg(sha256(n::text::bytea), '') FROM generate_series(1, 999) n"
        )
        chunks = connection.exec_driver_sql(
            "SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 'large'"
        ).scalar_one()
    shared_postgres.run("CREATE EXTENSION pg_surgery", database=name)
    shared_postgres.run(f"SELECT heap_force_kill('{chunks}', ARRAY['(0,1)']::tid[])", database=name)
    with pytest.raises(DatabaseDamaged, match="PostgreSQL can't read a part of it") as refused:
        database.faults()
    assert "pg_restore" in refused.value.hint
    assert "vault.key stays" in refused.value.hint


def test_a_text_that_postgresql_can_not_keep_is_told(database: Database) -> None:
    with pytest.raises(DatabaseUnusable, match="character NUL"), database.write() as connection:
        connection.exec_driver_sql("UPDATE stack SET name = %s", ("a\0b",))


def test_an_error_repeats_nothing_that_is_stored(database: Database) -> None:
    canary = "canary-in-a-statement"
    with pytest.raises(DatabaseUnusable) as refused, database.read() as connection:
        connection.exec_driver_sql("SELECT %s::integer", (canary,))
    assert canary not in f"{refused.value}{refused.value.hint}"
    assert "code 22P02" in str(refused.value)


def test_readers_have_connections_however_many_wait_to_write(
    database: Database, shared_postgres: Postgres
) -> None:
    def write(_number: int) -> None:
        with database.write():
            pass

    with ThreadPoolExecutor(30) as pool:
        with database.write():
            writing = [pool.submit(write, number) for number in range(30)]
            wait_for(lambda: shared_postgres.run(WAITING)[0][0] >= 7)
            with database.read() as connection:
                assert stacks(connection) == []
        for each in writing:
            each.result(60)
