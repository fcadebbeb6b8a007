"""A run's broker with lego's worker behind it, in clouds that check what they are asked, and their zones.

The name server answers with what the clouds' own store has at that moment: that tic has seen a record there
means that the cloud took it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import dns.message
import dns.rcode

from credentials import privileges
from engine.broker import Broker
from engine.events import Notice
from engine.missing_rights import PermissionMissing
from engine.publishers import Asked, Publishers
from stacks.broker import Publish, Published, Withdraw
from stacks.dns.publisher import Record
from stacks.dns.record import Challenge, record_name, record_value
from stacks.dns.worker import LIMITS, Limits
from tests.emulators.proxy import Clouds, Handler, clouds
from tests.engine.dns_world import DnsWorld, dns_world
from tests.stacks.dns.answering import Answering, Query, answering, response

ZONE = "example.test"
SOA = "ns1.{zone} hostmaster.{zone} 1 3600 600 86400 1"
Store = Callable[[], Mapping[str, Collection[str]]]
"""The TXT values that a cloud has now, by full name without the final dot."""


@dataclass(slots=True)
class CloudWorld:
    """A vault, a stack, the clouds around them, and the name server of the clouds' zones."""

    dns: DnsWorld
    env: Clouds
    names: Answering
    store: Store
    seconds: float = 5.0  # that a record may take until it is everywhere
    told: list[Notice] = field(default_factory=list)

    @contextmanager
    def run(self, variables: Mapping[str, str] | None = None, *, limits: Limits = LIMITS) -> Iterator[Broker]:
        """A run's broker; its worker gets the network of the clouds, and `variables` are in tic's own
        environment besides.
        """
        machine = {**self.env, **(variables or {})}
        world = self.dns
        made = Broker(
            world.database, world.lessee(), world.stack, world.bindings, limits=limits, machine=machine
        )
        try:
            yield made
        finally:
            self.told += made.close()

    def publish(self, broker: Broker, token: str = "one", domain: str = ZONE) -> Published:  # noqa: S107
        """The record of a challenge, seen at the name server when this returns."""
        return broker.publish(challenge(token, domain, self.names.address, seconds=self.seconds))

    def withdraw(self, broker: Broker, token: str = "one", domain: str = ZONE) -> None:  # noqa: S107
        """Withdraw what `publish` published."""
        broker.withdraw(Withdraw(domain, record_name(domain), value(token)))

    def there(self, domain: str = ZONE) -> list[str]:
        """The values that the cloud has at a domain's challenge record, sorted."""
        return sorted(self.store().get(record_name(domain), ()))

    def passes(self) -> None:
        """Publish and withdraw one record, and hold what the cloud has against it each time."""
        with self.run() as broker:
            self.publish(broker)
            assert self.there() == [value()]
            self.withdraw(broker)
            assert self.there() == []
        assert self.told == []
        assert self.dns.notes() == []

    def calls(self, taken: Callable[[], Collection[str]]) -> dict[str, set[str]]:
        """Which actions the first bound credential's cloud is called with when its client begins, when it
        publishes and when it withdraws a record; `taken` gives those since it was asked last.
        """
        token = next(iter(self.dns.bindings.values()))
        proof = Challenge(ZONE, "one", "one.thumbprint")
        record, asked = Record(proof, proof.name), Asked((self.names.address,))
        publishers = Publishers(self.dns.lessee(), "a test", machine=self.env)
        try:
            publishers.nameservers(token, asked)
            made = {"begin": set(taken())}
            publishers.perform(token, record, asked)
            made["publish"] = set(taken())
            publishers.cleanup(token, record, asked.resolvers)
            made["withdraw"] = set(taken())
        finally:
            publishers.close()
        return {doing: called for doing, called in made.items() if called}

    def refusal(self) -> PermissionMissing:
        """What is said when a record is published and withdrawn, and the credential may not do all of it."""
        with self.run() as broker:
            try:
                self.publish(broker)
                self.withdraw(broker)
            except PermissionMissing as refused:
                return refused
        raise AssertionError("nothing was refused")


def challenge(token: str, domain: str, nameserver: str, *, seconds: float) -> Publish:
    """What the plugin asks for: a challenge's record, to be seen at `nameserver` within `seconds`."""
    asked = Publish(domain, token, f"{token}.thumbprint", None, (nameserver,), seconds)
    return replace(asked, timing={"propagation-timeout": seconds, "polling-interval": 1.0})


def value(token: str = "one") -> str:  # noqa: S107
    """The TXT value of the challenge `token`."""
    return record_value(f"{token}.thumbprint")


def called_as_said(provider: str, called: Mapping[str, Collection[str]]) -> set[str]:
    """Hold what a cloud was called with against what its privileges say; every action that was called."""
    purpose = privileges.load(provider).purposes["apply"]
    assert called == {doing: set(actions) for doing, actions in purpose.calls.items()}
    return {action for actions in called.values() for action in actions}


def keeps_others(world: CloudWorld, others: str) -> None:
    """Publish and withdraw two values at the name where `others` stands, which stays all the while."""
    with world.run() as broker:
        world.publish(broker, "one")
        world.publish(broker, "two")
        assert world.there() == sorted([value("one"), value("two"), others])
        world.withdraw(broker, "one")
        assert world.there() == sorted([value("two"), others])
    assert world.there() == [others]


def granted(provider: str, statements: str, actions: str) -> set[str]:
    """The actions that the policy grants which `tic creds privileges` prints: those of its one statement."""
    (statement,) = privileges.load(provider).purposes["apply"].policy[statements]
    return set(statement[actions])


@contextmanager
def name_server(store: Store, zones: Collection[str] = (ZONE,)) -> Iterator[Answering]:
    """The authoritative server of `zones`, which has what `store` says at each question."""

    def respond(query: Query) -> dns.message.Message:
        name = query.name.lower()
        zone = next((one for one in zones if f".{name}".endswith(f".{one}")), None)
        if zone is None:
            return response(query, code=dns.rcode.REFUSED, authoritative=False)
        soa = f"{zone}. SOA {SOA.format(zone=zone + '.')}"
        if name == zone and query.kind == "SOA":
            return response(query, soa)
        if name == zone and query.kind == "NS":
            return response(query, f"{zone}. NS ns1.{zone}.")
        values = store().get(name, ())
        if values and query.kind == "TXT":
            return response(query, *(f'{name}. TXT "{one}"' for one in values))
        code = dns.rcode.NOERROR if values or name == zone else dns.rcode.NXDOMAIN
        return response(query, authority=[soa], code=code)

    with answering(respond) as server:
        yield server


@contextmanager
def cloud_world(
    folder: Path, handlers: Mapping[str, Handler], store: Store, zones: Collection[str] = (ZONE,)
) -> Iterator[CloudWorld]:
    """A home below `folder` whose runs see these hosts and no others; `store` is what the clouds have."""
    made = dns_world(folder)
    try:
        with clouds(handlers) as env, name_server(store, zones) as names:
            yield CloudWorld(made, env, names, store)
    finally:
        made.database.close()
