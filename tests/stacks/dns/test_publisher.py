"""What every publisher promises, whatever stands behind it: dynamic updates, a program, an HTTP server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import pytest
from dns.rdtypes.ANY.TXT import TXT

from stacks.dns.publisher import Publisher, Record
from stacks.dns.record import Challenge
from stacks.dns.rfc2136 import DynamicUpdates, Settings
from stacks.dns.worker import LegoProvider, LegoWorker
from tests.servers.bind import Bind, TsigKey
from tests.servers.challtestsrv import challtestsrv
from tests.stacks.dns.provider_programs import publishing_program, value_of, webhook

pytestmark = pytest.mark.server

NAME = "_acme-challenge.example.test"


@dataclass
class Behind:
    """A publisher, and how to see what is published; does it remove one value of several?"""

    publisher: Publisher
    values: Callable[[str], set[str]]
    tells_values_apart: bool = True


def record(token: str) -> Record:
    return Record(Challenge("example.test", token, f"{token}.thumbprint"), NAME)


def lego(name: str, environment: dict[str, str]) -> LegoWorker:
    return LegoWorker(LegoProvider(name, environment, set(environment), [], ["127.0.0.1:9"]))


@contextmanager
def dynamic_updates(bind: Bind, key: TsigKey) -> Iterator[Behind]:
    settings = Settings.read(bind.address, key.name, key.secret, key.algorithm)
    yield Behind(DynamicUpdates(settings), lambda name: set(bind.txt(name)))


@contextmanager
def a_program(folder: Path, mode: str) -> Iterator[Behind]:
    with challtestsrv(folder) as server:
        program = publishing_program(folder, server.management_url)
        host, port = server.address.split(":")

        def values(name: str) -> set[str]:
            answer = dns.query.udp(dns.message.make_query(name, "TXT"), host, 5, int(port))
            found = [value for rrset in answer.answer for value in rrset if isinstance(value, TXT)]
            return {b"".join(value.strings).decode() for value in found}

        worker = lego("exec", {"EXEC_PATH": str(program.path), "EXEC_MODE": mode})
        yield Behind(worker, values, tells_values_apart=False)
        worker.close()


@contextmanager
def a_webhook(mode: str) -> Iterator[Behind]:
    with webhook() as hook:
        worker = lego("httpreq", {"HTTPREQ_ENDPOINT": hook.url, "HTTPREQ_MODE": mode})
        yield Behind(worker, lambda name: hook.records.get(name, set()))
        worker.close()


@pytest.fixture(params=["rfc2136", "exec", "exec RAW", "httpreq", "httpreq RAW"])
def behind(
    request: pytest.FixtureRequest, own_bind: Bind, tsig_key: TsigKey, tmp_path: Path
) -> Iterator[Behind]:
    kind, _, mode = str(request.param).partition(" ")
    if kind == "rfc2136":
        made = dynamic_updates(own_bind, tsig_key)
    elif kind == "exec":
        made = a_program(tmp_path, mode)
    else:
        made = a_webhook(mode)
    with made as publisher:
        yield publisher


def test_a_record_is_there_after_perform_and_gone_after_cleanup(behind: Behind) -> None:  # D1, D3
    behind.publisher.perform(record("one"))
    assert behind.values(NAME) == {value_of("one.thumbprint")}
    behind.publisher.cleanup(record("one"))
    assert behind.values(NAME) == set()


def test_apex_and_wildcard_are_there_at_once(behind: Behind) -> None:  # D5
    behind.publisher.perform(record("apex"))
    behind.publisher.perform(record("wildcard"))
    assert behind.values(NAME) == {value_of("apex.thumbprint"), value_of("wildcard.thumbprint")}


def test_cleaning_up_one_value_leaves_the_other(behind: Behind) -> None:  # D5
    behind.publisher.perform(record("apex"))
    behind.publisher.perform(record("wildcard"))
    behind.publisher.cleanup(record("apex"))
    if behind.tells_values_apart:
        assert behind.values(NAME) == {value_of("wildcard.thumbprint")}
    behind.publisher.cleanup(record("wildcard"))
    assert behind.values(NAME) == set()


def test_performing_twice_and_cleaning_up_twice_do_no_harm(behind: Behind) -> None:
    behind.publisher.perform(record("one"))
    behind.publisher.perform(record("one"))
    behind.publisher.cleanup(record("one"))
    behind.publisher.cleanup(record("one"))
    assert behind.values(NAME) == set()


def test_it_can_be_stopped_and_closed_more_than_once(behind: Behind) -> None:
    behind.publisher.stop()
    behind.publisher.close()
    behind.publisher.close()
