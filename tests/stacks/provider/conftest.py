"""A real CA, a DNS server that it validates through, and a broker over that server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.provider.run import Run
from tests.servers.challtestsrv import Challtestsrv, challtestsrv
from tests.servers.pebble import Pebble, pebble
from tests.stacks.provider.broker_server import BrokerServer, broker_server
from tests.stacks.provider.driver import Driver
from tests.stacks.provider.engine import Programs


@pytest.fixture(scope="session")
def dns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Challtestsrv]:
    """A DNS server that answers for every name."""
    with challtestsrv(tmp_path_factory.mktemp("dns")) as server:
        yield server


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory, dns: Challtestsrv) -> Iterator[Pebble]:
    """A CA that rejects nonces and never reuses an authorization."""
    folder = tmp_path_factory.mktemp("ca")
    with pebble(folder, dns=dns.address, reuse_authorizations=0, retry_after=0) as server:
        yield server


@pytest.fixture
def broker(dns: Challtestsrv) -> Iterator[BrokerServer]:
    """A broker that has published nothing yet."""
    with broker_server(dns) as server:
        yield server


@pytest.fixture
def driver(ca: Pebble, broker: BrokerServer) -> Driver:
    """The resource types, called as the plugin calls them."""
    return Driver(ca, broker, Run({**os.environ, **broker.environment}))


@pytest.fixture
def issue(ca: Pebble) -> Programs:
    """The programs of the engine tests, at that CA."""
    return Programs(ca)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a certificate goes; not made yet."""
    return tmp_path / "deployed"
