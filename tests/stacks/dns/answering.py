"""Name servers of the tests' own: they speak DNS over UDP and TCP and answer as a test tells them to."""

import socketserver
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig

from engine.sandbox.ports import free_port


@dataclass(frozen=True, slots=True)
class Query:
    """What a server was asked: the name without its final dot, the type, and over which transport."""

    name: str
    kind: str
    tcp: bool
    message: dns.message.QueryMessage

    def __str__(self) -> str:
        return f"{self.name} {self.kind}"


Respond = Callable[[Query], dns.message.Message | None]


@dataclass(slots=True)
class Answering:
    """A running server, with everything that it was asked, in order."""

    host: str
    port: int
    respond: Respond
    key: dns.tsig.Key | None = None
    asked: list[Query] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def answer(self, wire: bytes, *, tcp: bool) -> bytes | None:
        message = cast("dns.message.QueryMessage", dns.message.from_wire(wire, keyring=self.key))
        question = message.question[0]
        name = question.name.to_text(omit_final_dot=True)
        query = Query(name, dns.rdatatype.to_text(question.rdtype), tcp, message)
        with self.lock:
            self.asked.append(query)
            response = self.respond(query)
        return response.to_wire() if response is not None else None


@contextmanager
def answering(
    respond: Respond, *, host: str = "127.0.0.1", port: int | None = None, key: dns.tsig.Key | None = None
) -> Iterator[Answering]:
    """Answer with `respond(query)` (None: stay silent), one question at a time, until the block ends."""
    server = Answering(host, port or 0, respond, key)

    class OverUdp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if (wire := server.answer(self.request[0], tcp=False)) is not None:
                self.request[1].sendto(wire, self.client_address)

    class OverTcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            if (wire := server.answer(self.rfile.read(length), tcp=True)) is not None:
                self.wfile.write(struct.pack("!H", len(wire)) + wire)

    with ExitStack() as stack:
        over_udp, over_tcp = _listening(host, port, OverUdp, OverTcp)
        stack.enter_context(over_udp)
        stack.enter_context(over_tcp)
        server.port = over_udp.server_address[1]
        for made in (over_udp, over_tcp):
            thread = Thread(target=made.serve_forever, args=(0.02,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(made.shutdown)
        yield server


def _listening(
    host: str, port: int | None, over_udp: type, over_tcp: type
) -> tuple[socketserver.ThreadingUDPServer, socketserver.ThreadingTCPServer]:
    """Both at one port; where none is wanted, one that nobody has taken over the other transport."""
    while True:
        udp = socketserver.ThreadingUDPServer((host, port or free_port(host)), over_udp)
        try:
            return udp, socketserver.ThreadingTCPServer(udp.server_address[:2], over_tcp)
        except OSError:
            udp.server_close()
            if port:
                raise


def response(
    query: Query,
    *records: str,
    authority: Iterable[str] = (),
    code: dns.rcode.Rcode = dns.rcode.NOERROR,
    authoritative: bool = True,
) -> dns.message.Message:
    """A response with `records`, written as `owner TYPE data`, as its answer."""
    made = dns.message.make_response(query.message)
    if authoritative:
        made.flags |= dns.flags.AA
    made.set_rcode(code)
    for section, texts in ((made.answer, records), (made.authority, tuple(authority))):
        for text in texts:
            owner, kind, data = text.split(" ", 2)
            read = dns.rrset.from_text(dns.name.from_text(owner), 1, "IN", kind, data)
            rrset = made.find_rrset(section, read.name, read.rdclass, read.rdtype, create=True)
            rrset.add(read[0], read.ttl)
    return made


def txt(query: Query, *values: str) -> dns.message.Message:
    """An authoritative answer with these TXT values at the name that was asked for."""
    return response(query, *(f'{query.name} TXT "{value}"' for value in values))


def no_such_name(query: Query) -> dns.message.Message:
    """An authoritative "no such name"."""
    return response(query, code=dns.rcode.NXDOMAIN)


def truncated(query: Query) -> dns.message.Message:
    """An answer that says: ask me over TCP."""
    made = response(query)
    made.flags |= dns.flags.TC
    return made
