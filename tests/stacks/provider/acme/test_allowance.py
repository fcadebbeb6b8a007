"""E1: an order is claimed before the CA is asked, and what comes of it is told, to the last."""

import pytest

from stacks.allowances import Allowance, Claim, Event
from stacks.broker import BrokerUnavailable
from stacks.errors import StackError
from stacks.provider.acme.allowance import LimitReached
from stacks.provider.acme.order import Order
from stacks.provider.acme.problems import AuthorityError
from tests.stacks.provider.broker_server import BrokerServer
from tests.stacks.provider.driver import Driver, State

pytestmark = pytest.mark.server


def told(broker: BrokerServer, event: str) -> list[Event]:
    return [each for each in broker.events if each.event == event]


def same_inputs(order: State, **changes: object) -> State:
    return {each.name: order.get(each.name) for each in Order.inputs if each.name != "csrPem"} | changes


def test_what_a_limit_holds_back_is_not_asked_of_the_ca(driver: Driver, broker: BrokerServer) -> None:
    account = driver.account()
    broker.allowances = [Allowance(None, 7200.0, "50 of 50 are used; it is possible from ... on", "see it")]

    with pytest.raises(LimitReached) as error:
        driver.order(account, ["a.test"])

    assert str(error.value) == (
        "could not order a certificate for a.test now: 50 of 50 are used; it is possible from ... on"
    )
    assert error.value.hint == "see it"
    assert told(broker, "placed") == []


def test_a_broker_that_is_gone_lets_nothing_be_ordered_that_nobody_counts(
    driver: Driver, broker: BrokerServer
) -> None:
    account = driver.account()
    driver.run.environ = {**driver.run.environ, "TIC_BROKER_URL": "http://127.0.0.1:9/broker"}

    with pytest.raises(BrokerUnavailable):
        driver.order(account, ["a.test"])

    assert told(broker, "placed") == []


def test_what_is_possible_soon_is_waited_for(driver: Driver, broker: BrokerServer) -> None:
    account = driver.account()
    broker.claims.clear()
    broker.allowances = [Allowance(None, 0.01, "the last one is used; it is possible soon")] * 3

    assert driver.order(account, ["a.test"])["orderUrl"]

    assert len(broker.claims) == 4
    assert "waiting: the last one is used; it is possible soon" in driver.ear.said


def test_an_order_is_claimed_with_its_names_and_its_url_and_end_are_told(
    driver: Driver, broker: BrokerServer
) -> None:
    account = driver.account()
    assert broker.claims == [Claim(driver.ca.directory_url)]

    order = driver.order(account, ["b.test", "*.a.test"])

    uri = account["accountUri"]
    assert broker.claims[1:] == [Claim(driver.ca.directory_url, uri, ("b.test", "*.a.test"))]
    (placed,) = told(broker, "placed")
    assert (placed.claim, placed.order_url) == ("claim", order["orderUrl"])
    assert placed.seconds is not None
    assert placed.seconds > 3600


def test_an_issued_certificate_and_each_proven_name_are_told(driver: Driver, broker: BrokerServer) -> None:
    order, _ = driver.issued("a.test", "b.test")

    assert [each.order_url for each in told(broker, "issued")] == [order["orderUrl"]]
    assert sorted(str(each.identifier) for each in told(broker, "valid")) == ["a.test", "b.test"]
    assert told(broker, "invalid") == []


def test_a_name_that_is_not_proven_is_told_once_and_its_order_given_up_by_the_next(
    driver: Driver, broker: BrokerServer
) -> None:
    broker.silent = True
    account = driver.account()
    order = driver.order(account, ["bad.test"])
    proof = order["authorizations"][0]
    record = driver.record(proof)
    for _ in range(2):
        with pytest.raises(StackError):
            driver.authorize(order, proof, record)

    (failed,) = told(broker, "invalid")
    assert (failed.identifier, failed.account_uri) == ("bad.test", account["accountUri"])

    again = driver.next_run()
    resource = Order()
    inputs = same_inputs(order)
    again.diff(resource, order, **inputs)
    again.update(resource, order, **inputs)
    events = [(each.event, each.order_url) for each in broker.events]
    assert events.index(("given-up", order["orderUrl"])) > events.index(("invalid", None))
    assert events.index(("given-up", order["orderUrl"])) < len(events) - 1
    assert broker.claims[-1].names == ("bad.test",)


def test_an_order_that_is_deleted_before_it_is_done_is_given_up(driver: Driver, broker: BrokerServer) -> None:
    order = driver.order(driver.account(), ["a.test"])
    driver.delete(Order(), order)

    assert [each.order_url for each in told(broker, "given-up")] == [order["orderUrl"]]


def test_an_order_that_the_ca_refuses_is_told_with_what_was_asked(
    driver: Driver, broker: BrokerServer
) -> None:
    account = driver.account()
    with pytest.raises(AuthorityError):
        driver.order({**account, "accountUri": f"{account['accountUri']}0"}, ["a.test"])

    (refused,) = told(broker, "refused")
    assert refused.asked == broker.claims[-1]
    assert refused.seconds is None
