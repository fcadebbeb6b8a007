"""A CA that answers what a test says: for what no CA of the tests does by itself."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

ENDPOINTS = ("newNonce", "newAccount", "newOrder", "keyChange")
PROBLEM = "urn:ietf:params:acme:error:"


@dataclass(frozen=True, slots=True)
class Said:
    """One answer; `body` None is none. `{ca}` in headers and texts is the CA's own URL."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ScriptedCa:
    """`says`: the next answers by path, the last one again and again; `meta`: of its directory."""

    url: str
    ca_certificates: str
    says: dict[str, list[Said]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def access(self) -> dict[str, Any]:
        """As the inputs of an Account."""
        return {"directoryUrl": f"{self.url}/dir", "caCertificates": self.ca_certificates}

    def answer(self, path: str) -> Said:
        self.asked.append(path)
        if path == "dir":
            return Said(200, {**{each: f"{self.url}/{each}" for each in ENDPOINTS}, "meta": self.meta})
        waiting = self.says.get(path) or [Said(200, {"status": "valid"}, {"Location": "{ca}/account/1"})]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def scripted_ca() -> Iterator[ScriptedCa]:
    """Serve it on a free loopback port."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    ca = ScriptedCa("", authority.cert_pem.bytes().decode())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(ca.answer(self.path.strip("/")))

        def do_HEAD(self) -> None:
            self._say(Said(200))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._say(ca.answer(self.path.strip("/")))

        def _say(self, said: Said) -> None:
            content = b"" if said.body is None else json.dumps(said.body).replace("{ca}", ca.url).encode()
            self.send_response(said.status)
            for name, value in {"Replay-Nonce": "bm9uY2U", **said.headers}.items():
                self.send_header(name, value.replace("{ca}", ca.url))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
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
