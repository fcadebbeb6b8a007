"""The certificates that a server shows in a TLS handshake, whoever issued them; nothing is trusted by it."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from stacks.serving.endpoint import Endpoint

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from OpenSSL.SSL import Connection

_LONGEST_GREETING = 65536
_CALLER = "tic.invalid"  # RFC 2606: what says EHLO has no name of its own


class NotServed(Exception):
    """Nothing was shown; the text says why, without the address."""


def addresses(endpoint: Endpoint) -> list[str]:
    """Every address of the endpoint's host, IPv4 and IPv6; raises NotServed where it has none."""
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotServed(f"{endpoint.host} has no address: {_why(error)}") from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def presented(endpoint: Endpoint, address: str, seconds: float) -> "list[Certificate]":
    """What is shown at one address: the certificate, then its chain, as sent. Raises NotServed.

    `seconds` is for all of it: connection, greeting, handshake.
    """
    from OpenSSL import SSL

    ends = time.monotonic() + seconds
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE, None)
    try:
        with closing(socket.create_connection((address, endpoint.port), timeout=seconds)) as raw:
            _greet(endpoint, raw, ends)
            connection = SSL.Connection(context, raw)
            if endpoint.sni is not None:
                connection.set_tlsext_host_name(endpoint.sni.encode())
            connection.set_connect_state()
            _shake(connection, raw, ends)
            return connection.get_peer_cert_chain(as_cryptography=True) or []
    except SSL.Error as error:
        raise NotServed(f"the TLS handshake failed: {_reasons(error)}") from None
    except OSError as error:
        raise NotServed(_why(error)) from None


def _shake(connection: "Connection", raw: socket.socket, ends: float) -> None:
    """The handshake on a socket that has a time limit, which OpenSSL sees as one that never waits."""
    from OpenSSL import SSL

    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            _ready(raw, select.POLLIN, ends)
        except SSL.WantWriteError:
            _ready(raw, select.POLLOUT, ends)
        else:
            return


def _ready(raw: socket.socket, event: int, ends: float) -> None:
    poll = select.poll()
    poll.register(raw, event)
    if not poll.poll(_left(ends) * 1000):
        raise TimeoutError


def _greet(endpoint: Endpoint, raw: socket.socket, ends: float) -> None:
    """Ask for TLS where the protocol begins in the clear; raises NotServed where the server has none."""
    if endpoint.speaks == "smtp":
        line = _Lines(raw, ends)
        line.expect("220")
        raw.sendall(f"EHLO {_CALLER}\r\n".encode())
        if not any(each[4:].strip().upper() == "STARTTLS" for each in line.expect("250")):
            raise NotServed("the SMTP server offers no STARTTLS")
        raw.sendall(b"STARTTLS\r\n")
        line.expect("220")
    elif endpoint.speaks == "imap":
        line = _Lines(raw, ends)
        line.until(lambda each: each.upper().startswith(("* OK", "* PREAUTH")), "its greeting")
        raw.sendall(b"a1 STARTTLS\r\n")
        answer = line.until(lambda each: each.upper().startswith("A1 "), "the answer to STARTTLS")
        if not answer.upper().startswith("A1 OK"):
            raise NotServed("the IMAP server offers no STARTTLS")


class _Lines:
    """Lines of a server, one byte after another: what follows the last one is TLS's."""

    def __init__(self, raw: socket.socket, ends: float) -> None:
        self._raw = raw
        self._ends = ends
        self._read = 0

    def expect(self, code: str) -> list[str]:
        """The lines of one SMTP reply (RFC 5321 4.2); raises NotServed where it has another code."""
        lines = []
        while True:
            line = self._line()
            lines.append(line)
            if not line.startswith(code):
                raise NotServed(f"the SMTP server answered {line[:60]!r}")
            if line[3:4] != "-":
                return lines

    def until(self, wanted: Callable[[str], bool], what: str) -> str:
        """The first line that is wanted; raises NotServed where the server says BYE instead."""
        while True:
            line = self._line()
            if wanted(line):
                return line
            if line.upper().startswith("* BYE"):
                raise NotServed(f"the IMAP server ended before {what}: {line[:60]!r}")

    def _line(self) -> str:
        found = bytearray()
        while not found.endswith(b"\n"):
            self._raw.settimeout(max(0.001, _left(self._ends)))
            one = self._raw.recv(1)
            self._read += 1
            if not one or self._read > _LONGEST_GREETING:
                raise NotServed("the server ended the connection" if not one else "the server says too much")
            found += one
        return found.decode("ascii", "replace").rstrip("\r\n")


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _reasons(error: Exception) -> str:
    """OpenSSL's own words (a list of library, function, reason), or the system's (a number, a text)."""
    match error.args:
        case ([*told],):
            return ", ".join(str(each[-1]) for each in told if each) or "the connection was closed"
        case (_, str(text)):
            return text
    return "the connection was closed"


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or "no answer"
