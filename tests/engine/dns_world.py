"""A home with a vault, a stack in its database, and credentials for the servers of a test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from credentials.scopes import Place
from credentials.vault import Vault
from engine.bindings import Usage
from engine.broker import Broker
from engine.challenges import Note, open_notes
from engine.database import Database
from engine.events import Notice
from engine.home import Home
from engine.leases import Lessee
from engine.state import stacks
from engine.state.sieve import Sieve
from engine.state.stacks import Stack
from stacks.broker import Publish
from stacks.dns.record import record_name, record_value
from stacks.dns.worker import LIMITS, Limits
from tests.servers.bind import Bind, TsigKey


@dataclass(slots=True)
class DnsWorld:
    """The stack `site/dev`, with what it is bound to: provider -> credential token."""

    home: Home
    database: Database
    vault: Vault
    stack: Stack
    bindings: dict[str, str] = field(default_factory=dict)

    def bind(self, kind: str, fields: dict[str, str], *, name: str = "") -> str:
        """Make a credential, let it serve the stack, and return its token."""
        token = self.vault.new(name or kind, kind, fields).token
        self.bindings[kind] = token
        return token

    def bind_updates(self, server: Bind, key: TsigKey) -> str:
        """A rfc2136 credential for a BIND."""
        fields = {"nameserver": server.address, "tsig-key": key.name, "tsig-secret": key.secret}
        return self.bind("rfc2136", fields)

    def lessee(self, sieve: Sieve | None = None) -> Lessee:
        """One that opens credentials for the stack, and ends no lease."""
        learn = (sieve or Sieve()).add
        return Lessee(self.vault, place=Place(self.stack.project), stack=self.stack.full_name, learn=learn)

    def broker(
        self,
        *,
        limits: Limits = LIMITS,
        sieve: Sieve | None = None,
        tell: Callable[[Notice], None] | None = None,
    ) -> Broker:
        """A run's broker; close it."""
        return Broker(
            self.database,
            self.lessee(sieve),
            self.stack,
            self.bindings,
            tell=tell,
            limits=limits,
            machine={},
        )

    @contextmanager
    def run(
        self,
        *,
        limits: Limits = LIMITS,
        sieve: Sieve | None = None,
        tell: Callable[[Notice], None] | None = None,
    ) -> Iterator[Broker]:
        """A run's broker, closed at the end."""
        broker = self.broker(limits=limits, sieve=sieve, tell=tell)
        try:
            yield broker
        finally:
            broker.close()

    def notes(self) -> list[Note]:
        """Every open note."""
        with self.database.read() as connection:
            return open_notes(connection)

    def another_stack(self, name: str) -> "DnsWorld":
        """The same home with a further stack, bound to the same."""
        with self.database.write() as connection:
            stack = stacks.create(connection, "site", name)
        return DnsWorld(self.home, self.database, self.vault, stack, self.bindings)


def dns_world(folder: Path) -> DnsWorld:
    """A fresh home below `folder`."""
    home = Home(folder / "home", folder / "cache")
    database = Database.open(home, create=True)
    vault = Vault.create(database, home.root, usage=Usage())
    with database.write() as connection:
        stack = stacks.create(connection, "site", "dev")
    return DnsWorld(home, database, vault, stack)


def reopened(home: Home) -> DnsWorld:
    """The home as another process finds it, its stack bound to the credentials that there are."""
    database = Database.open(home)
    vault = Vault.open(database, home.root, usage=Usage())
    with database.read() as connection:
        stack = stacks.list_all(connection)[0]
    bindings = {view.credential.kind: view.credential.token for view in vault.list()}
    return DnsWorld(home, database, vault, stack, bindings)


def publish(
    token: str = "one",  # noqa: S107
    *,
    nameservers: tuple[str, ...] = (),
    provider: str | None = None,
    seconds: float = 20.0,
) -> Publish:
    """The challenge `token` of example.test."""
    return Publish("example.test", token, f"{token}.thumbprint", provider, nameservers, seconds)


NAME = record_name("example.test")


def value(token: str = "one") -> str:  # noqa: S107
    """The TXT value of the challenge `token`."""
    return record_value(f"{token}.thumbprint")


def warnings(notices: list[Notice]) -> list[str]:
    """What a person must look at."""
    return [notice.message for notice in notices if notice.severity == "warning"]
