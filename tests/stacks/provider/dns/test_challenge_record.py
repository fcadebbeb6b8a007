"""Challenge records: published, verified and withdrawn through the broker; settled ones are left alone."""

import threading
from typing import Any

import pytest

from stacks.broker import BrokerError
from stacks.provider.dns.challenge_record import ChallengeRecord, nameservers
from stacks.provider.properties import Change, Refused
from stacks.provider.run import Interrupted
from stacks.provider.values import UNKNOWN
from tests.stacks.provider.broker_server import Refusal
from tests.stacks.provider.driver import Driver, State

PROOF: State = {
    "identifier": "a.test",
    "token": "token",
    "keyAuthorization": "token.thumbprint",
    "status": "pending",
}
pytestmark = pytest.mark.server


def test_a_record_is_published_and_withdrawn_and_withdrawing_again_is_harmless(driver: Driver) -> None:
    """D1."""
    record = driver.record(PROOF)
    shown = (record["recordName"], record["recordValue"])
    assert shown[0] == "_acme-challenge.a.test"
    assert driver.broker.records == {shown}
    assert record["zone"] == "a.test"
    assert record["credential"] == "tic_credential"
    for _ in range(2):
        driver.delete(ChallengeRecord(), record)
        assert driver.broker.records == set()


@pytest.mark.parametrize("proof", [{**PROOF, "status": "valid"}, {"identifier": "a.test", "status": "valid"}])
def test_nothing_is_published_for_what_is_valid_already(driver: Driver, proof: State) -> None:
    record = driver.record(proof)
    assert record.get("publication") is None
    driver.delete(ChallengeRecord(), record)
    assert driver.broker.asked == []


def test_the_settings_of_the_stack_reach_the_broker(driver: Driver) -> None:
    settings = {"provider": "cloudflare", "nameservers": ["127.0.0.1"], "timeoutSeconds": 5}
    publication = driver.record(PROOF, **settings)["publication"]
    assert (publication["provider"], publication["nameservers"]) == ("cloudflare", ["127.0.0.1:53"])


def test_a_record_that_can_not_be_verified_is_withdrawn_again(driver: Driver) -> None:
    driver.broker.refusals["/dns/publish"] = Refusal(502, "no server shows it", "wait")
    with pytest.raises(BrokerError, match="no server shows it"):
        driver.record(PROOF)
    assert driver.broker.asked == ["/dns/publish", "/dns/withdraw"]


def test_the_first_error_is_told_even_when_withdrawing_fails_too(driver: Driver) -> None:
    driver.broker.refusals["/dns/publish"] = Refusal(502, "BADSIG", "tic creds rotate dns")
    driver.broker.refusals["/dns/withdraw"] = Refusal(502, "another", "another")
    with pytest.raises(BrokerError, match="BADSIG") as refused:
        driver.record(PROOF)
    assert refused.value.hint == "tic creds rotate dns"


def test_a_cancelled_publication_ends_at_once(driver: Driver) -> None:
    driver.broker.hold = threading.Event()

    def cancel() -> None:
        driver.broker.held.wait(60)
        driver.run.cancelled.set()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(Interrupted, match="cancelled while waiting for _acme-challenge"):
        driver.record(PROOF)
    canceller.join()


def test_another_challenge_replaces_and_other_settings_publish_nothing_again(driver: Driver) -> None:
    """A settled record must not come back because a time limit was changed."""
    record = driver.record(PROOF)

    def diff(**changes: Any) -> dict[str, Change]:
        return driver.diff(ChallengeRecord(), record, **driver.record_inputs(PROOF, **changes))

    assert diff() == {}
    assert diff(token="other", keyAuthorization=UNKNOWN) == dict.fromkeys(
        ("token", "keyAuthorization"), Change.REPLACE
    )
    settings = {"timeoutSeconds": 9, "provider": "exec", "nameservers": ["192.0.2.1:53"]}
    assert set(diff(**settings).values()) == {Change.UPDATE}
    updated = driver.update(ChallengeRecord(), record, **driver.record_inputs(PROOF, **settings))
    assert len(driver.broker.published) == 1
    assert {key: updated["publication"][key] for key in settings} == settings
    assert updated["publication"]["recordValue"] == record["recordValue"]


def test_a_token_needs_its_key_authorization() -> None:
    failures = ChallengeRecord().check({"identifier": "a.test", "token": "t"}).failures
    assert [each.path for each in failures] == ["keyAuthorization"]
    assert (
        not ChallengeRecord()
        .check({"identifier": "a.test", "token": UNKNOWN, "keyAuthorization": UNKNOWN})
        .failures
    )


def test_name_servers_are_addresses_with_a_port() -> None:
    given = ["192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353", " 127.0.0.1 "]
    assert nameservers(given) == [
        "192.0.2.1:53",
        "192.0.2.1:5353",
        "[2001:db8::1]:53",
        "[2001:db8::1]:5353",
        "127.0.0.1:53",
    ]


def test_every_name_server_that_is_none_is_told() -> None:
    with pytest.raises(Refused) as refused:
        nameservers(
            ["ns1.example.test", "192.0.2.1:0", "192.0.2.1:x", "192.0.2.1:70000", "[::1", "192.0.2.1"]
        )
    assert [suffix for suffix, _ in refused.value.reasons] == ["[0]", "[1]", "[2]", "[3]"]


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
def test_a_time_limit_is_between_a_second_and_a_day(seconds: float) -> None:
    assert ChallengeRecord().check({"identifier": "a.test", "timeoutSeconds": seconds}).failures
