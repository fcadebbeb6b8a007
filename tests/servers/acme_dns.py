"""ACME-DNS as its README describes it (github.com/joohoi/acme-dns): its HTTP API, and DNS over UDP and TCP.

Its module is not at the proxy under any version, so this is a server of the tests' own. It keeps what matters
to clients: who is who by X-Api-User and X-Api-Key, values of 43 characters only, the last two of each
account, and "no such name" to whatever is asked of an account's name but TXT.
"""

import http.server
import ipaddress
import json
import re
import secrets
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import dns.rcode
from dns.message import Message

from tests.stacks.dns.answering import Answering, Query, answering, response

ZONE = "auth.test"
VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(slots=True)
class Registered:
    """An account, and the values of its name, the newest last."""

    username: str
    password: str = field(repr=False)
    subdomain: str
    allowed: tuple[str, ...]
    values: deque[str] = field(default_factory=lambda: deque(maxlen=2))

    @property
    def fulldomain(self) -> str:
        """Where the CNAME leads."""
        return f"{self.subdomain}.{ZONE}"


@dataclass(slots=True)
class AcmeDns:
    """A running server. `static` are further records, as its configuration has them: `owner TYPE data`."""

    url: str
    accounts: list[Registered] = field(default_factory=list)
    static: list[str] = field(default_factory=list)
    requests: list[tuple[str, int]] = field(default_factory=list)
    server: Answering | None = None

    @property
    def address(self) -> str:
        """`host:port` of its DNS server."""
        assert self.server is not None
        return self.server.address

    def delegate(self, name: str, account: Registered) -> None:
        """Set the CNAME that an account's owner sets, which this server then answers with as well."""
        self.static.append(f"{name}. CNAME {account.fulldomain}.")

    def register(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """POST /register."""
        allowed = tuple(body.get("allowfrom") or ())
        made = Registered(str(uuid.uuid4()), secrets.token_urlsafe(30), str(uuid.uuid4()), allowed)
        self.accounts.append(made)
        return 201, {
            "username": made.username,
            "password": made.password,
            "fulldomain": made.fulldomain,
            "subdomain": made.subdomain,
            "allowfrom": list(allowed),
        }

    def update(self, body: dict[str, Any], user: str, key: str, peer: str) -> tuple[int, dict[str, Any]]:
        """POST /update."""
        found = next((one for one in self.accounts if (one.username, one.password) == (user, key)), None)
        if found is None or found.subdomain != body["subdomain"] or not _may(found, peer):
            return 401, {"error": "forbidden"}
        if not VALUE.fullmatch(body["txt"]):
            return 400, {"error": "bad_txt"}
        found.values.append(body["txt"])
        return 200, {"txt": body["txt"]}

    def answer(self, query: Query) -> Message:
        """What its DNS server says; a CNAME comes with the values that it leads to, as of a resolver."""
        name = query.name.lower()
        static = [each for each in self.static if each.startswith(f"{name}. ")]
        owners = {name, *(each.rpartition(" ")[2].rstrip(".") for each in static)}
        values = [
            f'{one.fulldomain}. TXT "{value}"'
            for one in self.accounts
            for value in one.values
            if query.kind == "TXT" and one.fulldomain in owners
        ]
        if static or values:
            return response(query, *static, *values)
        zone = ZONE if name.endswith(ZONE) else name.partition(".")[2]
        authority = [f"{zone}. SOA ns1.{ZONE}. admin.{ZONE}. 1 28800 7200 604800 86400"]
        return response(query, authority=authority, code=dns.rcode.NXDOMAIN)


@contextmanager
def acme_dns() -> Iterator[AcmeDns]:
    """Run one until the block ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(sent or b"{}") or {}  # lego sends `null` where it has nothing to say
            if self.path == "/register":
                code, said = running.register(body)
            elif self.path == "/update":
                user, key = self.headers["X-Api-User"], self.headers["X-Api-Key"]
                code, said = running.update(body, user, key, self.client_address[0])
            else:
                code, said = 404, {}
            running.requests.append((self.path, code))
            text = json.dumps(said).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        running = AcmeDns(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with answering(running.answer) as running.server:
                yield running
        finally:
            server.shutdown()
            thread.join()


def _may(account: Registered, peer: str) -> bool:
    networks = [ipaddress.ip_network(each, strict=False) for each in account.allowed]
    return not networks or any(ipaddress.ip_address(peer) in each for each in networks)
