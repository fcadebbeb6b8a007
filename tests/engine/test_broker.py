"""The broker of a run: over HTTP as the plugin asks it, with real name servers and programs behind it."""

import http.client
import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event

import dns.rcode
import pytest
from dns.message import Message
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from credentials.audit import Entry
from credentials.audit_log import AuditLog
from credentials.audit_store import Wanted
from engine import challenge_records
from engine.broker import Broker, broker_app
from engine.broker_app import MOST_AT_ONCE
from engine.broker_state import without_secrets
from engine.events import Notice
from engine.state.sealing import SECRET
from engine.state.server import serve
from engine.state.sieve import Sieve
from engine.state.urns import SIGNATURE
from stacks.broker import Broker as Client
from stacks.broker import BrokerError, StateResource, Withdraw
from stacks.dns import propagation
from stacks.dns.worker import Limits
from tests.engine.dns_world import NAME, DnsWorld, dns_world, publish, value, warnings
from tests.servers.bind import Bind, TsigKey, Zone, bind
from tests.servers.challtestsrv import challtestsrv
from tests.stacks.dns.answering import Query, answering, no_such_name, response, txt
from tests.stacks.dns.processes import wait_until_ended, with_ids
from tests.stacks.dns.provider_programs import UNTIMED, publishing_program, shell, webhook

CANARY = "canary-" + secrets.token_hex(12)
server = pytest.mark.server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@contextmanager
def asked(broker: Broker) -> Iterator[Client]:
    """The plugin's side of a broker that is mounted beside other routes, as in a run."""
    app = Starlette()
    app.mount("/broker", broker_app(broker))
    with serve(lambda: app) as url:
        yield Client(f"{url}/broker", broker.token)


def withdrawal(token: str = "one") -> Withdraw:  # noqa: S107
    return Withdraw("example.test", NAME, value(token))


# Publishing and withdrawing


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


# What goes wrong


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


# The end of a run


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


# Which provider, which credential


@pytest.mark.parametrize(("kind", "sequential"), [("rfc2136", False), ("exec", True), ("httpreq", False)])
def test_the_provider_says_whether_challenges_form_a_chain(
    world: DnsWorld, kind: str, sequential: bool
) -> None:
    fields = {
        "rfc2136": {"nameserver": "127.0.0.1"},
        "exec": {"path": "/bin/true"},
        "httpreq": {"endpoint": "http://127.0.0.1"},
    }
    token = world.bind(kind, fields[kind])
    world.bind("username-password", {"username": "me", "password": CANARY})
    with world.run() as broker, asked(broker) as client:
        for asked_for in (None, kind):
            answer = client.provider(asked_for)
            assert (answer.provider, answer.sequential, answer.credential) == (kind, sequential, token)


def test_without_a_credential_for_dns_the_error_says_how_to_get_one(world: DnsWorld) -> None:  # A1
    world.bind("username-password", {"username": "me", "password": CANARY})
    with world.run() as broker, asked(broker) as client:
        with pytest.raises(
            BrokerError, match="bound to no credential that can publish DNS records"
        ) as failed:
            client.publish(publish())
        assert "tic creds new" in failed.value.hint
        with pytest.raises(BrokerError, match="bound to no cloudflare credential"):
            client.publish(publish(provider="cloudflare"))
        with pytest.raises(BrokerError, match="bound to no username-password credential that can publish"):
            client.publish(publish(provider="username-password"))


def test_of_several_providers_one_must_be_named(world: DnsWorld) -> None:
    world.bind("exec", {"path": "/bin/true"})
    world.bind("rfc2136", {"nameserver": "127.0.0.1"})
    with world.run() as broker, asked(broker) as client, pytest.raises(BrokerError, match="exec, rfc2136"):
        client.provider(None)


def test_a_bound_credential_is_opened_by_name_or_token_and_noted(world: DnsWorld) -> None:  # B4, B10
    token = world.bind("acme-account", {"kid": "key-1", "hmac": "c2VjcmV0LXNlY3JldA"}, name="ca")
    with world.run() as broker, asked(broker) as client:
        for reference in ("ca", token):
            opened = client.open_credential(reference, purpose="external account binding")
            assert opened.kind == "acme-account"
            assert opened.fields["hmac"] == "c2VjcmV0LXNlY3JldA"
    assert world.vault.find("ca").last_used_for == "external account binding of site/dev"


def test_a_credential_that_was_rotated_is_opened_as_it_is_now(world: DnsWorld) -> None:  # B5
    world.bind("username-password", {"username": "me", "password": CANARY}, name="login")
    with world.run() as broker, asked(broker) as client:
        assert client.open_credential("login", purpose="a login").fields["password"] == CANARY
        world.vault.rotate("login", {"username": "me", "password": f"new {CANARY}"})
        assert client.open_credential("login", purpose="a login").fields["password"] == f"new {CANARY}"
        assert [one.version for one in world.vault.versions("login")] == [1, 2]


def test_what_is_opened_is_in_the_runs_sieve_when_the_answer_comes(world: DnsWorld) -> None:  # C2
    sieve, new = Sieve(), "another-" + CANARY[::-1]
    world.bind("username-password", {"username": "me", "password": CANARY}, name="login")
    with world.run(sieve=sieve) as broker, asked(broker) as client:
        assert not sieve.finds(CANARY)
        client.open_credential("login", purpose="a login")
        assert sieve.finds(CANARY)
        world.vault.rotate("login", {"username": "me", "password": new})
        client.open_credential("login", purpose="a login")
        assert sieve.finds(new)
        assert sieve.finds(CANARY)


def test_out_of_its_scope_a_bound_credential_stays_closed_and_that_is_audited(
    world: DnsWorld,
) -> None:  # B7, B10
    world.bind("username-password", {"username": "me", "password": CANARY}, name="login")
    world.vault.rescope("login", "project:elsewhere")
    with world.run() as broker, asked(broker) as client:
        with pytest.raises(
            BrokerError, match="may not be used here: its scope is project:elsewhere"
        ) as refused:
            client.open_credential("login", purpose="a login")
        assert "tic creds scope login SCOPE" in refused.value.hint
    log = AuditLog(world.database, world.vault.ledger).newest(Wanted(action="credential.open"), 9)
    assert [
        (one.event.outcome, one.event.name, one.event.stack) for one in log if isinstance(one, Entry)
    ] == [("refused", "login", "site/dev")]


def test_what_the_stack_is_not_bound_to_stays_closed_whether_it_exists_or_not(world: DnsWorld) -> None:  # C2
    world.vault.new("others", "username-password", {"username": "me", "password": CANARY})
    with world.run() as broker, asked(broker) as client:
        for reference in ("others", "nothing"):
            with pytest.raises(BrokerError, match=f"is not bound to a credential '{reference}'") as refused:
                client.open_credential(reference, purpose="curiosity")
            assert "tic stack bind" in refused.value.hint
    assert world.vault.find("others").last_used_at is None


# The door


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


# The state before the run


def test_a_stack_without_state_has_no_resources(world: DnsWorld) -> None:
    with world.run() as broker, asked(broker) as client:
        assert client.resources("tic:acme/certificate:Certificate") == []


def test_secrets_are_left_out_at_every_depth() -> None:
    secret = {SIGNATURE: SECRET, "ciphertext": CANARY}
    values = {
        "a": 1,
        "key": secret,
        "list": [secret, {"b": secret, "c": None}],
        "deep": {"d": secret, "e": "f"},
    }
    assert without_secrets(values) == {"a": 1, "list": [{"c": None}], "deep": {"e": "f"}}


def test_a_refusing_name_server_is_told_with_its_answer(world: DnsWorld, tmp_path: Path) -> None:
    world.bind("exec", {"path": str(shell(tmp_path / "publish", "exit 0"))})

    def refusing(query: Query) -> Message:
        return response(query, code=dns.rcode.REFUSED)

    with answering(refusing) as names, world.run() as broker, asked(broker) as client:
        with pytest.raises(BrokerError, match="it answers REFUSED"):
            client.publish(publish(nameservers=(names.address,)))
        assert world.notes() == []
