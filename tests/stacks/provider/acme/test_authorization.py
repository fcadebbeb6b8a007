"""Authorizations: whatever the verdict, and whatever interrupts the wait, the record is withdrawn."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.errors import StackError
from stacks.provider.acme.authorization import Authorization
from stacks.provider.properties import Change
from stacks.provider.run import Interrupted
from stacks.provider.values import UNKNOWN
from tests.servers.challtestsrv import challtestsrv
from tests.servers.pebble import pebble
from tests.stacks.provider.broker_server import Refusal
from tests.stacks.provider.driver import Driver, Ear, State, access

pytestmark = pytest.mark.server


@pytest.fixture
def order(driver: Driver) -> State:
    return driver.order(driver.account(), ["example.test", "*.example.test"])


@pytest.fixture
def undecided(driver: Driver, tmp_path: Path) -> Iterator[Driver]:
    """A CA whose DNS server never answers: its verdict takes long."""
    with challtestsrv(tmp_path) as frozen, pebble(tmp_path, dns=frozen.address, retry_after=0) as ca:
        frozen.process.freeze()
        yield dataclasses.replace(driver, ca=ca)


def test_a_name_is_proven_and_its_record_withdrawn(driver: Driver, order: State) -> None:
    """D1, D5: apex and wildcard, one after the other."""
    for proof in order["authorizations"]:
        record = driver.record(proof)
        assert driver.broker.records == {(record["recordName"], record["recordValue"])}
        assert driver.authorize(order, proof, record)["status"] == "valid"
        assert driver.broker.records == set()


def test_both_names_of_one_identifier_can_be_shown_at_once(driver: Driver, order: State) -> None:
    """D5."""
    records = [driver.record(proof) for proof in order["authorizations"]]
    assert len(driver.broker.records) == 2
    for proof, record in zip(order["authorizations"], records, strict=True):
        driver.authorize(order, proof, record)
    assert driver.broker.records == set()


def test_the_words_of_the_ca_reach_the_user_and_the_record_is_withdrawn(driver: Driver, order: State) -> None:
    """D1."""
    driver.broker.silent = True
    proof = order["authorizations"][0]
    record = driver.record(proof)
    with pytest.raises(StackError, match=r"did not accept example\.test: unauthorized: .*TXT") as refused:
        driver.authorize(order, proof, record)
    assert refused.value.hint
    assert driver.broker.records == set()


def test_a_settled_verdict_is_read_and_not_asked_for_again(driver: Driver, order: State) -> None:
    proof = order["authorizations"][0]
    driver.authorize(order, proof, driver.record(proof))
    published = len(driver.broker.published)
    assert driver.next_run().authorize(order, proof, None)["status"] == "valid"
    assert len(driver.broker.published) == published


def test_what_an_earlier_run_published_is_published_again(driver: Driver, order: State) -> None:
    """C3. That run ended before this authorization, and its broker withdrew the record."""
    proof = order["authorizations"][0]
    record = driver.record(proof)
    driver.broker.answer(
        "/dns/withdraw", {key: record[key] for key in ("identifier", "recordName", "recordValue")}
    )
    later = driver.next_run()
    assert later.authorize(order, proof, record)["status"] == "valid"
    assert later.broker.records == set()


def test_a_cancelled_wait_withdraws_the_record(undecided: Driver) -> None:
    """D1."""

    class Canceller(Ear):
        def say(self, urn: str, text: str) -> None:
            if "asking the CA" in text:
                undecided.run.cancelled.set()

    order = undecided.order(undecided.account(), ["a.test"])
    proof = order["authorizations"][0]
    record = undecided.record(proof)
    undecided.run.voice = Canceller()
    with pytest.raises(
        Interrupted, match=r"cancelled while waiting for the CA to look at a\.test"
    ) as interrupted:
        undecided.authorize(order, proof, record)
    assert "tic stack up" in interrupted.value.hint
    assert undecided.broker.records == set()


def test_a_verdict_that_takes_too_long_withdraws_the_record(undecided: Driver) -> None:
    order = undecided.order(undecided.account(), ["a.test"])
    proof = order["authorizations"][0]
    record = undecided.record(proof)
    with pytest.raises(Interrupted, match="time limit"):
        undecided.authorize(order, proof, record, seconds=0.5)
    assert undecided.broker.records == set()


def test_a_record_that_can_not_be_withdrawn_spoils_no_verdict(driver: Driver, order: State) -> None:
    proof = order["authorizations"][0]
    record = driver.record(proof)
    driver.broker.refusals["/dns/withdraw"] = Refusal(502, "the DNS server is dead", "tic dns clean")
    assert driver.authorize(order, proof, record)["status"] == "valid"
    assert "tic dns clean" in driver.ear.warned[0]


def test_a_record_that_another_resource_holds_is_left_to_it(driver: Driver, order: State) -> None:
    proof = order["authorizations"][0]
    driver.broker.dns.add_txt(proof["recordName"], proof["recordValue"])
    assert driver.authorize(order, proof, None)["status"] == "valid"
    assert "/dns/withdraw" not in driver.broker.asked
    driver.broker.dns.clear_txt(proof["recordName"])


def test_only_another_authorization_replaces(driver: Driver, order: State) -> None:
    proof, other = order["authorizations"]
    record = driver.record(proof)
    state = driver.authorize(order, proof, record)

    def inputs(**changes: Any) -> State:
        same = {each: proof[each] for each in ("identifier", "url", "challengeUrl")}
        return {**access(order), **same, "publication": record["publication"], **changes}

    assert driver.diff(Authorization(), state, **inputs()) == {}
    assert driver.diff(Authorization(), state, **inputs(publication=None)) == {"publication": Change.UPDATE}
    assert driver.diff(Authorization(), state, **inputs(url=other["url"])) == {"url": Change.REPLACE}
    before = len(driver.ca.log)
    assert driver.update(Authorization(), state, **inputs(publication=None))["status"] == "valid"
    driver.delete(Authorization(), state)
    assert len(driver.ca.log) == before


def test_a_preview_of_one_that_was_valid_before_shows_no_change(driver: Driver, order: State) -> None:
    """Its record had nothing to publish, so its output is not there, and unknown in a preview."""
    proof = order["authorizations"][0]
    given = {**access(order), **{each: proof[each] for each in ("identifier", "url", "challengeUrl")}}
    unknown = {**given, "publication": UNKNOWN}
    assert driver.diff(Authorization(), given, **unknown) == {}
    with_one = {**given, "publication": {"recordName": "a"}}
    assert driver.diff(Authorization(), with_one, **unknown) == {"publication": Change.UPDATE}


def test_many_names_are_proven_side_by_side(driver: Driver) -> None:
    names = [f"n{number}.test" for number in range(12)]
    order = driver.order(driver.account(), names)
    errors: list[Exception] = []

    def prove(proof: State) -> None:
        try:
            driver.authorize(order, proof, driver.record(proof))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=prove, args=(proof,)) for proof in order["authorizations"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert driver.certificate(order)["domains"] == names
