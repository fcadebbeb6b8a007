"""A database, a service over it, and the real CLI pointed at it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import nacl.secret
import nacl.utils
import pytest
from nacl.exceptions import CryptoError
from sqlalchemy import Connection

from credentials.errors import CredentialError
from engine.database import Database
from engine.home import Home
from engine.state.app import app
from engine.state.server import serve
from engine.state.service import Access, StateService
from tests.engine.state.client import Client
from tests.engine.state.driver import PROJECT, Cli


class Wax:
    """Seals as the vault does (XChaCha20-Poly1305, bound to the context), under a key of its own."""

    def __init__(self) -> None:
        self._box = nacl.secret.Aead(nacl.utils.random(nacl.secret.Aead.KEY_SIZE))

    def seal(self, context: str, plaintext: bytes) -> bytes:
        return bytes(self._box.encrypt(plaintext, context.encode()))

    def unseal(self, context: str, sealed: bytes) -> bytes:
        try:
            return self._box.decrypt(sealed, context.encode())
        except (CryptoError, ValueError):
            raise CredentialError("the seal does not open", hint="check where it comes from") from None


@pytest.fixture
def sealing() -> Wax:
    return Wax()


ON_POSTGRESQL = {
    "test_access",
    "test_answers",
    "test_certificates",
    "test_contention",
    "test_fencing",
    "test_journal_calls",
    "test_kept_tokens",
    "test_pending",
    "test_packing",
    "test_updates",
    "test_versions",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The core of the service is proven on both databases."""
    if "database" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in ON_POSTGRESQL:
        both = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]
        metafunc.parametrize("database", both, indirect=True)


@pytest.fixture
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    url = None
    if getattr(request, "param", "sqlite") == "postgresql":
        url = request.getfixturevalue("postgres_url")
    found = Database.open(Home(tmp_path / "tic", tmp_path / "cache", url), create=True)
    yield found
    found.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction that is never committed."""
    with contextlib.suppress(_Enough), database.write() as found:
        yield found
        raise _Enough


class _Enough(Exception):
    pass


@pytest.fixture
def service(database: Database, sealing: Wax) -> StateService:
    return StateService(database, sealing)


@pytest.fixture
def url(service: StateService) -> Iterator[str]:
    """The service over HTTP."""
    with serve(lambda: app(service)) as found:
        yield found


@pytest.fixture
def token(service: StateService) -> str:
    """A token that opens every stack."""
    return service.admit(Access("tester"))


@pytest.fixture
def client(url: str, token: str) -> Client:
    """A client of the protocol, with the stack `tic/proj/dev` made."""
    made = Client(url, token)
    made.make_stack()
    return made


@pytest.fixture
def cli(tmp_path: Path, pulumi_command: Path, url: str, token: str) -> Cli:
    """The CLI with a fresh stack `dev` selected."""
    made = Cli(tmp_path / "user", pulumi_command, url, token)
    made("stack", "init", "dev")
    return made


@pytest.fixture
def stack_id(cli: Cli, database: Database) -> int:
    """The id of the stack that `cli` made."""
    from engine.state import stacks

    with database.read() as connection:
        found = stacks.find(connection, PROJECT, "dev")
    assert found is not None
    return found.id
