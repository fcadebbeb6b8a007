"""The end of a run withdraws what is published, ends what waits, and holds nobody up."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from dns.message import Message
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from engine import challenge_records
from engine.broker import broker_app
from engine.broker_app import MOST_AT_ONCE
from engine.events import Notice
from engine.state.server import serve
from stacks.broker import Broker as Client
from stacks.broker import BrokerError
from tests.engine.asked_broker import asked
from tests.engine.dns_world import NAME, DnsWorld, dns_world, publish
from tests.servers.bind import Bind, TsigKey
from tests.stacks.dns.answering import Query, answering, no_such_name
from tests.stacks.dns.processes import wait_until_ended, with_ids
from tests.stacks.dns.provider_programs import UNTIMED, shell

server = pytest.mark.server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@server
def test_what_a_failed_run_left_is_withdrawn_when_its_broker_closes(
    world: DnsWorld, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)
    broker = world.broker()
    for token in ("one", "two"):
        broker.publish(publish(token))
    told = broker.close()
    assert own_bind.every_txt() == {}
    assert world.notes() == []
    assert [f"withdrew the TXT record {NAME}" in notice.message for notice in told] == [True, True]
    assert broker.close() == []


@server
def test_a_wait_ends_with_the_run_and_its_record_is_withdrawn(
    world: DnsWorld, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)
    waiting = Event()

    def blind(query: Query) -> Message:
        waiting.set()
        return no_such_name(query)

    with answering(blind) as names, ThreadPoolExecutor(1) as pool:
        broker = world.broker()
        work = pool.submit(broker.publish, publish(nameservers=(names.address,), seconds=600))
        waiting.wait()
        broker.close()
        assert "the run" in str(work.exception())
    assert own_bind.every_txt() == {}
    assert world.notes() == []


def test_a_worker_that_hangs_does_not_hold_up_the_end_of_a_run(world: DnsWorld, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = shell(tmp_path / "publish", UNTIMED, f"echo $PPID > {pid}", "sleep 1000")
    world.bind("exec", {"path": str(script)})
    with answering(no_such_name) as names, ThreadPoolExecutor(1) as pool:
        broker = world.broker()
        work = pool.submit(broker.publish, publish(nameservers=(names.address,)))
        while not (pid.exists() and pid.read_text().strip()):
            assert not work.done()
        members = with_ids(int(pid.read_text()))
        broker.close(seconds=0.2)
        assert work.exception() is not None
    wait_until_ended(members)


def test_a_program_that_is_waited_for_at_the_end_of_a_run_is_named(
    world: DnsWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenge_records, "SILENT_SECONDS", 0.0)
    begun, go = tmp_path / "begun", tmp_path / "go"
    wait = f"touch {begun}; until test -e {go}; do sleep 0.01; done"
    world.bind("exec", {"path": str(shell(tmp_path / "publish", UNTIMED, wait))})
    told: list[str] = []

    def tell(notice: Notice) -> None:
        told.append(notice.message)
        go.touch()

    with answering(no_such_name) as names, ThreadPoolExecutor(1) as pool:
        broker = world.broker(tell=tell)
        work = pool.submit(broker.publish, publish(nameservers=(names.address,)))
        while not begun.exists():
            assert not work.done()
        broker.close(seconds=30)
    assert told[0] == f"waiting until exec has published {NAME}, at most 30 s"


def test_a_broker_that_is_closed_publishes_nothing(world: DnsWorld) -> None:
    world.bind("exec", {"path": "/bin/true"})
    broker = world.broker()
    broker.close()
    with asked(broker) as client, pytest.raises(BrokerError, match="the run is ending"):
        client.publish(publish())


def test_publishing_that_takes_long_starves_nothing_else_in_the_process(
    world: DnsWorld, tmp_path: Path
) -> None:
    def quick(_request: Request) -> PlainTextResponse:  # not async: it needs a thread of Starlette's own pool
        return PlainTextResponse("quick")

    waiting = Event()

    def blind(query: Query) -> Message:
        waiting.set()
        return no_such_name(query)

    world.bind("exec", {"path": str(shell(tmp_path / "publish", "exit 0"))})
    broker = world.broker()
    app = Starlette(routes=[Route("/quick", quick)])
    app.mount("/broker", broker_app(broker))
    with answering(blind) as names, serve(lambda: app) as url, ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        client = Client(f"{url}/broker", broker.token)
        requests = [publish(str(n), nameservers=(names.address,), seconds=600) for n in range(MOST_AT_ONCE)]
        work = [pool.submit(client.publish, request) for request in requests]
        waiting.wait()
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/quick")
        assert connection.getresponse().read() == b"quick"
        connection.close()
        broker.close()
        assert all(each.exception() for each in work)
