"""E1: what a CA asks for with Retry-After is kept, in this process and in those of other stacks."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from stacks.errors import StackError
from stacks.provider.acme.allowance import order
from stacks.provider.acme.authority import Answer, Authorities
from stacks.provider.acme.ordering import Wanted, place
from stacks.provider.acme.polling import wait_to_look
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.run import Interrupted, Operation, Run
from tests.stacks.provider.acme.busy_ca import Busy, BusyCa, busy_ca
from tests.stacks.provider.broker_server import BrokerServer

pytestmark = pytest.mark.server


@pytest.fixture
def ca() -> Iterator[BusyCa]:
    with busy_ca() as found:
        yield found


@pytest.fixture
def run(broker: BrokerServer) -> Run:
    return Run({**os.environ, **broker.environment})


def _post(authorities: Authorities, ca: BusyCa, endpoint: str) -> Answer:
    with authorities.talk(ca.access) as talk:
        return talk.post(f"{ca.url}/{endpoint}", {}, "do it")


def _ordered(run: Run, ca: BusyCa) -> Answer:
    operation = Operation.begin(run, "urn:test")
    with run.authorities.talk(ca.access) as talk:
        return order(
            operation,
            talk.access,
            ["a.example"],
            lambda: talk.post(talk.directory["newOrder"], {}, "order a certificate for a.example"),
        )


@pytest.mark.parametrize(
    ("endpoint", "busy"),
    [
        ("dir", Busy(503, "1")),
        ("newNonce", Busy(503, "1")),
        ("newOrder", Busy(503, "1")),
        ("newAccount", Busy(429, "1")),
        ("finalize", Busy(429, "1", "rateLimited")),
        ("finalize", Busy(503, "1", "serverInternal")),
    ],
)
def test_a_short_time_is_waited_and_the_request_is_sent_again_after_it(
    ca: BusyCa, run: Run, endpoint: str, busy: Busy
) -> None:
    ca.busy[endpoint] = [busy]
    assert _post(run.authorities, ca, endpoint if endpoint != "dir" else "newOrder").status == 200

    first, second = ca.times(endpoint)[:2]
    assert second >= first + 1


@pytest.mark.parametrize("how", ["seconds", "a date"])
def test_before_its_time_an_endpoint_is_not_asked_again(
    ca: BusyCa, run: Run, broker: BrokerServer, how: str
) -> None:
    at = datetime.now(UTC) + timedelta(hours=2)
    ca.busy["finalize"] = [Busy(503, "7200" if how == "seconds" else format_datetime(at, usegmt=True))]

    with pytest.raises(AuthorityError, match=r"takes no requests now \(HTTP 503\)") as error:
        _post(run.authorities, ca, "finalize")
    with pytest.raises(AuthorityError, match=r"wants no request to .*/finalize before .* \(in 2 h\)|1 h 59"):
        _post(run.authorities, ca, "finalize")

    assert f"tic stack up` again after {at:%Y-%m-%d}" in error.value.hint
    assert len(ca.times("finalize")) == 1
    assert _post(run.authorities, ca, "newOrder").status == 200
    told = [each for each in broker.events if each.event == "wait"]
    assert [each.endpoint for each in told] == [f"{ca.url}/finalize"]
    assert told[0].seconds is not None
    assert 7000 < told[0].seconds <= 7200


def test_what_another_process_was_told_is_kept_here_too(ca: BusyCa, run: Run, broker: BrokerServer) -> None:
    broker.waits = {"newOrder": 7200.0}

    with pytest.raises(AuthorityError, match="wants no request to newOrder before"):
        _post(run.authorities, ca, "newOrder")

    assert ca.times("newOrder") == []
    assert _post(run.authorities, ca, "newAccount").status == 200
    assert broker.asked.count("/acme/waits") == 1


def test_an_answer_without_a_time_says_so(ca: BusyCa, run: Run) -> None:
    ca.busy["newAccount"] = [Busy(503, None)]

    with pytest.raises(AuthorityError, match="takes no requests now") as error:
        _post(run.authorities, ca, "newAccount")

    assert "does not say when" in error.value.hint
    assert _post(run.authorities, ca, "newAccount").status == 200


def test_a_ca_that_asks_to_wait_a_second_for_ever_is_given_up(
    ca: BusyCa, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stacks.provider.acme.patience.PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr("stacks.provider.acme.line.PATIENCE_SECONDS", 2.0)
    ca.busy["finalize"] = [Busy(503, "0")] * 50

    with pytest.raises(AuthorityError):
        _post(run.authorities, ca, "finalize")

    assert 2 <= len(ca.times("finalize")) <= 6


def test_a_run_that_is_cancelled_waits_no_longer(ca: BusyCa, run: Run) -> None:
    ca.busy["finalize"] = [Busy(503, "50")]
    run.cancelled.set()

    with pytest.raises(Interrupted, match="asked to wait"):
        _post(run.authorities, ca, "finalize")


def test_a_limit_that_the_ca_names_closes_no_endpoint_and_is_noted_with_what_was_asked(
    ca: BusyCa, run: Run, broker: BrokerServer
) -> None:
    ca.busy["newOrder"] = [Busy(429, "3600", "rateLimited", "too many new orders (300) from this account")]

    with pytest.raises(AuthorityError, match="too many new orders") as error:
        _ordered(run, ca)

    assert "tic cert limits" in error.value.hint
    refused = next(each for each in broker.events if each.event == "refused")
    assert refused.asked == broker.claims[0]
    assert refused.claim == "claim"
    assert "too many new orders" in refused.detail
    assert refused.seconds == 3600
    assert _ordered(run, ca).status == 200


def test_a_limit_that_ends_soon_is_waited_for(ca: BusyCa, run: Run, broker: BrokerServer) -> None:
    ca.busy["newOrder"] = [Busy(429, "1", "rateLimited")]
    begun = time.time()

    assert _ordered(run, ca).location == f"{ca.url}/order/1"

    first, second = ca.times("newOrder")
    assert second >= first + 1
    assert first >= begun
    assert [each.event for each in broker.events] == ["refused", "placed"]


def test_without_a_broker_it_is_kept_in_this_process_all_the_same(ca: BusyCa) -> None:
    alone = Run({})
    ca.busy["newOrder"] = [Busy(503, "7200")]

    with pytest.raises(AuthorityError):
        _ordered(alone, ca)
    with pytest.raises(AuthorityError, match="wants no request to newOrder"):
        _ordered(alone, ca)

    assert len(ca.times("newOrder")) == 1


def test_a_look_that_the_ca_wants_later_than_the_run_lasts_is_given_up_at_once_and_by_all(
    ca: BusyCa, run: Run, broker: BrokerServer
) -> None:
    url = f"{ca.url}/finalize"
    with run.authorities.talk(ca.access) as talk, pytest.raises(StackError, match="in 2 h only") as error:
        wait_to_look(Operation.begin(run, "urn:test"), talk, url, 0, 7200.0, "the CA to issue a.example")

    assert "tic stack up` again after" in error.value.hint
    (told,) = [each for each in broker.events if each.event == "wait"]
    assert (told.endpoint, told.seconds) == (url, 7200.0)
    with pytest.raises(AuthorityError, match="wants no request"):
        _post(run.authorities, ca, "finalize")
    assert ca.times("finalize") == []


def test_an_order_whose_authorizations_cant_be_read_is_given_up(
    ca: BusyCa, run: Run, broker: BrokerServer
) -> None:
    """Its URL is in no state, so nobody can finish it."""
    ca.authorizations = ["authz"]
    ca.busy["authz"] = [Busy(503, "7200")]
    with run.authorities.talk(ca.access) as talk, pytest.raises(AuthorityError):
        place(Operation.begin(run, "urn:test"), talk, Wanted(["a.example"]))

    events = [(each.event, each.order_url) for each in broker.events if each.event != "wait"]
    assert events == [("placed", f"{ca.url}/order/1"), ("given-up", f"{ca.url}/order/1")]
