"""What keeps a CA from being reached is told in our words, with a step that helps; by servers that do it."""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import requests
import trustme
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from stacks.provider.acme.authority import Access, Authorities
from stacks.provider.acme.directories import directory_url
from stacks.provider.acme.faults import fault
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.properties import Refused

OURS = trustme.CA()
Handle = Callable[[socket.socket], None]
Serve = Callable[[Handle], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give each connection at a port of localhost to a function; returns the URL of a directory there."""
    doors: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def begin(handle: Handle) -> str:
        door = socket.create_server(("127.0.0.1", 0))
        doors.append(door)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = door.accept()
                    with client, suppress(OSError):
                        handle(client)

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        return f"https://localhost:{door.getsockname()[1]}/dir"

    yield begin
    for door in doors:
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
        door.close()
    for thread in threads:
        thread.join()


def over_tls(answer: bytes, *, name: str = "localhost", ciphers: str = "") -> Handle:
    """Serve TLS as `name`, read a request, answer it."""

    def handle(client: socket.socket) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        OURS.issue_cert(name).configure_cert(context)
        if ciphers:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(ciphers)
        with context.wrap_socket(client, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(answer)

    return handle


def without_tls(client: socket.socket) -> None:
    client.recv(4096)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def refused(url: str, roots: str | None = None) -> AuthorityError:
    trusted = OURS.cert_pem.bytes().decode() if roots is None else roots
    with pytest.raises(AuthorityError) as error, Authorities().talk(Access(url, trusted)):
        pass
    return error.value


CASES = [
    (without_tls, "does not speak TLS there", "host and port of `directoryUrl`"),
    (lambda client: client.recv(65_536), "it broke the TLS handshake off", "host and port of `directoryUrl`"),
    (
        over_tls(b"", name="other.test"),
        "its certificate is not for localhost",
        "as the CA's certificate has it",
    ),
    (over_tls(b""), "closed the connection without an answer", "the network"),
    (over_tls(b"no HTTP at all\r\n\r\n"), "does not speak HTTP", "the network"),
    (over_tls(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"), "its answer broke off", "the network"),
    (
        over_tls(b"HTTP/1.1 302 F\r\nLocation: /dir\r\nContent-Length: 0\r\n\r\n"),
        "redirects without end",
        "the network",
    ),
    (
        over_tls(b"", ciphers="ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"),
        "no version or cipher of TLS in common",
        "update",
    ),
]


@pytest.mark.parametrize(("handle", "words", "step"), CASES, ids=[words for _, words, _ in CASES])
def test_a_server_that_is_no_ca_is_told_as_what_it_is(
    serve: Serve, handle: Handle, words: str, step: str
) -> None:
    url = serve(handle)
    error = refused(url)
    assert str(error).startswith(f"could not read the CA's directory: the CA at {url} ")
    assert words in str(error)
    assert step in error.hint


def test_a_root_that_is_another_is_what_ca_certificates_are_for(serve: Serve) -> None:
    error = refused(serve(over_tls(b"")), trustme.CA().cert_pem.bytes().decode())
    assert str(error).endswith("is not trusted: its certificate comes from a root that is not trusted here")
    assert "`caCertificates`" in error.hint


@pytest.mark.parametrize("code", [9, 10, 18, 62, 1])
def test_what_the_clock_or_the_name_is_to_blame_for_is_no_matter_of_roots(code: int) -> None:
    raised = ssl.SSLCertVerificationError(1, "canary of OpenSSL (_ssl.c:1006)")
    raised.verify_code = code
    found = fault(requests.exceptions.SSLError(raised), "https://ca.test/dir")
    assert ("caCertificates" in found.hint) == (code in {18, 1})
    assert "canary" not in found.words


WITH_WORDS = st.sampled_from(
    [
        lambda text: OSError(5, text),
        lambda text: ConnectionResetError(104, text),
        socket.gaierror,
        http.client.BadStatusLine,
        http.client.LineTooLong,
        ssl.SSLError,
        urllib3.exceptions.ProtocolError,
        urllib3.exceptions.LocationParseError,
        ValueError,
    ]
)
AROUND = st.sampled_from(
    [
        requests.exceptions.ConnectionError,
        requests.exceptions.SSLError,
        requests.exceptions.ProxyError,
        requests.exceptions.ReadTimeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.InvalidURL,
        requests.exceptions.RequestException,
    ]
)


@given(WITH_WORDS, st.lists(AROUND, min_size=1, max_size=3))
def test_nothing_that_a_library_says_is_repeated(make: Callable[..., Exception], around: list[type]) -> None:
    """It may have the password of a proxy in it."""
    error: Exception = make("canary http://user:password@proxy <object at 0x7f>")
    for each in around:
        outer = each(error)
        outer.__context__ = error
        error = outer
    found = fault(error, "https://ca.test/dir")
    assert found.words
    assert found.hint
    assert not any(each in f"{found.words} {found.hint}" for each in ("canary", "password", "0x", "_ssl"))


@pytest.mark.parametrize(
    "url",
    ["https://a..b/dir", f"https://{'a' * 64}.test/dir", "https://ca.test:99999/dir", "https://[::1/dir",
     "https://ca.test:x/dir", "https://.test/dir", "https://ca.test:0/dir"],
)  # fmt: skip
def test_a_url_that_no_request_could_be_made_of_is_refused_beforehand(url: str) -> None:
    with pytest.raises(Refused, match="must be an https:// URL"):
        directory_url(url)


@given(st.text(max_size=40))
def test_any_text_is_a_url_that_is_taken_or_refused(text: str) -> None:
    with suppress(Refused):
        assert urlsplit(directory_url(f"https://{text}")).hostname


@pytest.mark.parametrize("url", ["https://[::1]:14000/dir", "https://ca.test./dir", "https://127.0.0.1:1/x"])
def test_addresses_and_whole_names_are_taken(url: str) -> None:
    assert directory_url(url) == url
