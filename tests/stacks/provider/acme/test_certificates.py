"""Whether key, certificate, chain and names belong together, and what a certificate says."""

from datetime import timedelta

import pytest
from cryptography import x509

from stacks.provider.acme.certificates import (
    Mismatch,
    check_belongs,
    check_covers,
    read_issued,
    renewal_id,
    top_issuer,
)
from stacks.provider.acme.keys import read_key
from tests.stacks.provider.acme.chains import NOW, chain


def test_a_downloaded_chain_is_taken_apart() -> None:
    made = chain("a.test", "*.a.test", serial=0xABC)
    issued = read_issued(made.certificate + "\n" + made.intermediate)
    assert issued.certificate_pem == made.certificate
    assert issued.chain_pem == made.intermediate
    assert issued.fullchain_pem == made.certificate + made.intermediate
    assert issued.serial == "abc"
    assert issued.issuer == "CN=middle"
    assert issued.not_before == NOW
    assert issued.not_after == NOW + timedelta(days=90)
    assert issued.domains == ("a.test", "*.a.test")


@pytest.mark.parametrize(
    "text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_text_that_is_no_chain_is_refused_in_words_of_our_own(text: str) -> None:
    made = chain("a.test")
    with pytest.raises(ValueError, match=r"^the certificate is not the PEM text of one or more"):
        read_issued(text)
    with pytest.raises(ValueError, match=r"^the chain is not the PEM text of one or more"):
        check_belongs(made.certificate, text or "x", made.key)


def test_what_belongs_together_passes() -> None:
    """E3."""
    made = chain("a.test")
    check_belongs(made.certificate, made.intermediate + made.root, made.key)
    check_belongs(made.certificate, "", made.key)
    check_covers(made.certificate, ["a.test"])


def test_another_key_another_order_or_a_full_chain_as_the_certificate_is_refused() -> None:
    made, other = chain("a.test"), chain("a.test")
    with pytest.raises(Mismatch, match="key does not belong"):
        check_belongs(made.certificate, made.intermediate, other.key)
    with pytest.raises(Mismatch, match="not in order"):
        check_belongs(made.certificate, made.root + made.intermediate, made.key)
    with pytest.raises(Mismatch, match="not in order"):
        check_belongs(made.certificate, other.intermediate, made.key)
    with pytest.raises(Mismatch, match="2 certificates"):
        check_belongs(made.certificate + made.intermediate, "", made.key)
    with pytest.raises(Mismatch, match=r"does not hold b\.test"):
        check_covers(made.certificate, ["a.test", "b.test"])


def test_a_chain_is_known_by_the_issuer_that_it_ends_below() -> None:
    made = chain("a.test")
    assert top_issuer(made.certificate + made.intermediate) == "root"
    assert top_issuer(made.certificate) == "middle"


@pytest.mark.parametrize("serial", [0x7F, 0x80, 0x8765_4321, 2**158 + 1])
def test_the_name_in_renewal_information_is_that_of_the_acme_library(serial: int) -> None:
    """RFC 9773 4.1; checked against an independent implementation."""
    from acme.client import _renewal_info_path_component

    made = chain("a.test", serial=serial)
    assert renewal_id(made.certificate) == _renewal_info_path_component(
        x509.load_pem_x509_certificate(made.certificate.encode())
    )


def test_a_certificate_without_a_key_identifier_has_no_such_name() -> None:
    assert renewal_id(chain("a.test").root) is None


@pytest.mark.parametrize(
    "text", ["", "canary", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"]
)
def test_a_text_that_is_no_key_is_refused_without_its_content(text: str) -> None:
    with pytest.raises(ValueError, match="PEM text") as refused:
        read_key(text)
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None
