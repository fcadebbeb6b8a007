"""Where a challenge record belongs: CNAMEs followed, its zone, and every address of the zone's name servers.

The system's resolvers are asked about the record's parent and about name servers, never about the record
itself: they would keep "no such name" for as long as the zone says, and a CA that shares them would not see
the record. What is at the record's own name (a CNAME, a delegation) is asked of the authoritative servers.
"""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.NS import NS

from stacks.dns.asking import MOST_ALIASES, Server, Unanswered, endpoint, exchange, given, question
from stacks.errors import StackError

RESOLVER_SECONDS = 10.0


class ZoneNotFound(StackError):
    """No zone, or no name server of it, was found for a record."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is to appear: its name after the CNAMEs `aliases`, its zone, and who answers for it."""

    name: str
    zone: str
    servers: tuple[Server, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and the addresses of its name servers."""

    name: str
    servers: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class There:
    """What is at a name: a CNAME's target, a delegation to other servers, the enclosing zone by its SOA."""

    target: str | None = None
    delegated: str | None = None
    nameservers: tuple[str, ...] = ()
    zone: str | None = None


class Resolver(Protocol):
    """What is asked of recursive resolvers."""

    def zone_of(self, name: str) -> tuple[str, tuple[str, ...]]:
        """The zone that holds `name`, and the names of its name servers. Raises ZoneNotFound."""
        ...

    def addresses(self, host: str) -> tuple[str, ...]:
        """The IPv4 and IPv6 addresses of a name server; empty where it has none."""
        ...


class SystemResolver:
    """The resolvers that this machine is set up with, or others at their addresses."""

    def __init__(self, nameservers: Sequence[Server] = ()) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as error:
            raise ZoneNotFound(
                "this machine has no DNS resolver set up (/etc/resolv.conf names none)",
                hint="set one up, or name the servers to ask: `nameservers` of the challenge record",
            ) from error
        if nameservers:
            self._resolver.nameservers = [server.address for server in nameservers]
            self._resolver.nameserver_ports = {server.address: server.port for server in nameservers}
        self._resolver.lifetime = RESOLVER_SECONDS

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The resolvers as `ip:port`."""
        ports = self._resolver.nameserver_ports
        return tuple(endpoint(each, ports.get(each, 53)) for each in map(str, self._resolver.nameservers))

    def zone_of(self, name: str) -> tuple[str, tuple[str, ...]]:
        """See Resolver."""
        try:
            apex = dns.resolver.zone_for_name(dns.name.from_text(name), resolver=self._resolver)
            answer = () if apex == dns.name.root else self._resolver.resolve(apex, dns.rdatatype.NS)
        except (dns.exception.DNSException, OSError) as error:
            raise ZoneNotFound(
                f"the zone of {name} was not found: {_why(error)}",
                hint="check that the domain exists and that DNS works here, or name the servers to ask: "
                "`nameservers` of the challenge record",
            ) from error
        if apex == dns.name.root:
            raise ZoneNotFound(
                f"no zone holds {name}: it does not exist in DNS",
                hint="check the spelling of the domain and that it is registered",
            )
        return _plain(apex), _hosts(answer)

    def addresses(self, host: str) -> tuple[str, ...]:
        """See Resolver."""
        try:
            found = self._resolver.resolve_name(dns.name.from_text(host))
        except (dns.exception.DNSException, OSError):
            return ()
        return tuple(sorted(found.addresses()))


class Zones:
    """Finds places and remembers name servers; make one for each run, because zones move."""

    def __init__(self, resolver: Resolver, *, port: int = 53) -> None:
        self._resolver = resolver
        self._port = port
        self._known: dict[str, Zone] = {}
        self._lock = Lock()

    def place(self, name: str) -> Place:
        """Where the record `name` belongs, by the zone's own servers. Raises ZoneNotFound."""
        aliases: list[str] = []
        while len(aliases) <= MOST_ALIASES:
            zone = self._zone(name.partition(".")[2] or name)
            there = ask_there(name, zone.servers)
            while there.delegated is not None and there.delegated.endswith(f".{zone.name}"):
                zone = Zone(there.delegated, self._servers(there.nameservers, there.delegated))
                there = ask_there(name, zone.servers)
            if there.target is None:
                return Place(name, there.zone or zone.name, zone.servers, tuple(aliases))
            aliases.append(name)
            name = there.target
        raise _too_many_aliases(aliases)

    def _zone(self, name: str) -> Zone:
        with self._lock:
            if known := self._known.get(name):
                return known
        apex, hosts = self._resolver.zone_of(name)
        zone = Zone(apex, self._servers(hosts, apex))
        with self._lock:
            return self._known.setdefault(name, zone)

    def _servers(self, hosts: Sequence[str], zone: str) -> tuple[Server, ...]:
        with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
            found = list(pool.map(self._resolver.addresses, hosts))
        servers = tuple(
            Server(host, address, self._port)
            for host, addresses in zip(hosts, found, strict=True)
            for address in addresses
        )
        if not servers:
            raise ZoneNotFound(
                f"none of the name servers of {zone} ({', '.join(hosts) or 'none listed'}) has an address",
                hint="correct the zone's NS records, or name the servers to ask: "
                "`nameservers` of the challenge record",
            )
        return servers


def place_at(name: str, nameservers: Sequence[str]) -> Place:
    """Where the record `name` belongs as these servers (`ip:port`) see it; they alone are asked.

    `zone` is the record's parent where they don't tell, as servers without zones don't.
    """
    servers = tuple(given(each) for each in nameservers)
    aliases: list[str] = []
    while len(aliases) <= MOST_ALIASES:
        there = ask_there(name, servers)
        if there.target is None:
            return Place(name, there.zone or name.partition(".")[2], servers, tuple(aliases))
        aliases.append(name)
        name = there.target
    raise _too_many_aliases(aliases)


def ask_there(name: str, servers: Sequence[Server]) -> There:
    """Ask the servers what is at `name`: the first useful answer counts. Raises ZoneNotFound."""
    return asyncio.run(_ask_there(name, servers))


async def _ask_there(name: str, servers: Sequence[Server]) -> There:
    query = {server: question(name, dns.rdatatype.CNAME, server) for server in servers}
    waiting = [asyncio.create_task(_asked(server, query[server])) for server in servers]
    refused: list[str] = []
    try:
        for finished in asyncio.as_completed(waiting):
            outcome = await finished
            if not isinstance(outcome, str):
                return read_there(outcome, name)
            refused.append(outcome)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    raise ZoneNotFound(
        f"no name server can be asked about {name}: {'; '.join(refused)}",
        hint="check that these servers run and may be reached from here, or name others: "
        "`nameservers` of the challenge record",
    )


async def _asked(server: Server, query: dns.message.Message) -> dns.message.Message | str:
    try:
        answer = await exchange(query, server)
    except Unanswered as error:
        return f"{server}: {error}"
    code = answer.rcode()
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return f"{server}: it answers {dns.rcode.to_text(code)}"
    refers = any(rrset.rdtype == dns.rdatatype.NS for rrset in answer.authority)
    if server.authoritative and not refers and not answer.flags & dns.flags.AA:
        return f"{server}: it answers without authority for the zone"
    return answer


def read_there(answer: dns.message.Message, name: str) -> There:
    """What an answer to a CNAME question says, pure of the network."""
    owner = dns.name.from_text(name)
    for rrset in answer.answer:
        if rrset.name == owner:
            for each in rrset:
                if isinstance(each, CNAME):
                    return There(target=_plain(each.target))
    for rrset in answer.authority:
        if not owner.is_subdomain(rrset.name) or rrset.name == dns.name.root:
            continue
        if rrset.rdtype == dns.rdatatype.SOA:
            return There(zone=_plain(rrset.name))
        if rrset.rdtype == dns.rdatatype.NS and not answer.flags & dns.flags.AA:
            return There(delegated=_plain(rrset.name), nameservers=_hosts(rrset))
    return There()


def _hosts(records: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted(_plain(each.target) for each in records if isinstance(each, NS)))


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _why(error: Exception) -> str:
    if isinstance(error, dns.resolver.NoRootSOA):
        return "the resolvers know no zone that could hold it"
    if isinstance(error, dns.exception.Timeout):
        return f"the resolvers do not answer within {RESOLVER_SECONDS:g} s"
    return str(error) or type(error).__name__


def _too_many_aliases(aliases: Sequence[str]) -> ZoneNotFound:
    return ZoneNotFound(
        f"{aliases[0]} leads through more than {MOST_ALIASES} CNAMEs: {' -> '.join(aliases[:3])} -> ...",
        hint="remove the loop, or point the first CNAME at the last name",
    )
