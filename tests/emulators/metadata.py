"""A metadata service on an address of the test's own: HTTP on loopback, as a cloud's is on link-local."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.emulators.proxy import Handler, Request


class Service:
    """`address` is its URL without a path, `requests` what it was asked, in order."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.requests: list[Request] = []


@contextmanager
def metadata(handler: Handler) -> Iterator[Service]:
    """Answer with this handler while the block runs; raises the first fault of the handler at its end."""
    with _Server(("127.0.0.1", 0), _Connection) as server:
        server.handler, server.faults = handler, []
        server.service = Service(f"http://127.0.0.1:{server.server_address[1]}")
        accepting = threading.Thread(target=server.serve_forever, args=(0.01,))
        accepting.start()
        try:
            yield server.service
        finally:
            server.shutdown()
            accepting.join()
    if server.faults:
        raise server.faults[0]


class _Server(http.server.ThreadingHTTPServer):
    handler: Handler
    service: Service
    faults: list[Exception]


class _Connection(http.server.BaseHTTPRequestHandler):
    server: _Server

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        url = urlsplit(self.path)
        request = Request(self.command, headers.get("host", ""), url.path, url.query, headers, body)
        self.server.service.requests.append(request)
        try:
            response = self.server.handler(request)
        except Exception as fault:  # it belongs to the test, whose thread is another one
            self.server.faults.append(fault)
            self.send_error(500)
            return
        self.send_response(response.status)
        for name, value in {**response.headers, "content-length": str(len(response.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)

    do_GET = do_PUT = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server names it
        """Nothing: the test sees `requests`."""
