"""Name and value of a DNS-01 record (RFC 8555 8.4)."""

import pytest
from acme import challenges
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

from stacks.dns.record import Challenge, IdentifierMalformed, record_name, record_value


def test_name_and_value_are_what_the_acme_library_computes() -> None:
    key = JWKEC(key=ComparableECKey(ec.generate_private_key(ec.SECP256R1())))
    challenge = challenges.DNS01(token=b"0123456789abcdef")
    ours = Challenge("example.org", challenge.encode("token"), challenge.key_authorization(key))
    assert ours.value == challenge.validation(key)
    assert ours.name == challenge.validation_domain_name("example.org")


@given(st.text(alphabet=st.characters(codec="ascii"), min_size=1))
def test_a_value_is_43_characters_of_base64url(key_authorization: str) -> None:
    value = record_value(key_authorization)
    assert len(value) == 43
    assert set(value) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize("identifier", ["*.example.org", "example.org.", "EXAMPLE.org", "example.org"])
def test_a_wildcard_and_its_apex_share_one_name(identifier: str) -> None:  # D5
    challenge = Challenge(identifier, "token", "token.thumbprint")
    assert (challenge.name, challenge.domain) == ("_acme-challenge.example.org", "example.org")


@pytest.mark.parametrize(
    "identifier",
    ["", ".", "bücher.example", "a..b", "x" * 64 + ".org", "a b.org", 'a".org', ".".join(["a" * 60] * 5)],
)
def test_what_is_no_domain_name_is_refused_with_what_to_write(identifier: str) -> None:
    with pytest.raises(IdentifierMalformed, match="is not a domain name") as refused:
        record_name(identifier)
    assert "example.org" in refused.value.hint


@given(st.text())
def test_any_text_is_a_name_or_refused(identifier: str) -> None:
    try:
        name = record_name(identifier)
    except IdentifierMalformed:
        return
    assert name.startswith("_acme-challenge.")
    assert name == name.lower()
