"""Talking to a CA: nonces, trust, and a CA that is not there or no CA."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from stacks.errors import StackError
from stacks.provider.acme.authority import Access, Authorities
from stacks.provider.acme.keys import make_key
from stacks.provider.acme.problems import AuthorityError
from tests.servers.challtestsrv import Challtestsrv
from tests.servers.pebble import Pebble, pebble
from tests.stacks.provider.broker_server import BrokerServer
from tests.stacks.provider.driver import Driver

pytestmark = pytest.mark.server


def trusted(ca: Pebble) -> Access:
    return Access(ca.directory_url, ca.ca_file.read_text(), make_key("ec256"))


@contextmanager
def https(handler: type[BaseHTTPRequestHandler]) -> Iterator[Access]:
    """An HTTPS server that is trusted."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    server = HTTPServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield Access(f"https://localhost:{server.server_port}/dir", authority.cert_pem.bytes().decode())
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def no_ca(status: int, body: bytes) -> Iterator[Access]:
    """A server that knows nothing of ACME."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
            return

    with https(Handler) as access:
        yield access


def refused(access: Access) -> AuthorityError:
    with pytest.raises(AuthorityError) as error, Authorities().talk(access):
        pass
    assert access.directory_url in str(error.value)
    assert error.value.hint
    return error.value


def test_a_ca_that_rejects_most_nonces_is_no_obstacle(
    dns: Challtestsrv, broker: BrokerServer, driver: Driver, tmp_path: Path
) -> None:
    """RFC 8555 6.5: a rejected nonce is no failure."""
    with pebble(tmp_path, dns=dns.address, reject_nonces=50, retry_after=0) as server:
        _, certificate = Driver(server, broker, driver.run).issued("a.test", "*.a.test")
    assert certificate["serial"]


def test_connections_and_the_directory_are_kept(ca: Pebble) -> None:
    authorities, access = Authorities(), trusted(ca)
    before = ca.log.count("GET /dir")
    for _ in range(3):
        with authorities.talk(access) as talk:
            assert talk.directory["newOrder"]
    assert ca.log.count("GET /dir") - before == 1


def test_only_the_given_roots_are_trusted(ca: Pebble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even when the environment brings the right one."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca.ca_file))
    other = trustme.CA().cert_pem.bytes().decode()
    error = refused(Access(ca.directory_url, other))
    assert "not trusted" in str(error)
    assert "caCertificates" in error.hint


def test_without_roots_the_public_ones_are_trusted(ca: Pebble) -> None:
    assert "not trusted" in str(refused(Access(ca.directory_url, None)))


def test_an_expired_certificate_is_told_as_such(dns: Challtestsrv, tmp_path: Path) -> None:
    with pebble(tmp_path, dns=dns.address, tls_expired=True) as server:
        assert "expired" in str(refused(trusted(server)))


def test_a_dead_ca_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = refused(Access(f"https://localhost:{port}/dir", None))
    assert str(error).endswith("can't be reached: nothing accepts connections there")


def test_a_name_that_does_not_resolve_is_told_as_such() -> None:
    assert "can't be reached" in str(refused(Access("https://ca.invalid/dir", None)))


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>hello</html>"), (200, b"{}"), (200, b"[]"), (404, b"no"), (500, b'{"a": 1}')],
)
def test_a_server_that_is_no_ca_is_told_as_such(status: int, body: bytes) -> None:
    with no_ca(status, body) as access:
        error = refused(access)
    assert f"HTTP {status} with something that is not ACME" in str(error)


def test_a_problem_of_the_ca_carries_its_status_and_words(ca: Pebble, driver: Driver) -> None:
    account = driver.account()
    access = Access(ca.directory_url, ca.ca_file.read_text(), account["privateKeyPem"], account["accountUri"])
    with pytest.raises(AuthorityError) as error, Authorities().talk(access) as talk:
        talk.post(talk.directory["newOrder"], {"identifiers": []}, "do it")
    assert str(error.value).startswith(f"could not do it: the CA at {ca.directory_url} says malformed: ")
    assert (error.value.code, error.value.status) == ("malformed", 400)
    assert error.value.hint


def test_what_the_ca_does_not_have_is_an_error_with_that_status(ca: Pebble, driver: Driver) -> None:
    account = driver.account()
    access = Access(ca.directory_url, ca.ca_file.read_text(), account["privateKeyPem"], account["accountUri"])
    with pytest.raises(AuthorityError) as error, Authorities().talk(access) as talk:
        talk.read(ca.directory_url.replace("/dir", "/my-order/nothing"), "read it")
    assert error.value.status == 404


@pytest.mark.parametrize(("payload", "sent"), [(None, 2), ({"identifiers": []}, 1)])
def test_only_what_changes_nothing_is_sent_again_when_a_connection_breaks(
    payload: dict[str, Any] | None, sent: int
) -> None:
    """A CA closes kept connections when it likes. A second newOrder would be a second order."""
    posts: list[str] = []

    class Breaking(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            urls = {
                each: f"https://{self.headers['Host']}/{each}"
                for each in ("newNonce", "newAccount", "newOrder")
            }
            self._answer(json.dumps(urls).encode())

        def do_HEAD(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            posts.append(self.path)
            if len(posts) > 1:
                self._answer(b'{"status": "valid"}')

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Replay-Nonce", "bm9uY2U")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
            return

    with (
        https(Breaking) as access,
        Authorities().talk(replace(access, account_key_pem=make_key("ec256"))) as talk,
    ):
        if sent == 2:
            assert talk.post(talk.directory["newOrder"], payload, "read it").body == {"status": "valid"}
        else:
            with pytest.raises(AuthorityError, match="could not order it"):
                talk.post(talk.directory["newOrder"], payload, "order it")
    assert len(posts) == sent


def test_a_key_that_is_none_is_told_without_its_content(ca: Pebble) -> None:
    access = Access(ca.directory_url, ca.ca_file.read_text(), "canary", "https://localhost/account")
    with pytest.raises(StackError, match="PEM text") as error, Authorities().talk(access):
        pass
    assert "canary" not in str(error.value)


def test_no_repr_holds_the_account_key(ca: Pebble) -> None:
    assert "PRIVATE" not in repr(trusted(ca))
