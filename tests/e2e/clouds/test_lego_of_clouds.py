"""What lego's client of JD Cloud does, by which tic has its own (docs/decisions/cloud-dns.md).

Where one of these fails, lego has mended it: then look at the decision again.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.worker import LegoProvider, LegoWorker
from tests.e2e.clouds.world import ZONE, name_server
from tests.emulators.jdcloud_dns import CREATE, DELETE, HOST, JdCloudDns
from tests.emulators.proxy import clouds
from tests.emulators.signing import Key

KEY = Key("AKIDEXAMPLE", "the-secret-of-the-key-0123456789", "1", "alice")
CHALLENGE = Challenge(ZONE, "one", "one.thumbprint")
RECORD = Record(CHALLENGE, CHALLENGE.name)


@pytest.fixture
def api() -> JdCloudDns:
    return JdCloudDns([KEY])


@pytest.fixture
def lego(api: JdCloudDns) -> Iterator[Callable[[], LegoWorker]]:
    """Starts lego's worker with the key."""
    environment = {"JDCLOUD_ACCESS_KEY_ID": KEY.id, "JDCLOUD_ACCESS_KEY_SECRET": KEY.secret}
    with clouds({HOST: api}) as env, name_server(api.txt) as names, ExitStack() as workers:

        def start() -> LegoWorker:
            provider = LegoProvider("jdcloud", environment, set(environment), [KEY.secret], [names.address])
            worker = LegoWorker(provider, machine=env)
            workers.callback(worker.close)
            return worker

        yield start


def test_it_publishes_and_withdraws_where_nothing_is_refused(
    api: JdCloudDns, lego: Callable[[], LegoWorker]
) -> None:
    worker = lego()
    worker.perform(RECORD)
    assert api.txt() == {RECORD.name: [RECORD.value]}
    worker.cleanup(RECORD)
    assert api.txt() == {}


def test_it_takes_refusals_for_successes(api: JdCloudDns, lego: Callable[[], LegoWorker]) -> None:
    worker = lego()
    api.keys[KEY.id] = replace(KEY, denied=frozenset({CREATE}))
    worker.perform(RECORD)
    assert api.txt() == {}
    api.keys[KEY.id] = replace(KEY, denied=frozenset({DELETE}))
    worker.perform(RECORD)
    worker.cleanup(RECORD)
    assert api.txt() == {RECORD.name: [RECORD.value]}


def test_only_the_process_that_published_can_withdraw(
    api: JdCloudDns, lego: Callable[[], LegoWorker]
) -> None:
    lego().perform(RECORD)
    with pytest.raises(ProviderFailed, match="unknown record ID"):
        lego().cleanup(RECORD)
