"""Whether a CA answers at all (E1)."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.sandbox import certificates
from stacks.provider.acme.answering import answers
from stacks.provider.acme.authority import Access, Authorities


@contextmanager
def answering(status: int, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """The directory of a CA that answers with this."""

    class Directory(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that trusts nobody goes away."""

    with Quiet(("127.0.0.1", 0), Directory) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"{'https' if context else 'http'}://localhost:{server.server_port}/directory"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "there"), [(200, True), (404, True), (429, True), (500, False), (503, False)]
)
def test_one_that_refuses_is_there_and_one_with_a_fault_of_its_own_is_not(status: int, there: bool) -> None:
    with answering(status) as url:
        assert answers(Authorities(), Access(url, None)) is there


def test_one_that_nobody_listens_at_is_not_there() -> None:
    with answering(200) as url:
        pass
    assert not answers(Authorities(), Access(url, None))


def test_one_that_is_not_trusted_is_there(tmp_path: Path) -> None:
    """What schedules renewals does not know the roots of every CA; ordering there will."""
    files = certificates.make(tmp_path, now=datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with answering(200, context) as url:
        assert answers(Authorities(), Access(url, None))
        assert answers(Authorities(), Access(url, files.ca.read_text()))
