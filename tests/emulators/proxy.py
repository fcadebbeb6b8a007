"""The clouds as a test makes them: a CONNECT proxy that answers for some host names, and knows no other.

A process with the environment of `clouds({...})` speaks HTTPS to the names that it always speaks to, through
a proxy on loopback with certificates of a CA that this environment alone trusts. Nothing leaves the machine:
a host that the test did not name is refused (403 on CONNECT) and remembered.
"""

import http.server
import json
import socket
import ssl
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import trustme


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked; `path` and `query` as on the wire, header names in lower case."""

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """The query, decoded; of a name that stands twice the last value."""
        return dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The body as a URL-encoded form."""
        return dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """What a cloud answers."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def json(cls, value: Any, status: int = 200) -> "Response":
        """A JSON answer."""
        return cls(status, {"content-type": "application/json"}, json.dumps(value).encode())


Handler = Callable[[Request], Response]


class Clouds(dict[str, str]):
    """The environment of a process that lives in these clouds, and what reached them.

    `requests` are those that a handler got, in order; `refused` the hosts that no handler stands for;
    `faults` what handlers raised (their client saw a 500).
    """

    def __init__(self, handlers: Mapping[str, Handler], proxy: str, ca_file: Path) -> None:
        super().__init__(dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), proxy))
        self.update(dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost,::1"))
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"):
            self[name] = str(ca_file)
        self.handlers = handlers
        self.requests: list[Request] = []
        self.refused: list[str] = []
        self.faults: list[Exception] = []

    def answer(self, request: Request) -> Response:
        """What the host's handler answers; one that raises ConnectionError hangs up on its client."""
        self.requests.append(request)
        try:
            return self.handlers[request.host](request)
        except ConnectionError:
            raise
        except Exception as fault:  # it belongs to the test, whose thread is another one
            self.faults.append(fault)
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR)


@contextmanager
def clouds(handlers: Mapping[str, Handler]) -> Iterator[Clouds]:
    """Answer for these hosts while the block runs; raises the first fault of a handler at the end."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*handlers).configure_cert(context)
    with tempfile.TemporaryDirectory() as folder, _Server(context) as server:
        ca_file = Path(folder) / "ca.pem"
        ca.cert_pem.write_to_path(ca_file)
        server.clouds = Clouds(handlers, f"http://127.0.0.1:{server.server_address[1]}", ca_file)
        accepting = threading.Thread(target=server.serve_forever, args=(0.01,))
        accepting.start()
        try:
            yield server.clouds
        finally:
            server.shutdown()
            accepting.join()
            server.hang_up()
    if server.clouds.faults:
        raise server.clouds.faults[0]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # its end waits for every connection's thread
    clouds: Clouds

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.context = context
        self.sockets: set[socket.socket] = set()

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for one in list(self.sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    tunnel = ""

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()
        self.server.sockets.add(self.connection)

    def handle(self) -> None:
        with suppress(ConnectionError, ssl.SSLError):  # the client went away; it knows why
            super().handle()

    def finish(self) -> None:
        self.server.sockets.discard(self.connection)
        with suppress(OSError):
            super().finish()
        self.connection.close()

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0]
        if not self._known(host):
            return
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        self.wfile.flush()
        self.rfile.close()
        self.server.sockets.discard(self.connection)
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.server.sockets.add(self.connection)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.tunnel = host
        self.close_connection = False  # though some clients say HTTP/1.0 here

    def _answer(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        host = self.tunnel or url.hostname or ""
        if not self._known(host):
            return
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        body = self._body()
        request = Request(self.command, host, url.path, url.query, headers, body)
        response = self.server.clouds.answer(request)
        if any(name.lower() == "date" for name in response.headers):  # a cloud with a clock of its own
            self.send_response_only(response.status)
        else:
            self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def _known(self, host: str) -> bool:
        if host in self.server.clouds.handlers:
            return True
        self.server.clouds.refused.append(host)
        self.send_response(HTTPStatus.FORBIDDEN)
        self.send_header("content-length", "0")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.flush()
        return False

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server names it
        """Nothing: the test sees `requests` and `refused`."""
