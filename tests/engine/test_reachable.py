"""A service that others can reach has TLS, or a proxy that has it; else it is not served."""

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.reachable import InTheClear, NotServed, Reachable, listener
from engine.tls import CertificateFiles
from tests.servers.process import free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing is bound to it here
TLS = CertificateFiles(Path("cert.pem"), Path("key.pem"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_loopback_nothing_more_is_asked_for(host: str) -> None:
    Reachable(host).check()
    assert not Reachable(host).is_for_strangers


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "2001:db8::1"])
def test_a_network_takes_tls(host: str) -> None:
    with pytest.raises(InTheClear) as caught:
        Reachable(host).check()
    assert "--tls-cert" in caught.value.hint
    assert "--behind-proxy" in caught.value.hint
    Reachable(host, tls=TLS).check()
    assert Reachable(host, tls=TLS).is_for_strangers


def test_behind_a_proxy_it_listens_on_this_machine_alone_and_callers_are_strangers() -> None:
    reachable = Reachable(proxy="https://tic.example.test")
    reachable.check()
    assert reachable.is_for_strangers
    for other in (Reachable(EVERYWHERE, proxy="https://t.test"), Reachable(tls=TLS, proxy="https://t.test")):
        with pytest.raises(NotServed, match="from this machine alone"):
            other.check()


@pytest.mark.parametrize(
    "url",
    [
        *("", "\n", "tic.example.test", "http://tic.example.test", "https://", "https://a/b", "https://a?b"),
        *("https://a#b", "https://u:p@a", "https://a:b", "https://a:", "https://a:99999", "https://[::1"),
        *("https://a b", "https://a\x1b[1m", "https://ä.test", " https://a", "https://a,b", "https://a&b"),
    ],
)
def test_a_proxy_is_named_by_the_url_of_its_host(url: str) -> None:
    with pytest.raises(NotServed, match="is not the URL of a proxy"):
        Reachable(proxy=url).check()


@pytest.mark.parametrize(
    "url", ["https://a", "https://A.test:8443", "https://[2001:db8::1]:8443", "https://1.2.3.4"]
)
def test_with_a_port_or_without(url: str) -> None:
    Reachable(proxy=url).check()


@given(st.text(max_size=40))
def test_whatever_a_proxy_is_called_it_is_taken_or_refused(url: str) -> None:
    try:
        Reachable(proxy=url).check()
    except NotServed:
        return
    assert url.lower().startswith("https://")


@pytest.mark.parametrize("host", ["", "no such host", "x" * 300, "é" * 64, "256.1.1.1.example.invalid"])
def test_a_host_without_address_is_named(host: str) -> None:
    with pytest.raises(NotServed, match="has no address here"):
        Reachable(host).check()


def test_a_port_that_is_taken_is_named_and_one_that_was_is_free_again() -> None:
    port = free_port()
    with listener(Reachable(port=port)) as first:
        with (
            pytest.raises(NotServed, match=f"port {port} of 127.0.0.1 can't be used: Address already in use"),
            listener(Reachable(port=port)),
        ):
            pass
        with socket.create_connection(("127.0.0.1", port)), first.accept()[0]:
            pass  # what is left of a connection does not keep a server from its port
    with listener(Reachable(port=port)) as again:
        assert again.getsockname()[1] == port


def test_an_address_of_another_machine_is_named() -> None:
    with (
        pytest.raises(NotServed, match=r"port 0 of 192\.0\.2\.1 can't be used"),
        listener(Reachable("192.0.2.1")),
    ):
        pass
