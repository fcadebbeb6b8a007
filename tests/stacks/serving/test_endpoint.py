"""Where certificates are served, as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.serving.endpoint import Endpoint


@pytest.mark.parametrize(
    ("text", "normal", "sni"),
    [
        ("www.example.test", "www.example.test:443", "www.example.test"),
        ("WWW.Example.test.:8443", "www.example.test:8443", "www.example.test"),
        ("https://www.example.test/", "www.example.test:443", "www.example.test"),
        ("smtp://mx.example.test:587", "smtp://mx.example.test:587", "mx.example.test"),
        ("imap://mail.example.test", "imap://mail.example.test:143", "mail.example.test"),
        ("tls://192.0.2.1:9000", "tls://192.0.2.1:9000", None),
        ("[2001:db8::1]:443", "[2001:db8::1]:443", None),
        ("192.0.2.1:443?sni=a.test", "192.0.2.1:443?sni=a.test", "a.test"),
        ("lb.test?sni=www.test", "lb.test:443?sni=www.test", "www.test"),
        ("bücher.test", "xn--bcher-kva.test:443", "xn--bcher-kva.test"),
    ],
)
def test_an_endpoint_has_one_normal_form(text: str, normal: str, sni: str | None) -> None:
    endpoint = Endpoint.read(text)
    assert (str(endpoint), endpoint.sni) == (normal, sni)
    assert Endpoint.read(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        *("", ":443", "a b", "ftp://a.test", "a.test:0", "a.test:70000", "a.test:x", "https://a.test/path"),
        *("a.test?sni=", "a.test?other=1", "https://me@a.test", "a..test", "-a.test", "a.test#x", "*.a.test"),
    ],
)
def test_what_names_no_endpoint_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|is none of|takes|has a port"):
        Endpoint.read(text)


@given(st.text(max_size=40))
def test_any_text_is_an_endpoint_or_is_refused(text: str) -> None:
    try:
        endpoint = Endpoint.read(text)
    except ValueError:
        return
    assert Endpoint.read(str(endpoint)) == endpoint
