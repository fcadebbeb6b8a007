"""The broker answers nobody but its run, and what is no message in its own words."""

import http.client
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.broker import Broker
from stacks.broker import Broker as Client
from stacks.broker import BrokerError, StateResource
from tests.engine.asked_broker import asked
from tests.engine.dns_world import DnsWorld, dns_world

CANARY = "canary-" + secrets.token_hex(12)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@pytest.mark.parametrize("token", ["", "wrong", "ä"])
def test_without_the_runs_token_nothing_is_answered(world: DnsWorld, token: str) -> None:
    world.bind("username-password", {"username": "me", "password": CANARY})
    with world.run() as broker, asked(broker) as client:
        stranger = Client(client.url, token.encode().decode("latin-1"))
        with pytest.raises(BrokerError, match="the token is not this run's"):
            stranger.open_credential("username-password", purpose="theft")


def test_two_runs_have_two_tokens(world: DnsWorld) -> None:
    with world.run() as one, world.run() as other:
        assert one.token != other.token


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"identifier": 5}', b"x" * 100_000])
def test_what_is_no_message_is_refused_in_json(world: DnsWorld, body: bytes) -> None:
    with world.run() as broker, asked(broker) as client:
        connection = http.client.HTTPConnection(client.url.split("/")[2], timeout=10)
        connection.request("POST", "/broker/dns/publish", body, {"Authorization": f"Bearer {broker.token}"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
    assert answer.status == 400
    assert said["error"].startswith("the request can't be read: ")


def test_an_unforeseen_failure_tells_its_type_and_never_its_text(world: DnsWorld) -> None:
    def fails(_type: str) -> list[StateResource]:
        raise ZeroDivisionError(CANARY)

    broker = Broker(world.database, world.lessee(), world.stack, {}, resources=fails)
    with asked(broker) as client, pytest.raises(BrokerError) as failed:
        client.resources("tic:acme/certificate:Certificate")
    assert str(failed.value) == "the broker failed (ZeroDivisionError)"
    assert CANARY not in str(failed.value.hint)
