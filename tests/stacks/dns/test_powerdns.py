"""PowerDNS through its API: one value comes and goes, and nothing else at the name or beside it changes."""

import multiprocessing
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.database import Database
from engine.home import Home
from stacks.dns.powerdns import PowerDns, unshared, with_value, without_value
from stacks.dns.powerdns_api import RecordSet, Settings, SettingsMalformed, Value
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.way_out import WayUnusable
from tests.servers.powerdns import PowerDns as Server
from tests.servers.powerdns import powerdns

server = pytest.mark.server
ZONE = "example.test"
NAME = f"_acme-challenge.{ZONE}"
AT_ONCE = 3
ROUNDS = 8


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with powerdns(tmp_path_factory.mktemp("pdns"), [ZONE, f"deep.{ZONE}"]) as made:
        yield made


def record(token: str = "one", name: str = NAME) -> Record:  # noqa: S107
    return Record(Challenge(ZONE, token, f"{token}.thumbprint"), name)


@contextmanager
def client(real: Server, key: str | None = None, url: str | None = None) -> Iterator[PowerDns]:
    made = PowerDns(Settings.read(url or real.api, key or real.key), alone=unshared, machine={}, ttl=30)
    try:
        yield made
    finally:
        made.close()


@server
def test_a_value_comes_and_goes_and_a_second_time_does_no_harm(real: Server) -> None:
    before = real.everything()
    with client(real) as dns:
        for _ in range(2):
            dns.perform(record())
        assert real.txt(NAME) == [record().value]
        assert real.everything()[f"{NAME}.", "TXT"]["ttl"] == 30
        for _ in range(2):
            dns.cleanup(record())
    assert real.everything() == before


@server
def test_what_somebody_else_has_at_the_name_stays_as_it_is(real: Server) -> None:  # D1
    """Its TTL and its comments too, which lego's provider and a deletion of the set would change."""
    real.put(ZONE, NAME, "TXT", '"theirs"', '"two" "strings"', ttl=77, comment="do not touch")
    real.put(ZONE, f"beside.{ZONE}", "TXT", '"theirs"')
    before = real.everything()
    with client(real) as dns:
        dns.perform(record("apex"))
        dns.perform(record("wildcard"))
        now = real.everything()[f"{NAME}.", "TXT"]
        assert (now["ttl"], now["comments"], len(now["values"])) == (77, ["do not touch"], 4)
        dns.cleanup(record("apex"))
        dns.cleanup(record("wildcard"))
    assert real.everything() == before
    real.put(ZONE, NAME, "TXT")


@server
def test_the_longest_zone_that_holds_the_name_is_written(real: Server) -> None:
    name = f"_acme-challenge.www.deep.{ZONE}"
    with client(real) as dns:
        dns.perform(record(name=name))
        (found,) = (
            each for each in real.call("GET", f"zones/deep.{ZONE}.")["rrsets"] if each["type"] == "TXT"
        )
        assert found["name"] == f"{name}."
        dns.cleanup(record(name=name))


@server
@pytest.mark.parametrize(
    ("key", "name", "says", "advises"),
    [
        ("canary-" + secrets.token_hex(8), NAME, "HTTP 401", "api-key"),
        (None, "_acme-challenge.elsewhere.invalid", "holds no zone", "the server that has the zone"),
    ],
    ids=["another key", "another zone"],
)
def test_what_is_refused_is_said_without_the_key(
    real: Server, key: str | None, name: str, says: str, advises: str
) -> None:  # B4
    with client(real, key) as dns, pytest.raises(ProviderFailed, match=says) as failed:
        dns.perform(record(name=name))
    assert failed.value.untouched
    assert advises in failed.value.hint
    assert (key or real.key) not in f"{failed.value!r}{failed.value.hint}{dns.__dict__}"


@server
def test_a_server_that_is_not_there_is_said_to_be_so(real: Server) -> None:
    reached = r"http://127.0.0.1:9/api/v1 can't be reached"
    with (
        client(real, url="http://127.0.0.1:9/api/v1/") as dns,
        pytest.raises(ProviderFailed, match=reached) as failed,
    ):
        dns.perform(record())
    assert failed.value.untouched


@pytest.mark.parametrize(
    "url", ["http://ns:8081", "http://ns:8081/", "http://ns:8081/api", "http://ns:8081/api/v1/"]
)
def test_the_url_may_be_given_with_the_path_of_the_api_or_without(url: str) -> None:
    assert Settings.read(url, "key").url == "http://ns:8081/api/v1"


def test_a_key_that_no_header_can_hold_and_a_server_too_old_are_refused() -> None:
    with pytest.raises(SettingsMalformed, match="no HTTP header"):
        Settings.read("http://ns", "two\nlines")
    with pytest.raises(SettingsMalformed, match="PowerDNS 3"):
        Settings.read("http://ns", "key", version="0")


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        ({"HTTPS_PROXY": "http://me:canary@:x"}, "the proxy in HTTPS_PROXY"),
        ({"SSL_CERT_FILE": "/nowhere/ca.pem"}, "the trusted certificates in /nowhere/ca.pem"),
    ],
)
def test_a_way_out_that_can_not_be_gone_is_told(machine: dict[str, str], says: str) -> None:
    with pytest.raises(WayUnusable, match=says) as unusable:
        PowerDns(Settings.read("https://ns.example.test", "key"), alone=unshared, machine=machine)
    assert "canary" not in f"{unusable.value}{unusable.value.hint}"


# Several at once


def in_a_process(folder: Path, api: str, key: str, token: str, barrier: Barrier) -> None:
    """Publish and withdraw the value of `token` again and again, as one tic among others of this home."""
    database = Database.open(Home(folder / "home", folder / "cache"))
    dns = PowerDns(Settings.read(api, key), alone=database.alone, machine={})
    for _ in range(ROUNDS):
        barrier.wait(60)
        dns.perform(record(token))
        barrier.wait(60)  # now every process has published: no value may have been lost
        barrier.wait(60)
        dns.cleanup(record(token))
    dns.close()
    database.close()


@server
def test_processes_that_change_one_set_at_once_lose_none_of_each_others_values(
    real: Server, tmp_path: Path
) -> None:
    Database.open(Home(tmp_path / "home", tmp_path / "cache"), create=True).close()
    real.put(ZONE, NAME, "TXT", '"theirs"')
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(AT_ONCE + 1)
    tokens = [f"token-{number}" for number in range(AT_ONCE)]
    processes = [
        context.Process(target=in_a_process, args=(tmp_path, real.api, real.key, token, barrier))
        for token in tokens
    ]
    for each in processes:
        each.start()
    try:
        for _ in range(ROUNDS):
            barrier.wait(60)
            barrier.wait(60)
            assert real.txt(NAME) == sorted(["theirs", *(record(token).value for token in tokens)])
            barrier.wait(60)
    except BaseException:
        barrier.abort()
        raise
    finally:
        for each in processes:
            each.join(60)
    assert [each.exitcode for each in processes] == [0] * AT_ONCE
    assert real.txt(NAME) == ["theirs"]
    real.put(ZONE, NAME, "TXT")


@server
def test_what_another_program_takes_away_at_once_is_put_back(real: Server) -> None:
    """Somebody who knows nothing of tic's turn writes over the set between tic's writing and its reading."""
    with client(real) as dns:
        written = dns._api.replace
        over = iter(range(2))

        def replace(zone: object, name: str, wanted: RecordSet, ttl: int) -> None:
            written(zone, name, wanted, ttl)  # type: ignore[arg-type]
            if next(over, None) is not None:
                real.put(ZONE, NAME, "TXT", '"theirs"')

        dns._api.replace = replace  # type: ignore[method-assign]
        dns.perform(record())
        assert real.txt(NAME) == sorted(["theirs", record().value])
        real.put(ZONE, NAME, "TXT")


@contextmanager
def losing_answers(real: Server, lost: int, *, passes: bool) -> Iterator[str]:
    """A gateway before the API that answers 502 to the first `lost` changes, done or not."""
    left = iter(range(lost))

    class Gateway(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) or None
            fails = self.command == "PATCH" and next(left, None) is not None
            status, said = 502, b"Bad Gateway"
            if passes or not fails:
                url = real.api + self.path
                asked = urllib.request.Request(url, body, method=self.command)  # noqa: S310 - of this test
                asked.add_header("X-API-Key", self.headers["X-API-Key"])
                try:
                    with urllib.request.urlopen(asked) as got:  # noqa: S310
                        done = got.status, got.read()
                except urllib.error.HTTPError as error:
                    done = error.code, error.read()
                status, said = (status, said) if fails else done
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_PATCH = do_PUT = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as gateway:
        Thread(target=gateway.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{gateway.server_port}"
        gateway.shutdown()


@server
@pytest.mark.parametrize("passes", [True, False])
def test_whether_a_change_was_done_whose_answer_was_lost_is_looked_at(real: Server, passes: bool) -> None:
    with losing_answers(real, 2, passes=passes) as url, client(real, url=url) as dns:
        dns.perform(record())
        assert real.txt(NAME) == [record().value]
        dns.cleanup(record())
        assert real.txt(NAME) == []


@server
def test_a_gateway_that_never_passes_a_change_on_is_told_and_nothing_is_believed(real: Server) -> None:
    with losing_answers(real, 99, passes=False) as url, client(real, url=url) as dns:
        with pytest.raises(ProviderFailed, match="HTTP 502, Bad Gateway") as failed:
            dns.perform(record())
        assert not failed.value.untouched  # it may still be on its way


@server
def test_threads_of_one_process_lose_nothing_either(real: Server, tmp_path: Path) -> None:
    database = Database.open(Home(tmp_path / "home", tmp_path / "cache"), create=True)
    dns = PowerDns(Settings.read(real.api, real.key), alone=database.alone, machine={})
    threads = [Thread(target=dns.perform, args=(record(str(number)),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert real.txt(NAME) == sorted(record(str(number)).value for number in range(8))
    for number in range(8):
        dns.cleanup(record(str(number)))
    assert real.txt(NAME) == []
    dns.close()
    database.close()


# What is decided

contents = st.builds(Value, st.sampled_from(['"a"', '"mine"', '"b" "c"']), st.booleans())
sets = st.builds(RecordSet, st.lists(contents, max_size=4).map(tuple), st.just(60))


@given(sets)
def test_whatever_was_there_is_there_with_the_value_and_after_it(found: RecordSet) -> None:
    others = [each for each in found.values if each.content != '"mine"']
    published = with_value(found, "mine")
    assert [each for each in published.values if each.content != '"mine"'] == others
    assert Value('"mine"') in published.values
    assert list(without_value(published, "mine").values) == others
    assert with_value(published, "mine") == published
