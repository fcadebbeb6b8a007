"""The broker of a run publishes and withdraws, with real name servers and programs behind it."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dns.message import Message

from stacks.broker import Withdraw
from tests.engine.asked_broker import asked, withdrawal
from tests.engine.dns_world import NAME, DnsWorld, dns_world, publish, value
from tests.servers.bind import Bind, TsigKey, Zone, bind
from tests.servers.challtestsrv import challtestsrv
from tests.stacks.dns.answering import Query, answering, response
from tests.stacks.dns.provider_programs import UNTIMED, publishing_program, shell, webhook

CANARY = "canary-" + secrets.token_hex(12)


server = pytest.mark.server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@server
def test_a_record_is_at_the_server_when_the_answer_comes_and_gone_after_withdrawal(
    world: DnsWorld, own_bind: Bind, tsig_key: TsigKey
) -> None:  # D1
    token = world.bind_updates(own_bind, tsig_key)
    with world.run() as broker, asked(broker) as client:
        answer = client.publish(publish())
        assert own_bind.txt(NAME) == [value()]
        assert (answer.record_name, answer.record_value, answer.zone) == (NAME, value(), "example.test")
        assert (answer.nameservers, answer.credential) == ((own_bind.address,), token)
        client.withdraw(withdrawal())
        assert own_bind.every_txt() == {}
        assert world.notes() == []


@server
def test_apex_and_wildcard_are_published_side_by_side(
    world: DnsWorld, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)  # D5
    with world.run() as broker, asked(broker) as client, ThreadPoolExecutor(2) as pool:
        list(pool.map(client.publish, [publish("apex"), publish("wildcard")]))
        assert own_bind.txt(NAME) == sorted([value("apex"), value("wildcard")])
        client.withdraw(withdrawal("apex"))
        assert own_bind.txt(NAME) == [value("wildcard")]


@server
def test_publishing_and_withdrawing_again_is_harmless(
    world: DnsWorld, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)
    with world.run() as broker, asked(broker) as client:
        assert client.publish(publish()) == client.publish(publish())
        assert own_bind.txt(NAME) == [value()]
        client.withdraw(withdrawal())
        client.withdraw(withdrawal())
        client.publish(publish())
        assert own_bind.txt(NAME) == [value()]


@server
def test_a_record_behind_a_cname_is_published_and_withdrawn_at_its_target(
    world: DnsWorld, tmp_path: Path, tsig_key: TsigKey
) -> None:  # D5
    zones = [
        Zone("example.test", tsig_key, "_acme-challenge IN CNAME here.other.test."),
        Zone("other.test", tsig_key),
    ]
    with bind(tmp_path, zones) as own:
        world.bind_updates(own, tsig_key)
        with world.run() as broker, asked(broker) as client:
            answer = client.publish(publish())
            assert own.every_txt() == {"here.other.test": [value()]}
            client.withdraw(Withdraw("example.test", answer.record_name, answer.record_value))
            assert own.every_txt() == {}


@server
def test_what_is_not_this_stacks_is_never_withdrawn(
    world: DnsWorld, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)
    own_bind.add_txt(NAME, value())
    with world.run() as broker, asked(broker) as client:
        client.withdraw(withdrawal())
    assert own_bind.txt(NAME) == [value()]


@server
@pytest.mark.parametrize("mode", ["default", "RAW"])
def test_a_program_publishes_and_the_very_worker_that_called_it_withdraws(
    world: DnsWorld, tmp_path: Path, mode: str
) -> None:  # D3
    with challtestsrv(tmp_path) as dns_server:
        program = publishing_program(tmp_path, dns_server.management_url)
        parents = tmp_path / "parents"
        wrapper = shell(
            tmp_path / "wrapper", UNTIMED, f"echo $PPID >> {parents}", f'exec {program.path} "$@"'
        )
        world.bind("exec", {"path": str(wrapper), "mode": mode})
        with world.run() as broker, asked(broker) as client:
            client.publish(publish(nameservers=(dns_server.address,)))
            client.withdraw(withdrawal())
    assert [call[0] for call in program.calls()] == ["present", "cleanup"]
    assert len(set(parents.read_text().split())) == 1
    assert world.notes() == []


def test_a_webhook_publishes_with_basic_authentication(world: DnsWorld) -> None:  # D3
    with webhook(user="publisher", password=CANARY) as hook:

        def respond(query: Query) -> Message:
            values = hook.records.get(query.name, set())
            return response(query, *(f'{query.name}. TXT "{each}"' for each in values))

        world.bind("httpreq", {"endpoint": hook.url, "username": "publisher", "password": CANARY})
        with answering(respond) as names, world.run() as broker, asked(broker) as client:
            client.publish(publish(nameservers=(names.address,)))
            client.withdraw(withdrawal())
    assert [path for path, _, _ in hook.requests] == ["/present", "/cleanup"]
