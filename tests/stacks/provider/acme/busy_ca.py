"""A CA that takes orders and accounts, and asks to wait where a test wants it to; over HTTPS."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme

from stacks.provider.acme.authority import Access
from stacks.provider.acme.keys import make_key

ENDPOINTS = ("newNonce", "newAccount", "newOrder")


@dataclass(frozen=True, slots=True)
class Busy:
    """An answer instead of the one that was asked for; `code` is of an ACME problem, "" is a page of text."""

    status: int
    retry_after: str | None
    code: str = ""
    detail: str = "too much"


@dataclass(slots=True)
class BusyCa:
    """`busy`: the next answers by endpoint; `asked`: what was asked, and when (seconds since the epoch)."""

    url: str
    ca_certificates: str
    busy: dict[str, list[Busy]] = field(default_factory=dict)
    asked: list[tuple[str, float]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    orders: int = 0

    @property
    def access(self) -> Access:
        """As an account of it."""
        return Access(f"{self.url}/dir", self.ca_certificates, make_key("ec256"), f"{self.url}/account/1")

    def times(self, endpoint: str) -> list[float]:
        """When an endpoint was asked."""
        return [moment for name, moment in self.asked if name == endpoint]


@contextmanager
def busy_ca() -> Iterator[BusyCa]:
    """Serve it on a free loopback port."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    ca = BusyCa("", authority.cert_pem.bytes().decode())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._said({each: f"{ca.url}/{each}" for each in ENDPOINTS})

        def do_HEAD(self) -> None:
            self._said({})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/newOrder":
                urls = [f"{ca.url}/{each}" for each in ca.authorizations]
                self._said({"status": "pending", "authorizations": urls}, made="order")
            else:
                self._said({"status": "valid"}, made="account")

        def _said(self, body: object, made: str = "") -> None:
            endpoint = self.path.strip("/")
            ca.asked.append((endpoint, time.time()))
            content, headers, status = json.dumps(body).encode(), {}, 200
            if waiting := ca.busy.get(endpoint):
                busy = waiting.pop(0)
                status, content = busy.status, b"busy"
                if busy.retry_after is not None:
                    headers["Retry-After"] = busy.retry_after
                if busy.code:
                    problem = {"type": f"urn:ietf:params:acme:error:{busy.code}", "detail": busy.detail}
                    content = json.dumps(problem).encode()
            elif made:
                ca.orders += 1
                headers["Location"] = f"{ca.url}/{made}/{ca.orders}"
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Replay-Nonce", "bm9uY2U")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    ca.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield ca
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
