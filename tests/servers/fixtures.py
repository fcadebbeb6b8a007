"""Fixtures over the real servers, for any test; loaded by tests/conftest.py.

A test that wants other zones or other faults than these calls `bind(...)` and `pebble(...)` itself.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.bind import Bind, TsigKey, Zone, bind
from tests.servers.pebble import Pebble, pebble
from tests.servers.postgres import Postgres, postgres


@pytest.fixture(scope="session")
def tsig_key() -> TsigKey:
    """The key of the shared BIND's zones, new for each session."""
    return TsigKey()


@pytest.fixture(scope="session")
def shared_bind(tmp_path_factory: pytest.TempPathFactory, tsig_key: TsigKey) -> Iterator[Bind]:
    """One BIND for the session: `example.test` and `other.test` with the TSIG key, `open.test` without."""
    zones = (Zone("example.test", tsig_key), Zone("other.test", tsig_key), Zone("open.test"))
    with bind(tmp_path_factory.mktemp("bind"), zones) as server:
        yield server


@pytest.fixture(scope="session")
def shared_pebble(tmp_path_factory: pytest.TempPathFactory, shared_bind: Bind) -> Iterator[Pebble]:
    """One Pebble for the session that validates through the shared BIND and reuses no authorization."""
    with pebble(tmp_path_factory.mktemp("pebble"), dns=shared_bind.address, reuse_authorizations=0) as server:
        yield server


@pytest.fixture
def own_bind(tmp_path: Path, tsig_key: TsigKey) -> Iterator[Bind]:
    """A BIND of this test alone, with the same zones as the shared one: it may be stopped or filled."""
    zones = (Zone("example.test", tsig_key), Zone("other.test", tsig_key), Zone("open.test"))
    with bind(tmp_path, zones) as server:
        yield server


@pytest.fixture
def own_pebble(tmp_path: Path, own_bind: Bind) -> Iterator[Pebble]:
    """A Pebble of this test alone, validating through the test's own BIND: it may be stopped."""
    with pebble(tmp_path, dns=own_bind.address, reuse_authorizations=0) as server:
        yield server


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[Postgres]:
    """One PostgreSQL for the session; a test asks for a database of its own below."""
    with postgres() as server:
        yield server


@pytest.fixture
def postgres_url(shared_postgres: Postgres) -> Iterator[str]:
    """TIC_DATABASE_URL of a database of this test alone, at the newest schema and without a vault."""
    name = shared_postgres.fresh()
    yield shared_postgres.url(name)
    shared_postgres.drop(name)


@pytest.fixture
def empty_postgres_url(shared_postgres: Postgres) -> Iterator[str]:
    """TIC_DATABASE_URL of a database of this test alone, without any table."""
    name = shared_postgres.empty()
    yield shared_postgres.url(name)
    shared_postgres.drop(name)
