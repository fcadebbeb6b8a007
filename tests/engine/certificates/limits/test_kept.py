"""E1: runs of all stacks and processes together keep to what a CA allows; the ledger is in the database."""

import subprocess
import sys
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from engine.certificates.limits import kept
from engine.certificates.limits.ledger import NEW_ORDER, Held, Request, earliest, earliest_account
from engine.certificates.limits.rows import LimitRow, OrderRow
from engine.database import Database
from engine.home import Home

LETSENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
UNKNOWN = "https://ca.example/directory"
NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86_400.0
TABLES = (str(LimitRow.__tablename__), str(OrderRow.__tablename__))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return Home(tmp_path / "tic", tmp_path / "cache", url)


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    found = Database.open(home, create=True)
    yield found
    found.close()


def _order(*names: str, **flags: bool) -> Request:
    return Request(LETSENCRYPT, "acct/1", names or ("www.example.com",), **flags)


def _claim(database: Database, request: Request, now: float = NOW) -> str | Held:
    with database.write() as connection:
        return kept.claim(connection, "site/prod", request, now)


def _claimed(database: Database, request: Request, now: float = NOW) -> str:
    claimed = _claim(database, request, now)
    assert isinstance(claimed, str)
    return claimed


def _get(database: Database, request: Request, url: str, now: float = NOW) -> None:
    claimed = _claimed(database, request, now)
    with database.write() as connection:
        kept.placed(connection, claimed, url, None, now)
    with database.write() as connection:
        kept.issued(connection, url, now)


def test_the_rows_are_what_the_migrations_make(database: Database) -> None:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name in TABLES

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_what_was_issued_is_still_known_after_the_process(home: Home, database: Database) -> None:
    for number in range(5):
        _get(database, _order(), f"order/{number}")
    database.close()

    again = Database.open(home)
    with again.read() as connection:
        ledger = kept.ledger(connection, NOW)
    again.close()

    held = earliest(ledger, _order(), NOW)
    assert held is not None
    assert (held.moment, held.used, held.since) == (NOW + 34 * HOUR, 5, NOW)


def test_an_order_that_was_refused_takes_nothing_of_what_certificates_use(database: Database) -> None:
    for _ in range(20):
        claimed = _claimed(database, _order())
        with database.write() as connection:
            kept.refused(connection, claimed, _order(), None, "rejectedIdentifier", NOW)

    assert isinstance(_claim(database, _order()), str)


def test_what_the_ca_asked_for_is_kept_across_stacks(database: Database) -> None:
    claimed = _claimed(database, _order())
    detail = "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s"
    with database.write() as connection:
        kept.refused(connection, claimed, _order(), NOW + 9 * HOUR, detail, NOW)

    held = _claim(database, _order())
    assert isinstance(held, Held)
    assert (held.moment, held.by_ca) == (NOW + 9 * HOUR, True)
    _claimed(database, _order("other.example.com"))
    _claimed(database, _order(), NOW + 9 * HOUR)


def test_an_order_that_was_never_placed_holds_nothing_after_an_hour_and_one_that_was_while_it_lives(
    database: Database,
) -> None:
    claims = [_claimed(database, _order()) for _ in range(5)]
    with database.write() as connection:
        kept.placed(connection, claims[0], "order/0", NOW + 2 * DAY, NOW)

    held = _claim(database, _order(), NOW + HOUR - 1)
    assert isinstance(held, Held)
    assert held.moment == inf
    for _ in range(4):
        _claimed(database, _order(), NOW + HOUR)
    assert isinstance(_claim(database, _order(), NOW + 2 * HOUR - 1), Held)


def test_an_order_that_is_given_up_holds_nothing_and_saying_so_again_is_harmless(database: Database) -> None:
    for number in range(5):
        claimed = _claimed(database, _order())
        with database.write() as connection:
            kept.placed(connection, claimed, f"order/{number}", None, NOW)
    with database.write() as connection:
        for url in ("order/1", "order/1", "order/unheard-of"):
            kept.given_up(connection, url, NOW)

    _claimed(database, _order())
    assert isinstance(_claim(database, _order()), Held)


def test_names_that_are_not_proven_are_counted_until_they_are(database: Database) -> None:
    with database.write() as connection:
        for _ in range(5):
            kept.validated(connection, LETSENCRYPT, "acct/1", "example.com", NOW, valid=False)

    held = _claim(database, _order("*.example.com"))
    assert isinstance(held, Held)
    assert held.moment == NOW + 12 * 60

    with database.write() as connection:
        kept.validated(connection, LETSENCRYPT, "acct/1", "example.com", NOW, valid=True)
        names = {slot.limit for slot in kept.ledger(connection, NOW)}
    assert names == {"failures"}


def test_accounts_are_counted_for_all_stacks(database: Database) -> None:
    with database.write() as connection:
        answers = [kept.claim_account(connection, LETSENCRYPT, NOW) for _ in range(11)]

    assert answers[:10] == [None] * 10
    last = answers[10]
    assert last is not None
    assert last.moment == NOW + 18 * 60


def test_a_ca_without_figures_leaves_no_trace_but_of_what_it_asked_for(database: Database) -> None:
    request = Request(UNKNOWN, "acct/1", ("a.example",))
    for number in range(50):
        _get(database, request, f"order/{number}")
    with database.write() as connection:
        assert kept.ledger(connection, NOW) == {}
        kept.asked_to_wait(connection, UNKNOWN, NEW_ORDER, NOW + 60, NOW)
        kept.asked_to_wait(connection, UNKNOWN, "https://ca.example/finalize/1", NOW + 30, NOW)

    with database.read() as connection:
        assert kept.waits(connection, UNKNOWN, NOW) == {
            NEW_ORDER: NOW + 60,
            "https://ca.example/finalize/1": NOW + 30,
        }
        assert kept.waits(connection, UNKNOWN, NOW + 60) == {}
    assert isinstance(_claim(database, request, NOW + 59), Held)
    _claimed(database, request, NOW + 60)


def test_what_says_nothing_any_more_is_forgotten(database: Database) -> None:
    for number in range(30):
        _get(database, _order(f"{number}.example.com"), f"order/{number}")
    later = NOW + 8 * DAY
    _claimed(database, _order("another.example"), later)
    with database.write() as connection:
        kept.sweep(connection, LETSENCRYPT, later)

    with database.read() as connection:
        assert {slot.subject for slot in kept.ledger(connection, later)} == {"acct/1", "another.example"}


def test_an_order_that_the_ca_had_already_is_one_certificate(database: Database) -> None:
    """As Boulder answers an account that asks again for the same names."""
    for _ in range(3):
        claimed = _claimed(database, _order())
        with database.write() as connection:
            kept.placed(connection, claimed, "order/1", None, NOW)
    with database.write() as connection:
        kept.issued(connection, "order/1", NOW)
        (duplicates,) = [
            bucket for slot, bucket in kept.ledger(connection, NOW).items() if slot.limit == "duplicates"
        ]

    assert (duplicates.full_at, duplicates.held) == (NOW + 34 * HOUR, 0)


def test_a_clock_that_was_a_year_ahead_holds_back_nothing_for_a_year(database: Database) -> None:
    ahead = NOW + 365 * DAY
    lost = _claimed(database, _order("lost.example"), ahead)
    with database.write() as connection:
        kept.placed(connection, lost, "order/lost", None, ahead)
        for _ in range(10):
            kept.claim_account(connection, LETSENCRYPT, ahead)
        assert earliest_account(kept.ledger(connection, NOW), LETSENCRYPT, NOW) is None

        kept.sweep(connection, LETSENCRYPT, NOW)
        held = kept.claim_account(connection, LETSENCRYPT, NOW)
        assert held is not None
        assert held.moment == NOW + 18 * 60

    for number in range(4):
        _claimed(database, _order("lost.example"), NOW + 31 * DAY + number)
    assert isinstance(_claim(database, _order("lost.example"), NOW + 31 * DAY + 5), str)


PROCESS = """
import sys
from pathlib import Path
from engine.certificates.limits import kept
from engine.certificates.limits.ledger import Request
from engine.database import Database
from engine.home import Home

data, url, number = sys.argv[1:]
database = Database.open(Home(Path(data), Path(data).parent / "cache", url or None))
got = 0
for attempt in range(20):
    request = Request("{directory}", f"acct/{{number}}", (f"host{{number}}-{{attempt}}.example.com",))
    with database.write() as connection:
        got += isinstance(kept.claim(connection, f"site/{{number}}", request, {now}), str)
database.close()
print(got)
"""


def test_processes_together_get_no_more_than_the_ca_allows(home: Home, database: Database) -> None:
    """E1. Three stacks in three processes want 60 certificates of one registered domain; 50 are allowed."""
    code = PROCESS.format(directory=LETSENCRYPT, now=NOW)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home.root), home.database_url or "", str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    got = [int(process.communicate(timeout=120)[0]) for process in running]

    assert sum(got) == 50
    held = _claim(database, _order("one-more.example.com"))
    assert isinstance(held, Held)
    assert held.used == 50
