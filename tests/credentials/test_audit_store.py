"""The audit log in a table: appended, found, and read whatever somebody has put there (B10)."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from credentials import audit_store
from credentials.audit import NOTHING_YET, Entry, Event, Unreadable
from credentials.audit_chain import Problem, verify
from credentials.audit_store import Wanted, append, entries, head
from credentials.refusals import DamagedRow
from tests.credentials.logs import BEGUN, KEY, VAULT, head_of, table

LOST = "so the entry after it can't be compared with it"


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = table()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def add(connection: Connection, *happened: Event) -> list[Entry]:
    return [
        append(connection, KEY, VAULT, event, actor="someone", at=BEGUN + number)
        for number, event in enumerate(happened)
    ]


def add_opened(connection: Connection, count: int) -> list[Entry]:
    return add(connection, *(Event("credential.open", "done", name=f"n{number}") for number in range(count)))


def test_what_is_appended_is_read_again(connection: Connection) -> None:
    assert head(connection) == NOTHING_YET
    event = Event(
        "credential.open", "refused", "tic_a", "刘", "aws", "shop/prod", "up", {"why": 'a "reason"'}
    )
    log = add(connection, event, Event("vault.rekey", "done"))
    assert list(entries(connection)) == log
    assert log[0].event == event
    assert head(connection) == head_of(log)
    assert verify(entries(connection), KEY, VAULT, head(connection)).problems == ()


def test_a_log_is_read_in_pages(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_store, "PAGE", 3)
    log = add_opened(connection, 7)
    assert list(entries(connection)) == log
    assert list(entries(connection, after=head_of(log[:2]))) == log[2:]


ROTTEN = {
    "UPDATE audit SET at = 'soon' WHERE seq = 3": Problem(3, f"its at is not what tic puts there, {LOST}"),
    "UPDATE audit SET at = 1.5 WHERE seq = 3": Problem(3, f"its at is not what tic puts there, {LOST}"),
    "UPDATE audit SET at = -1 WHERE seq = 3": Problem(3, f"its at is not what tic puts there, {LOST}"),
    "UPDATE audit SET actor = x'00' WHERE seq = 3": Problem(
        3, f"its actor is not what tic puts there, {LOST}"
    ),
    "UPDATE audit SET name = CAST(x'ff' AS TEXT) WHERE seq = 3": Problem(
        3, f"it can't be read as text, {LOST}"
    ),
    "UPDATE audit SET outcome = 'well' WHERE seq = 3": Problem(
        3, f"its outcome is not what tic puts there, {LOST}"
    ),
    "UPDATE audit SET detail = '{ }' WHERE seq = 3": Problem(
        3, f"its detail is not what tic puts there, {LOST}"
    ),
    "UPDATE audit SET detail = '[]' WHERE seq = 3": Problem(
        3, f"its detail is not what tic puts there, {LOST}"
    ),
    "UPDATE audit SET detail = '{\"a\":1}' WHERE seq = 3": Problem(
        3, f"its detail is not what tic puts there, {LOST}"
    ),
    "UPDATE audit SET detail = x'7b7d' WHERE seq = 3": Problem(
        3, f"its detail is not what tic puts there, {LOST}"
    ),
    "UPDATE audit SET hash = CAST(hash AS TEXT) WHERE seq = 3": None,
    "UPDATE audit SET hash = substr(hash, 2) WHERE seq = 3": Problem(
        3, f"its hash is not what tic puts there, {LOST}"
    ),
    "UPDATE audit SET mac = '' WHERE seq = 3": Problem(3, f"its mac is not what tic puts there, {LOST}"),
    "UPDATE audit SET mac = zeroblob(32) WHERE seq = 3": Problem(
        3, "it was not written by this vault: its MAC is wrong"
    ),
    "UPDATE audit SET kind = 'aws' WHERE seq = 3": Problem(
        3, "it was changed: its content does not fit its hash and the hash before it"
    ),
    "UPDATE audit SET seq = -3 WHERE seq = 3": Problem(-3, f"its seq is not what tic puts there, {LOST}"),
    "UPDATE audit SET seq = 9223372036854775807 WHERE seq = 5": Problem(
        9223372036854775807, "what comes before it is missing: 5 to 9223372036854775806"
    ),
    "DELETE FROM audit WHERE seq = 5": Problem(5, "the end of the log is missing: 5"),
}


@pytest.mark.parametrize("statement", ROTTEN)
def test_whatever_a_row_holds_it_is_named(connection: Connection, statement: str) -> None:
    log = add_opened(connection, 5)
    connection.exec_driver_sql(statement)
    found = verify(entries(connection), KEY, VAULT, head_of(log)).problems
    assert found
    if (expected := ROTTEN[statement]) is not None:
        assert found[0] == expected


def test_nulls_are_named_where_the_schema_lets_them_in(connection: Connection) -> None:
    log = add_opened(connection, 5)
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'audit'"
    )
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
    for column in ("at", "actor", "action", "outcome", "detail", "hash", "mac"):
        connection.exec_driver_sql("SAVEPOINT before")
        connection.exec_driver_sql(f"UPDATE audit SET {column} = NULL WHERE seq = 3")  # noqa: S608
        found = verify(entries(connection), KEY, VAULT, head_of(log)).problems
        assert found == (Problem(3, f"its {column} is not what tic puts there, {LOST}"),)
        connection.exec_driver_sql("ROLLBACK TO before")


def test_nothing_is_appended_to_an_end_that_is_damaged(connection: Connection) -> None:
    add_opened(connection, 2)
    connection.exec_driver_sql("UPDATE audit SET hash = 'text' WHERE seq = 2")
    with pytest.raises(DamagedRow):
        add_opened(connection, 1)


def test_the_same_row_twice_is_refused_by_the_database(connection: Connection) -> None:
    add_opened(connection, 2)
    with pytest.raises(IntegrityError):
        connection.exec_driver_sql("INSERT INTO audit SELECT * FROM audit WHERE seq = 1")


HAPPENED = (
    Event("credential.new", "done", "tic_a", "prod", "aws"),
    Event("credential.open", "done", "tic_a", "prod", "aws", "shop/prod", "up"),
    Event("credential.open", "done", "tic_b", "other", "aws", "shop/test", "up"),
    Event("credential.delete", "refused", "tic_a", "prod", "aws"),
    Event("credentials", "done", "tic_c"),
    Event("vault.rekey", "failed"),
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [1, 2, 3, 4, 5, 6]),
        (Wanted(credential="prod"), [1, 2, 4]),
        (Wanted(credential="tic_b"), [3]),
        (Wanted(stack="shop/prod"), [2]),
        (Wanted(stack="test"), [3]),
        (Wanted(stack="%"), []),
        (Wanted(action="credential"), [1, 2, 3, 4]),
        (Wanted(action="credential.open"), [2, 3]),
        (Wanted(outcome="refused"), [4]),
        (Wanted(since=BEGUN + 4), [5, 6]),
        (Wanted(credential="prod", outcome="done", since=BEGUN + 1), [2]),
    ],
)
def test_entries_are_found_by_what_they_say(connection: Connection, wanted: Wanted, found: list[int]) -> None:
    add(connection, *HAPPENED)
    assert [one.seq for one in audit_store.newest(connection, wanted, 10)] == found
    assert [one.seq for one in audit_store.newest(connection, wanted, 2)] == found[-2:]


def test_a_damaged_row_hides_no_other(connection: Connection) -> None:
    add(connection, *HAPPENED)
    connection.exec_driver_sql("UPDATE audit SET name = CAST(x'ff' AS TEXT) WHERE seq = 3")
    found = audit_store.newest(connection, Wanted(), 10)
    assert [one.seq for one in found if isinstance(one, Entry)] == [1, 2, 4, 5, 6]
    assert [one for one in found if isinstance(one, Unreadable)] == [
        Unreadable(3, "it can't be read as text")
    ]


@pytest.mark.parametrize(
    ("since", "seq"), [(0, 0), (BEGUN, 0), (BEGUN + 1, 1), (BEGUN + 5, 5), (BEGUN + 6, 6)]
)
def test_a_beginning_is_the_end_of_what_was_before(connection: Connection, since: int, seq: int) -> None:
    log = add(connection, *HAPPENED)
    assert audit_store.before(connection, since) == head_of(log[:seq])


def test_a_clock_that_was_set_back_leaves_no_entry_out(connection: Connection) -> None:
    for at in (5, 9, 3, 10):
        append(connection, KEY, VAULT, Event("a", "done"), actor="x", at=at)
    assert audit_store.before(connection, 8).seq == 1
