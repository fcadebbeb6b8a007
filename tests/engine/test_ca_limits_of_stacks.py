"""E1: what a CA says to one stack's run holds for every other's, through real brokers; the CA answers 429."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.broker import Broker
from engine.state import stacks
from stacks.errors import StackError
from stacks.provider.acme.allowance import LimitReached
from stacks.provider.acme.ordering import Wanted, place
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.run import Operation, Run
from tests.engine.asked_broker import asked
from tests.engine.dns_world import DnsWorld, dns_world
from tests.stacks.provider.acme.busy_ca import Busy, BusyCa, busy_ca


@pytest.fixture
def ca() -> Iterator[BusyCa]:
    with busy_ca() as found:
        yield found


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[tuple[Run, Run]]:
    """The plugins of runs of two stacks of one home."""
    world: DnsWorld = dns_world(tmp_path)
    with ExitStack() as open_now:
        made = []
        for name in ("one", "other"):
            with world.database.write() as connection:
                stack = stacks.create(connection, "sites", name)
            client = open_now.enter_context(asked(Broker(world.database, world.lessee(), stack, {})))
            made.append(Run({"TIC_BROKER_URL": client.url, "TIC_BROKER_TOKEN": client.token}))
        yield made[0], made[1]
    world.database.close()


def order(run: Run, ca: BusyCa) -> None:
    """As the CA's empty order allows: what comes after newOrder fails."""
    with run.authorities.talk(ca.access) as talk:
        place(Operation.begin(run, "urn:test"), talk, Wanted(["a.example"]))


def test_an_account_that_is_to_wait_waits_in_every_stack(runs: tuple[Run, Run], ca: BusyCa) -> None:
    one, other = runs
    ca.busy["newOrder"] = [Busy(429, "7200", "rateLimited", "slow down")]

    with pytest.raises(AuthorityError, match="slow down"):
        order(one, ca)
    for run in (one, other):
        with pytest.raises(LimitReached, match=r"asked to wait for orders of .*/account/1; .* \(in [12] h"):
            order(run, ca)

    assert len(ca.times("newOrder")) == 1


def test_an_endpoint_that_is_closed_is_closed_for_every_stack(runs: tuple[Run, Run], ca: BusyCa) -> None:
    one, other = runs
    ca.busy["newOrder"] = [Busy(503, "7200")]

    with pytest.raises(AuthorityError, match="takes no requests now"):
        order(one, ca)
    for run in (one, other):
        with pytest.raises(StackError, match="asked to wait"):
            order(run, ca)

    assert len(ca.times("newOrder")) == 1
