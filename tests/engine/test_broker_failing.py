"""A record that can't be published, or is not seen, is one clear error, and nothing of it stays."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import dns.rcode
import pytest
from dns.message import Message

from engine.broker import Broker
from engine.events import Notice
from stacks.broker import BrokerError
from stacks.dns import propagation
from stacks.dns.worker import Limits
from tests.engine.asked_broker import asked
from tests.engine.dns_world import NAME, DnsWorld, dns_world, publish, value, warnings
from tests.servers.bind import Bind, TsigKey
from tests.stacks.dns.answering import Query, answering, no_such_name, response, txt
from tests.stacks.dns.provider_programs import UNTIMED, shell

server = pytest.mark.server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@server
def test_a_wrong_key_is_one_clear_error_and_leaves_nothing(
    world: DnsWorld, own_bind: Bind, tsig_key: TsigKey
) -> None:
    wrong = TsigKey(name=tsig_key.name)
    world.bind_updates(own_bind, wrong)
    with world.run() as broker, asked(broker) as client, pytest.raises(BrokerError) as failed:
        client.publish(publish())
    assert "BADSIG" in str(failed.value)
    assert "tic creds rotate" in failed.value.hint
    assert wrong.secret not in f"{failed.value} {failed.value.hint}"
    assert world.notes() == []
    assert own_bind.every_txt() == {}


@server
def test_a_record_that_does_not_show_is_withdrawn_and_told_with_the_place(
    world: DnsWorld, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)
    with answering(no_such_name) as blind, world.run() as broker, asked(broker) as client:
        with pytest.raises(BrokerError) as failed:
            client.publish(publish(nameservers=(blind.address,), seconds=0.1))
        assert f"{blind.address}: it says: no such name" in str(failed.value)
        assert own_bind.every_txt() == {}
        assert world.notes() == []


@server
def test_a_server_that_dies_in_between_keeps_its_note_and_is_named_at_the_end(
    world: DnsWorld, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)
    broker = world.broker()
    broker.publish(publish())
    own_bind.process.kill()
    (told,) = warnings(broker.close(seconds=0.1))
    assert f"the TXT record {NAME} with the value {value()} may still be published" in told
    assert "tic dns clean site/dev" in told
    (note,) = world.notes()
    assert note.owner is None
    assert note.problem


def test_a_program_that_hangs_ends_at_its_time_limit_and_its_record_is_cleaned_up(
    world: DnsWorld, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    script = shell(tmp_path / "publish", UNTIMED, f"echo $1 >> {log}", 'test "$1" = cleanup || sleep 1000')
    world.bind("exec", {"path": str(script)})
    with (
        answering(no_such_name) as names,
        world.run(limits=Limits(perform=0.5)) as broker,
        asked(broker) as client,
    ):
        with pytest.raises(BrokerError, match=r"did not finish publishing .* within 0\.5 s"):
            client.publish(publish(nameservers=(names.address,)))
        assert log.read_text().split() == ["present", "cleanup"]
        assert world.notes() == []


def test_a_long_wait_is_told_once_as_long_as_the_servers_say_the_same(
    world: DnsWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagation, "QUIET_SECONDS", 0.0)
    asked = count()

    def late(query: Query) -> Message:
        return no_such_name(query) if query.kind == "CNAME" or next(asked) < 4 else txt(query, value())

    told: list[Notice] = []
    world.bind("exec", {"path": str(shell(tmp_path / "publish", "exit 0"))})
    broker = Broker(world.database, world.lessee(), world.stack, world.bindings, tell=told.append, machine={})
    with answering(late) as names:
        broker.publish(publish(nameservers=(names.address,)))
    assert [each.message for each in told] == [f"waiting for {NAME}: {names.address}: it says: no such name"]
    broker.close()


def test_a_refusing_name_server_is_told_with_its_answer(world: DnsWorld, tmp_path: Path) -> None:
    world.bind("exec", {"path": str(shell(tmp_path / "publish", "exit 0"))})

    def refusing(query: Query) -> Message:
        return response(query, code=dns.rcode.REFUSED)

    with answering(refusing) as names, world.run() as broker, asked(broker) as client:
        with pytest.raises(BrokerError, match="it answers REFUSED"):
            client.publish(publish(nameservers=(names.address,)))
        assert world.notes() == []
