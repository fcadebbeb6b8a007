"""A DNS server with dynamic updates: a question signed with the TSIG key, whose answer only its holder
can sign (RFC 8945, 5.3). No record is changed.
"""

import socket
import struct
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from credentials.identity import ClockSkew, Identity, Inconclusive, NotVerifiable, Rejected, Unreachable
from credentials.identity.network import why
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from dns.message import Message

_PORT = 53


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The server as the account, the key's name as who it is. Which zones it may change is not known."""
    import dns.exception
    import dns.message
    import dns.tsig

    given = {name: value.reveal().decode() for name, value in fields.items()}
    if "tsig-key" not in given:
        raise NotVerifiable(kind, "it has no TSIG key: the server knows this machine's address only")
    server, question = given["nameserver"], _question(given)
    try:
        wire = _exchange(server, question.to_wire(), timeout)
    except (OSError, EOFError) as error:
        raise Unreachable(kind, why(error, timeout)) from None
    try:
        answer = dns.message.from_wire(wire, keyring=question.keyring, request_mac=question.mac)
    except dns.tsig.PeerBadKey:
        raise Rejected(kind, code="BADKEY", words=f"{server} knows no such key") from None
    except (dns.tsig.PeerBadSignature, dns.tsig.BadSignature):
        raise Rejected(kind, code="BADSIG", words=f"{server} has another secret for this key") from None
    except (dns.tsig.PeerBadTime, dns.tsig.BadTime):
        raise ClockSkew(kind, code="BADTIME", skew=_skew(wire)) from None
    except dns.exception.DNSException as error:
        raise Inconclusive(kind, code=type(error).__name__, words="the answer can't be read") from None
    if not answer.had_tsig:
        raise Inconclusive(kind, code="unsigned", words=f"{server} does not sign its answer")
    return Identity(server, given["tsig-key"], {"algorithm": given.get("tsig-algorithm", "hmac-sha256")})


def _question(given: Mapping[str, str]) -> "Message":
    """Who answers for the root: every server can say something, and it is small."""
    import dns.flags
    import dns.message
    import dns.tsig

    question = dns.message.make_query(".", "SOA")
    question.flags &= ~dns.flags.RD
    algorithm = given.get("tsig-algorithm", "hmac-sha256")
    question.use_tsig(dns.tsig.Key(given["tsig-key"], given["tsig-secret"], algorithm))
    return question


def _exchange(server: str, wire: bytes, timeout: float) -> bytes:
    """One question over TCP (RFC 7766, 8); raises OSError, EOFError."""
    with socket.create_connection(_address(server), timeout) as connection:
        connection.sendall(struct.pack("!H", len(wire)) + wire)
        with connection.makefile("rb") as stream:
            head = stream.read(2)
            length = struct.unpack("!H", head)[0] if len(head) == 2 else 0
            answer = stream.read(length)
    if not answer or len(answer) < length:
        raise ConnectionResetError(104, "the server hung up")
    return answer


def _address(server: str) -> tuple[str, int]:
    """`host`, `host:port`, an IPv6 address, or `[ipv6]:port`, as the kind's field allows them."""
    if server.startswith("["):
        host, _, port = server[1:].partition("]")
        return host, int(port[1:] or _PORT)
    if server.count(":") == 1:
        host, _, port = server.partition(":")
        return host, int(port)
    return server, _PORT


def _skew(wire: bytes) -> timedelta | None:
    """How far this clock is from the server's, which says its own with BADTIME (RFC 8945, 5.2.3)."""
    import dns.message

    tsig = dns.message.from_wire(wire, keyring=False).tsig
    if tsig is None or len(tsig[0].other) != 6:
        return None
    return timedelta(seconds=time.time() - int.from_bytes(tsig[0].other, "big"))
