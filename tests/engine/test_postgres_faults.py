"""Each fault of PostgreSQL is one clear error, which says what to do."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from engine.database import Database, DatabaseDamaged, DatabaseUnusable
from engine.home import Home
from tests.engine.postgres_home import home_at, refusal, stacks
from tests.engine.state.waiting import wait_for
from tests.servers.postgres import Postgres, postgres

pytestmark = pytest.mark.server

STACK = (
    "INSERT INTO stack (org, project, name, folder, version, tags, created_at)"
    " VALUES ('tic', 'site', '{}', '', 0, '', 0)"
)

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def home(tmp_path: Path, postgres_url: str) -> Home:
    return home_at(tmp_path, postgres_url)


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    found = Database.open(home)
    yield found
    found.close()


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
