"""Visitors of an HTTPS server, one after the other: each is answered, or it counts as failed."""

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cryptography import x509

ANSWER_SECONDS = 10


@dataclass(slots=True)
class Visitors:
    """How often each serial number (hexadecimal) was seen, and what went wrong."""

    serials: "Counter[str]" = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, serial: str, times: int = 3, seconds: float = 30) -> None:
        """Wait until it was seen so often."""
        with self.came:
            assert self.came.wait_for(lambda: self.serials[serial] >= times, seconds), self.serials

    def visit(self, port: int, name: str) -> None:
        """A new connection, a handshake, a request, its answer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as raw,
                context.wrap_socket(raw, server_hostname=name) as secured,
            ):
                shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
                secured.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                answer = b""
                while piece := secured.recv(4096):
                    answer += piece
            if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(b"served\n"):
                self.failures.append(f"answered {answer[:200]!r}")
        except (OSError, ValueError) as error:
            self.failures.append(repr(error))
            return
        with self.came:
            self.serials[f"{shown.serial_number:x}"] += 1
            self.came.notify_all()


@contextmanager
def visited(port: int, name: str, at_once: int = 3, pause: float = 0.0) -> Iterator[Visitors]:
    """Let `at_once` visitors at a time come while the block runs, each `pause` seconds after the last."""
    visitors, ended = Visitors(), threading.Event()

    def come() -> None:
        while not ended.wait(pause):
            visitors.visit(port, name)

    threads = [threading.Thread(target=come) for _ in range(at_once)]
    for each in threads:
        each.start()
    try:
        yield visitors
    finally:
        ended.set()
        for each in threads:
            each.join()
