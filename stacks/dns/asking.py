"""One question to one name server: UDP, TCP where the answer is truncated; every fault becomes a value."""

import errno
import ipaddress
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.TXT import TXT

from stacks.errors import StackError

QUESTION_SECONDS = 2.0
# A question over UDP is asked twice, as packets get lost: what part of the time each waits for its answer.
ATTEMPTS = (0.25, 0.75)
MOST_ALIASES = 8
# The kernel's words for "from this machine there is no way there": nothing that another machine would see.
NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETDOWN}


class NameserverMalformed(StackError):
    """A name server is not written as an IP address with an optional port."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Server:
    """One address of a name server; an `authoritative` one is the zone's own and has to say so."""

    name: str
    address: str
    port: int = 53
    authoritative: bool = True

    @property
    def endpoint(self) -> str:
        """`ip:port`, IPv6 in brackets."""
        return endpoint(self.address, self.port)

    @property
    def is_ipv6(self) -> bool:
        """Whether it is asked over IPv6."""
        return ":" in self.address

    def __str__(self) -> str:
        return self.endpoint if self.name == self.endpoint else f"{self.name} ({self.endpoint})"


class Heard(Enum):
    """What kind of answer came."""

    ANSWER = "answer"
    FAULT = "fault"
    SILENCE = "silence"
    NO_ROUTE = "no route"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said about a TXT name: its values, or in words why there are none."""

    heard: Heard
    values: frozenset[str] = frozenset()
    detail: str = ""

    @property
    def says_something(self) -> bool:
        """Whether the server was reached, whatever it answers."""
        return self.heard in {Heard.ANSWER, Heard.FAULT}

    def __str__(self) -> str:
        if self.values:
            return f"it has {len(self.values)} other value{'s' if len(self.values) > 1 else ''} there"
        return self.detail


class Unanswered(Exception):
    """No usable answer; `heard` says of which kind, the text says why."""

    def __init__(self, heard: Heard, detail: str) -> None:
        super().__init__(detail)
        self.heard = heard


def given(nameserver: str) -> Server:
    """Read `ip`, `ip:port` or `[ipv6]:port`: a server that is believed with or without authority."""
    try:
        host, port = host_and_port(nameserver)
        address = str(ipaddress.ip_address(host))
    except ValueError as error:
        raise NameserverMalformed(
            f"the name server {nameserver!r} is not an IP address with an optional port",
            hint="write it as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53",
        ) from error
    return Server(endpoint(address, port), address, port, authoritative=False)


def host_and_port(text: str) -> tuple[str, int]:
    """Read `host`, `host:port`, `ipv6` or `[ipv6]:port`; port 53 where none is given. Raises ValueError."""
    host, port = text.strip(), "53"
    if host.startswith("["):
        host, closed, port = host[1:].partition("]")
        if not closed or port[:1] not in {"", ":"}:
            raise ValueError("not a host with an optional port")
        port = port.removeprefix(":") or "53"
    elif host.count(":") == 1:
        host, port = host.split(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("not a host with an optional port")
    return host, int(port)


def endpoint(address: str, port: int) -> str:
    """`ip:port`, IPv6 in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def question(name: str, kind: dns.rdatatype.RdataType, server: Server) -> dns.message.QueryMessage:
    """A plain query, without EDNS; recursion is desired of given servers alone, which may be resolvers."""
    query = dns.message.make_query(dns.name.from_text(name), kind)
    if server.authoritative:
        query.flags &= ~dns.flags.RD
    return query


async def exchange(
    query: dns.message.Message, server: Server, seconds: float = QUESTION_SECONDS
) -> dns.message.Message:
    """Ask over UDP, then TCP where the answer is truncated; `seconds` in all. Raises Unanswered."""
    try:
        for part in ATTEMPTS[:-1]:
            with suppress(dns.exception.Timeout, TimeoutError):
                return await _attempt(query, server, seconds * part)
        return await _attempt(query, server, seconds * ATTEMPTS[-1])
    except (dns.exception.Timeout, TimeoutError) as error:
        raise Unanswered(Heard.SILENCE, f"it does not answer within {seconds:g} s") from error
    except OSError as error:
        if error.errno in NO_ROUTE:
            raise Unanswered(Heard.NO_ROUTE, "this machine has no route to it") from error
        raise Unanswered(Heard.SILENCE, f"it can't be asked: {error.strerror or error}") from error
    except (dns.exception.DNSException, EOFError) as error:
        raise Unanswered(Heard.FAULT, f"its answer is malformed ({type(error).__name__})") from error


async def _attempt(query: dns.message.Message, server: Server, seconds: float) -> dns.message.Message:
    answer, _ = await dns.asyncquery.udp_with_fallback(
        query,
        server.address,
        timeout=seconds,
        port=server.port,
        ignore_unexpected=True,
        ignore_errors=True,
    )
    return answer


async def txt(name: str, server: Server, seconds: float = QUESTION_SECONDS) -> Answer:
    """Ask a server for the TXT values at `name`; never raises for what the server or the network does."""
    try:
        answer = await exchange(question(name, dns.rdatatype.TXT, server), server, seconds)
    except Unanswered as error:
        return Answer(error.heard, detail=str(error))
    return read_txt(answer, name, server)


def read_txt(answer: dns.message.Message, name: str, server: Server) -> Answer:
    """What an answer says about the TXT values at `name`, pure of the network."""
    code = answer.rcode()
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Answer(Heard.FAULT, detail=f"it answers {dns.rcode.to_text(code)}")
    if server.authoritative and not answer.flags & dns.flags.AA:
        return Answer(Heard.FAULT, detail="it answers without authority for the zone")
    owner = dns.name.from_text(name)
    values: set[str] = set()
    for _ in range(MOST_ALIASES):
        target = None
        for rrset in answer.answer:
            if rrset.name == owner:
                values.update(_joined(each) for each in rrset if isinstance(each, TXT))
                target = next((each.target for each in rrset if isinstance(each, CNAME)), target)
        if target is None:
            break
        owner = target
    if values:
        return Answer(Heard.ANSWER, frozenset(values))
    known = "no such name" if code == dns.rcode.NXDOMAIN else "no TXT record there"
    return Answer(Heard.ANSWER, detail=f"it says: {known}")


def _joined(value: TXT) -> str:
    return b"".join(value.strings).decode("ascii", "backslashreplace")
