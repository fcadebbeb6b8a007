"""What is served is what was issued, at every address, or it is said what is served instead (E3)."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from stacks.serving.comparison import Finding, Issued, check
from stacks.serving.endpoint import Endpoint
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.serving.servers import Talk, at_once, imap, serving, smtp

SCHEMES: dict[str, Talk] = {"https": at_once, "smtp": smtp, "imap": imap}


@dataclass(slots=True)
class Files:
    """What the server shows next."""

    folder: Path

    def show(self, one: Chain, *chain_pem: str) -> None:
        (self.folder / "chain.pem").write_text("".join((one.certificate, *chain_pem)))
        (self.folder / "key.pem").write_text(one.key)

    def __call__(self) -> tuple[Path, Path]:
        return self.folder / "chain.pem", self.folder / "key.pem"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def made() -> Chain:
    return chain("a.test")


def looked(port: int, issued: Chain, scheme: str = "https", seconds: float = 5.0) -> Finding:
    endpoint = Endpoint.read(f"{scheme}://127.0.0.1:{port}?sni=a.test")
    (finding,) = check(endpoint, Issued.of(issued.certificate, issued.intermediate), seconds)
    return finding


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_was_issued_is_known_behind_every_greeting(files: Files, made: Chain, scheme: str) -> None:
    files.show(made, made.intermediate)
    with serving(files, SCHEMES[scheme]) as port:
        finding = looked(port, made, scheme)
        assert finding.served, finding.text
        assert finding.serial == "1234"
        assert "valid until" in finding.text


def test_the_root_may_be_sent_or_left_out(files: Files, made: Chain) -> None:
    files.show(made, made.intermediate, made.root)
    with serving(files) as port:
        assert looked(port, made).served


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (lambda made: (chain("a.test", serial=0x99),), "serves another certificate: serial 99, valid until"),
        (lambda made: (made,), "serves it without 1 of the 1 certificates of its chain"),
        (lambda made: (made, chain("b.test").intermediate), "serves it without 1 of the 1"),
    ],
    ids=["another", "no chain", "another's chain"],
)
def test_anything_else_is_told(
    files: Files, made: Chain, shown: Callable[[Chain], tuple[Chain, str]], text: str
) -> None:
    files.show(*shown(made))
    with serving(files) as port:
        finding = looked(port, made)
    assert not finding.served
    assert text in finding.text


def silent(raw: socket.socket) -> bool:
    raw.recv(65536)
    return False


def garbage(raw: socket.socket) -> bool:
    raw.sendall(b"220 " + b"x" * 100_000)
    return False


@pytest.mark.parametrize(
    ("talk", "scheme", "text"),
    [
        (partial(smtp, offers=b""), "smtp", "the SMTP server offers no STARTTLS"),
        (partial(imap, answer=b"NO"), "imap", "the IMAP server offers no STARTTLS"),
        (garbage, "smtp", "the server"),
        (garbage, "https", "the TLS handshake failed"),
        (silent, "https", "the TLS handshake failed"),
        (silent, "imap", "no answer in time"),
    ],
)
def test_a_server_that_does_not_speak_as_it_should_is_told_of(
    files: Files, made: Chain, talk: Talk, scheme: str, text: str
) -> None:
    with serving(files, talk) as port:
        finding = looked(port, made, scheme, seconds=1.0)
    assert not finding.served
    assert text in finding.text


def test_nobody_there_and_no_such_name_are_findings_too(made: Chain) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert looked(port, made).text == "Connection refused"
    issued = Issued.of(made.certificate, made.intermediate)
    (finding,) = check(Endpoint.read("nobody.invalid"), issued)
    assert "nobody.invalid has no address" in finding.text


def test_every_address_of_a_name_must_serve_it(files: Files, made: Chain, tmp_path: Path) -> None:
    """One of several machines that still serves the old certificate is one that clients meet."""
    files.show(made, made.intermediate)
    with serving(files) as port, serving(files, host="::1") as _:
        endpoint = Endpoint.read(f"localhost:{port}")
        findings = check(endpoint, Issued.of(made.certificate, made.intermediate), 2.0)
    by_address = {each.address: each.served for each in findings}
    assert by_address.get("127.0.0.1") is True
    assert all(not served for address, served in by_address.items() if address != "127.0.0.1")
