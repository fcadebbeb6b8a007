"""A broker of the tests' own: the messages of stacks.broker over HTTP, records in Pebble's companion DNS
server.

It keeps what it was asked, answers about the state from a Pulumi checkpoint, and can be told to refuse.
"""

import hashlib
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stacks.account_notes import KeyNote, Terms
from stacks.allowances import Allowance, Claim, Event
from stacks.broker import (
    OpenCredential,
    OpenedFields,
    ProviderAnswer,
    ProviderQuestion,
    Publish,
    Published,
    ResourcesQuestion,
    StateResource,
    Withdraw,
)
from tests.servers.challtestsrv import Challtestsrv

TOKEN = "token-of-this-run"


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """What the broker answers instead."""

    status: int
    error: str
    hint: str


@dataclass(slots=True)
class BrokerServer:
    """A running broker: `records` published now, `most` at once, and every path `asked`, in order."""

    dns: Challtestsrv
    sequential: bool = False
    by_name: bool = False
    credentials: dict[str, OpenedFields] = field(default_factory=dict)
    state: Callable[[], list[dict[str, Any]]] = list
    refusals: dict[str, Refusal] = field(default_factory=dict)
    silent: bool = False
    keys: dict[str, KeyNote] = field(default_factory=dict)
    terms: list[Terms] = field(default_factory=list)
    url: str = ""
    records: set[tuple[str, str]] = field(default_factory=set)
    published: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    most: int = 0
    claims: list[Claim] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    allowances: list[Allowance] = field(default_factory=list)
    waits: dict[str, float] = field(default_factory=dict)
    hold: threading.Event | None = None
    held: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, str]:
        """What the plugin finds it by."""
        return {"TIC_BROKER_URL": self.url, "TIC_BROKER_TOKEN": TOKEN}

    def answer(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(path)
        if path in self.refusals:
            raise self.refusals[path]
        match path:
            case "/dns/publish":
                return self._publish(Publish.from_json(body)).to_json()
            case "/dns/withdraw":
                return self._withdraw(Withdraw.from_json(body))
            case "/dns/provider":
                provider = ProviderQuestion.from_json(body).provider or "rfc2136"
                return ProviderAnswer(
                    provider, self.sequential, "tic_credential", by_name=self.by_name
                ).to_json()
            case "/credential/open":
                reference = OpenCredential.from_json(body).reference
                if reference not in self.credentials:
                    raise Refusal(403, f"the stack is not bound to {reference!r}", "tic stack bind")
                return self.credentials[reference].to_json()
            case "/state/resources":
                return {
                    "resources": [
                        each.to_json() for each in self._resources(ResourcesQuestion.from_json(body))
                    ]
                }
            case "/account/key":
                note = self.keys.get(body["accountUri"])
                return {"note": note and note.to_json()}
            case "/account/key/note":
                self.keys[body["accountUri"]] = KeyNote.from_json(body)
                return {}
            case "/account/key/forget":
                self.keys.pop(body["accountUri"], None)
                return {}
            case "/account/terms":
                self.terms.append(Terms.from_json(body))
                return {}
            case "/acme/claim":
                self.claims.append(Claim.from_json(body))
                return (self.allowances.pop(0) if self.allowances else Allowance("claim")).to_json()
            case "/acme/event":
                self.events.append(Event.from_json(body))
                return {"noted": True}
            case "/acme/waits":
                return {"waits": self.waits}
        raise Refusal(404, f"no {path}", "none")

    def _publish(self, request: Publish) -> Published:
        name = f"_acme-challenge.{request.identifier}"
        digest = hashlib.sha256(request.key_authorization.encode()).digest()
        value = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self.hold is not None:
            self.held.set()
            self.hold.wait()
        with self._lock:
            self.records.add((name, value))
            self.published.append((name, value))
            self.most = max(self.most, len(self.records))
            if not self.silent:
                self.dns.add_txt(name, value)
        return Published(name, value, request.identifier, ("127.0.0.1:53",), "tic_credential")

    def _withdraw(self, request: Withdraw) -> dict[str, Any]:
        with self._lock:
            self.records.discard((request.record_name, request.record_value))
            self.dns.clear_txt(request.record_name)
            for name, value in self.records:
                if name == request.record_name and not self.silent:
                    self.dns.add_txt(name, value)
        return {"withdrawn": True}

    def _resources(self, question: ResourcesQuestion) -> list[StateResource]:
        return [
            StateResource(
                each["urn"],
                each["urn"].rpartition("::")[2],
                each.get("inputs") or {},
                each.get("outputs") or {},
                revoked=bool(each.get("revoked")),
                replaced=tuple(
                    other.get("outputs") or {}
                    for other in self.state()
                    if other["urn"] == each["urn"] and other.get("delete")
                ),
            )
            for each in self.state()
            if each["type"] == question.type and not each.get("delete")
        ]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a hundred names are withdrawn at once; by default 5 may wait


@contextmanager
def broker_server(dns: Challtestsrv) -> Iterator[BrokerServer]:
    """Serve a broker on a free loopback port."""
    broker = BrokerServer(dns)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    raise Refusal(401, "not this run's token", "tic stack up")
                status, answer = 200, broker.answer(self.path.removeprefix("/broker"), body)
            except Refusal as refusal:
                status, answer = refusal.status, {"error": refusal.error, "hint": refusal.hint}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
            return

    server = _Server(("127.0.0.1", 0), Handler)
    broker.url = f"http://127.0.0.1:{server.server_port}/broker"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield broker
    finally:
        if broker.hold is not None:
            broker.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()
