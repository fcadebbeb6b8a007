"""The epoch of a certificate: from the state, and from the CA only when it wants to be asked."""

import json
import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stacks.errors import StackError
from stacks.provider.acme.get_epoch import answer, check_arguments
from tests.servers.pebble import Pebble
from tests.stacks.provider.driver import Driver, State

LONG_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def epoch(driver: Driver, **arguments: Any) -> dict[str, Any]:
    checked = check_arguments(arguments or {"name": "site"})
    assert checked.failures == []
    return answer(driver.operation(), checked.inputs)


def suggest(ca: Pebble, certificate: State, suggested: object) -> None:
    """Let the CA say this of the certificate's renewal."""
    trust = ssl.create_default_context(cafile=ca.ca_file)
    body = {"certificate": certificate["certificatePem"], "ariResponse": json.dumps(suggested)}
    url = ca.management_url + "/set-renewal-info/"
    request = urllib.request.Request(url, data=json.dumps(body).encode())  # noqa: S310  (loopback)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    with opener.open(request, timeout=5):
        pass


def window(start: int, end: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "suggestedWindow": {
            "start": (now + timedelta(hours=start)).isoformat(),
            "end": (now + timedelta(hours=end)).isoformat(),
        }
    }


def asked(ca: Pebble) -> int:
    return ca.log.count("renewalInfo/")


@pytest.mark.server
def test_a_certificate_that_the_stack_does_not_have_gets_the_first_epoch(driver: Driver) -> None:
    assert epoch(driver) == {"epoch": 1, "due": False, "renewAt": None}


@pytest.mark.server
def test_a_fresh_certificate_keeps_its_epoch_and_the_ca_is_not_asked(driver: Driver) -> None:
    _, certificate = driver.issued("a.test", epoch=3)
    driver.remember(certificate)
    before = asked(driver.ca)
    found = epoch(driver)
    assert (found["epoch"], found["due"]) == (3, False)
    assert datetime.fromisoformat(found["renewAt"]) > datetime.now(UTC)
    assert asked(driver.ca) == before


@pytest.mark.server
def test_a_ca_that_wants_it_renewed_now_is_heard_and_asked_once(driver: Driver) -> None:
    """E1, RFC 9773: a mass revocation, seen by the next run."""
    _, certificate = driver.issued("a.test")
    suggest(driver.ca, certificate, window(-2, -1))
    driver.remember({**certificate, "renewalCheckAfter": LONG_AGO})
    before = asked(driver.ca)
    assert [epoch(driver)["epoch"] for _ in range(3)] == [2, 2, 2]
    assert asked(driver.ca) == before + 1


@pytest.mark.server
@pytest.mark.parametrize(
    "nonsense", [{}, {"suggestedWindow": {}}, {"suggestedWindow": {"start": "x", "end": 2}}, []]
)
def test_a_ca_that_talks_nonsense_changes_nothing(driver: Driver, nonsense: object) -> None:
    _, certificate = driver.issued("a.test")
    suggest(driver.ca, certificate, nonsense)
    driver.remember({**certificate, "renewalCheckAfter": LONG_AGO})
    assert epoch(driver)["epoch"] == 1


@pytest.mark.server
def test_a_ca_that_does_not_answer_fails_nothing(driver: Driver) -> None:
    """E1."""
    _, certificate = driver.issued("a.test")
    dead = {"renewalCheckAfter": LONG_AGO, "renewalInfoUrl": "https://localhost:1/ari/x"}
    driver.remember({**certificate, **dead})
    assert epoch(driver)["epoch"] == 1


@pytest.mark.server
def test_two_of_one_name_are_told_apart_by_urn(driver: Driver) -> None:
    _, certificate = driver.issued("a.test", epoch=2)
    driver.remember(certificate)
    driver.remember(certificate)
    with pytest.raises(StackError, match="2 certificates") as refused:
        epoch(driver)
    assert "urn:pulumi" in refused.value.hint
    urn = driver.broker.state()[0]["urn"]
    assert epoch(driver, urn=urn)["epoch"] == 2
    assert epoch(driver, urn=urn + "x")["epoch"] == 1


@pytest.mark.server
def test_a_creation_that_never_ended_counts_as_none(driver: Driver) -> None:
    driver.remember({"epoch": 7})
    assert epoch(driver)["epoch"] == 1


@pytest.mark.parametrize("arguments", [{}, {"nam": "x"}, {"name": 3}])
def test_arguments_are_checked(arguments: dict[str, Any]) -> None:
    assert check_arguments(arguments).failures
