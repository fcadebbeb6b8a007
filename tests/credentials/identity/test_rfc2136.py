"""A DNS server proves a TSIG key by an answer that only its holder can sign."""

import base64
import secrets as random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import dns.message
import dns.name
import dns.tsig
import pytest

from credentials.identity import (
    ClockSkew,
    Identity,
    Inconclusive,
    NotVerifiable,
    Rejected,
    Unreachable,
    verify,
)
from tests.credentials.identity.asking import assert_nothing_told, secrets
from tests.servers.bind import Bind, TsigKey

SECRET = base64.b64encode(b"cAnArY-tsig-secret-of-32-bytes..").decode()
OTHER = base64.b64encode(random.token_bytes(32)).decode()
KEY = {"tsig-key": "tic-test", "tsig-secret": SECRET, "tsig-algorithm": "hmac-sha256."}

Answer = Callable[[bytes], bytes]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """A DNS server on loopback that answers one question over TCP; its `host:port`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as stream:
                said = answer(stream.read(int.from_bytes(stream.read(2), "big")))
                if said:
                    connection.sendall(len(said).to_bytes(2, "big") + said)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def answering(secret: str = SECRET, name: str = "tic-test", error: int = 0, ahead: int = 0) -> Answer:
    """A server with this key, whose clock is `ahead` by so many seconds."""
    key = dns.tsig.Key(name, secret, "hmac-sha256.")

    def answer(wire: bytes) -> bytes:
        question = dns.message.from_wire(wire, keyring=key)
        reply = dns.message.make_response(question)
        other = (int(time.time()) + ahead).to_bytes(6, "big") if error == 18 else b""
        reply.use_tsig(key, tsig_error=error, other_data=other)
        reply.request_mac = question.mac or b""
        return reply.to_wire()

    return answer


def unsigned(wire: bytes) -> bytes:
    question = dns.message.from_wire(wire, keyring=dns.tsig.Key("tic-test", SECRET, "hmac-sha256."))
    reply = dns.message.make_response(question)
    reply.tsig = None
    return reply.to_wire()


def refusing(error: int) -> Answer:
    """A server that refuses with this TSIG error, with no signature, as for a key that it does not know."""

    def answer(wire: bytes) -> bytes:
        question = dns.message.from_wire(wire, keyring=dns.tsig.Key("tic-test", SECRET, "hmac-sha256."))
        reply = dns.message.make_response(question, tsig_error=error)
        return reply.to_wire()

    return answer


def asked(nameserver: str, fields: Mapping[str, str] = KEY) -> Identity:
    return verify("rfc2136", secrets({"nameserver": nameserver, **fields}), timeout=5)


def test_an_answer_signed_with_the_key_proves_it() -> None:
    with server(answering()) as address:
        assert asked(address) == Identity(address, "tic-test", {"algorithm": "hmac-sha256."})


@pytest.mark.parametrize(("error", "code"), [(16, "BADSIG"), (17, "BADKEY")])
def test_a_key_that_the_server_does_not_hold_is_rejected(
    error: int, code: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with server(refusing(error)) as address, pytest.raises(Rejected) as caught:
        asked(address)
    assert caught.value.code == code
    assert_nothing_told(caught.value, [SECRET, "cAnArY"], caplog, capfd)


def test_an_answer_that_somebody_else_signed_proves_nothing() -> None:
    def forged(wire: bytes) -> bytes:
        return answering(OTHER)(dns_signed_with(OTHER, wire))

    with server(forged) as address, pytest.raises(Rejected) as caught:
        asked(address)
    assert caught.value.code == "BADSIG"


def test_an_answer_without_a_signature_proves_nothing() -> None:
    with server(unsigned) as address, pytest.raises(Inconclusive):
        asked(address)


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_a_clock_that_is_off_is_not_a_wrong_key(ahead: int) -> None:
    with server(answering(error=18, ahead=ahead)) as address, pytest.raises(ClockSkew) as caught:
        asked(address)
    assert caught.value.skew is not None
    assert abs(caught.value.skew + timedelta(seconds=ahead)) < timedelta(minutes=1)


@pytest.mark.parametrize("said", [b"", b"\0", b"no DNS message at all"])
def test_what_is_no_answer_is_said_to_be_that(said: bytes) -> None:
    with server(lambda _: said) as address, pytest.raises((Inconclusive, Unreachable)):
        asked(address)


def test_a_server_that_is_not_there_is_no_rejection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(Unreachable, match="the connection is refused") as caught:
        asked(address)
    assert caught.value.exit_code == 6


def test_without_a_key_there_is_nobody_to_ask_about() -> None:
    with pytest.raises(NotVerifiable, match="it has no TSIG key"):
        asked("ns1.example.com", {})


@pytest.mark.server
def test_bind_proves_a_key_and_refuses_another(shared_bind: Bind, tsig_key: TsigKey) -> None:
    fields = {"tsig-key": tsig_key.name, "tsig-secret": tsig_key.secret, "tsig-algorithm": tsig_key.algorithm}
    assert asked(shared_bind.address, fields).principal == tsig_key.name
    with pytest.raises(Rejected, match="BADSIG"):
        asked(shared_bind.address, {**fields, "tsig-secret": OTHER})
    with pytest.raises(Rejected, match="BADKEY"):
        asked(shared_bind.address, {**fields, "tsig-key": "another"})


def dns_signed_with(secret: str, wire: bytes) -> bytes:
    """The same question, signed with another secret."""
    question = dns.message.from_wire(wire, keyring=dns.tsig.Key("tic-test", SECRET, "hmac-sha256."))
    question.use_tsig(dns.tsig.Key("tic-test", secret, "hmac-sha256."))
    return question.to_wire()
