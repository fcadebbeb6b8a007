"""E1: a run asks before it orders, and tells what came of it; times are the test's."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ca_limits import CaLimits
from engine.certificates.kept import TYPE, follow, found
from engine.database import Database
from engine.home import Home
from engine.state import stacks
from stacks.allowances import EVENTS, Claim, Event
from stacks.messages import RequestMalformed

LETSENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
UNKNOWN = "https://ca.example/directory"
NOW = 1_800_000_000.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database.open(Home(tmp_path / "tic", tmp_path / "cache"), create=True)
    yield found
    found.close()


class Clock:
    """Time as the test wants it."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stack(database: Database) -> stacks.Stack:
    with database.write() as connection:
        return stacks.create(connection, "site", "prod")


@pytest.fixture
def limits(database: Database, stack: stacks.Stack, clock: Clock) -> CaLimits:
    return CaLimits(database, stack.id, stack.full_name, clock)


def _claim(*names: str, directory: str = LETSENCRYPT, **flags: bool) -> Claim:
    return Claim(directory, "https://ca/acct/1", names or ("www.example.com",), **flags)


def _issue(limits: CaLimits, wanted: Claim, url: str) -> None:
    claimed = limits.claim(wanted).claim
    assert claimed is not None
    limits.hear(Event("placed", wanted.directory_url, claim=claimed, order_url=url, seconds=86_400.0))
    limits.hear(Event("issued", wanted.directory_url, order_url=url))


def test_what_cant_be_ordered_is_told_with_the_limit_whose_how_many_since_when_and_until_when(
    limits: CaLimits, clock: Clock
) -> None:
    for number in range(5):
        _issue(limits, _claim("example.com", "www.example.com"), f"order/{number}")
    clock.now += 3600

    answer = limits.claim(_claim("www.example.com", "example.com"))

    assert answer.claim is None
    assert answer.seconds == 33 * 3600
    assert answer.why == (
        "Let's Encrypt allows 5 new certificates per exact set of names, and one more every 1 d 10 h; "
        "example.com,www.example.com has used 5 since 2027-01-15 08:00:00Z; "
        "it is possible from 2027-01-16 18:00:00Z on (in 1 d 9 h)"
    )
    assert "tic cert limits" in answer.hint
    clock.now += answer.seconds
    assert limits.claim(_claim("www.example.com", "example.com")).claim is not None


def test_looking_counts_nothing_and_says_what_a_claim_would(limits: CaLimits) -> None:
    wanted = _claim("example.com", "www.example.com")
    for number in range(5):
        for _ in range(3):
            assert limits.look(wanted).claim is not None
        _issue(limits, wanted, f"order/{number}")
    assert limits.look(wanted).why == limits.claim(wanted).why
    assert limits.look(wanted).claim is None


def test_orders_under_way_elsewhere_are_told_of(limits: CaLimits) -> None:
    for _ in range(5):
        limits.claim(_claim())

    answer = limits.claim(_claim())

    assert (answer.claim, answer.seconds) == (None, None)
    assert "orders that are under way hold all that is left of www.example.com" in answer.why


def _holds(database: Database, stack: stacks.Stack, directory: str, *names: str) -> None:
    """The stack's state has a certificate."""
    outputs = {
        "serial": "2a",
        "issuer": "CN=CA",
        "notBefore": "2027-01-01T00:00:00+00:00",
        "notAfter": "2027-04-01T00:00:00+00:00",
    }
    resource = {
        "urn": f"urn:pulumi:prod::site::{TYPE}::web",
        "type": TYPE,
        "inputs": {"domains": list(names), "directoryUrl": directory},
        "outputs": {**outputs, "epoch": 1},
    }
    with database.write() as connection:
        follow(connection, stack.id, found([resource]))


def test_a_renewal_counts_neither_for_the_account_nor_for_the_registered_domain(
    database: Database, stack: stacks.Stack, limits: CaLimits
) -> None:
    _holds(database, stack, LETSENCRYPT, "www.example.com", "example.com")
    for number in range(50):
        _issue(limits, _claim(f"host{number}.example.com"), f"order/{number}")

    assert limits.claim(_claim("host-51.example.com")).claim is None
    assert limits.claim(_claim("www.example.com")).claim is None
    assert limits.claim(_claim("example.com", "www.example.com")).claim is not None


def test_a_certificate_of_another_ca_makes_no_renewal_of_it(
    database: Database, stack: stacks.Stack, limits: CaLimits
) -> None:
    _holds(database, stack, UNKNOWN, "example.com")
    for number in range(50):
        _issue(limits, _claim(f"host{number}.example.com"), f"order/{number}")

    assert limits.claim(_claim("example.com")).claim is None


def test_what_the_ca_asked_for_is_told_as_its_word(limits: CaLimits) -> None:
    wanted = _claim(directory=UNKNOWN)
    claimed = limits.claim(wanted).claim
    limits.hear(Event("refused", UNKNOWN, claim=claimed, asked=wanted, seconds=90.0, detail="slow down"))

    answer = limits.claim(wanted)

    assert answer.seconds == 90
    assert answer.why.startswith("the CA at ca.example asked to wait for orders of https://ca/acct/1; ")
    assert "in 1 min 30 s" in answer.why


def test_a_new_account_is_counted_too(limits: CaLimits) -> None:
    answers = [limits.claim(Claim(LETSENCRYPT)) for _ in range(11)]

    assert [each.claim is not None for each in answers] == [True] * 10 + [False]
    assert answers[-1].why.startswith("Let's Encrypt allows 10 new accounts per address, ")


def test_endpoints_that_want_no_request_are_told_with_the_time_that_is_left(
    limits: CaLimits, clock: Clock
) -> None:
    limits.hear(Event("wait", UNKNOWN, endpoint="revokeCert", seconds=100.0))
    clock.now += 40

    assert limits.waits(UNKNOWN) == {"revokeCert": 60}
    assert limits.waits(LETSENCRYPT) == {}


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_that_does_not_say_what_it_is_about_is_refused(limits: CaLimits, event: str) -> None:
    with pytest.raises(RequestMalformed):
        limits.hear(Event(event, LETSENCRYPT, seconds=1.0))


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"directoryUrl": UNKNOWN},
        {"directoryUrl": UNKNOWN, "names": "a.example"},
        {"directoryUrl": UNKNOWN, "names": [""]},
        {"directoryUrl": UNKNOWN, "names": [], "accountUri": 1},
    ],
)
def test_a_claim_without_its_shape_is_refused(message: dict[str, object]) -> None:
    with pytest.raises(RequestMalformed):
        Claim.from_json(message)


@pytest.mark.parametrize("seconds", [-1, "1", True, float("nan")])
def test_a_length_of_time_that_is_none_is_refused(seconds: object) -> None:
    with pytest.raises(RequestMalformed):
        Event.from_json({"event": "wait", "directoryUrl": UNKNOWN, "seconds": seconds})


def test_messages_travel_whole() -> None:
    asked = _claim("a.example", replaces=True)
    event = Event(
        "refused", UNKNOWN, "claim", asked, "order", "account", "identifier", "endpoint", 1.5, "detail"
    )
    assert Claim.from_json(json.loads(json.dumps(asked.to_json()))) == asked
    assert Event.from_json(json.loads(json.dumps(event.to_json()))) == event
