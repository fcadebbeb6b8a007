"""Signing requests: made with the names, or a user's own, which is taken or refused with its reason (E1)."""

import ssl
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from stacks.provider.acme.keys import KEY_TYPES, make_key, read_key
from stacks.provider.acme.signing_requests import (
    asks_for_stapling,
    is_for_key,
    make,
    names_in,
    signing_request,
)
from stacks.provider.properties import Refused
from tests.stacks.provider.acme.requests_made import KEY, changed, csr

SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
STAPLED = x509.TLSFeature([x509.TLSFeatureType.status_request])
STAPLED_TWICE = x509.TLSFeature([x509.TLSFeatureType.status_request, x509.TLSFeatureType.status_request_v2])
GOOD = csr("a.test")
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505  (what is to be refused)
SHA1 = """-----BEGIN CERTIFICATE REQUEST-----
MIHeMIGGAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAStP11/E8eau829
r4XENuTYYvR6Sf64fsvelcIuyeaLjbChG6IfmkGTyjcgTc9ghfJuMD4e84H/Hwor
zWPadxS9oCQwIgYJKoZIhvcNAQkOMRUwEzARBgNVHREECjAIggZhLnRlc3QwCQYH
KoZIzj0EAQNIADBFAiEAuuRZQeL4Pzf1sfxWRbHZmQ9KxArMexCcc70FW6n0+xYC
IDx/HjflFuIYoQ/D1ToQm5pKqRtmZ5FApGg9j2CUQj5s
-----END CERTIFICATE REQUEST-----
"""
ODD = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_a_request_of_ours_holds_the_names_and_is_one_that_we_take(key_type: str) -> None:
    key = make_key(key_type)
    made = make(key, ["a.test", "*.a.test"])
    request = x509.load_pem_x509_csr(made.encode())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["a.test", "*.a.test"]
    assert names.critical
    assert list(request.subject) == []
    assert request.is_signature_valid
    assert request.public_key() == read_key(key).public_key()
    assert is_for_key(made, key)
    assert signing_request(made) == made
    assert not asks_for_stapling(made)
    assert asks_for_stapling(make(key, ["a.test"], must_staple=True))


@pytest.mark.parametrize(
    "text",
    [
        csr("a.test"),
        "  \n" + csr("a.test").replace("\n", "\r\n"),
        csr("a.test").replace(" CERTIFICATE", " NEW CERTIFICATE"),
        "made by openssl\n" + csr("a.test"),
    ],
)
def test_a_users_request_is_brought_into_one_form(text: str) -> None:
    """So that another line break is not another order."""
    assert x509.load_pem_x509_csr(signing_request(text).encode()).public_key() == KEY.public_key()
    assert signing_request(text).startswith("-----BEGIN CERTIFICATE REQUEST-----\n")
    assert "\r" not in signing_request(text)


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (csr("A.test.", "*.a.test"), ["a.test", "*.a.test"]),
        (csr("a.test", common="a.test"), ["a.test"]),
        (csr(common="a.test"), ["a.test"]),
        (csr("a.test", common="www.a.test"), ["a.test", "www.a.test"]),
        (
            csr("a.test", extensions=[SERVER, STAPLED, x509.BasicConstraints(ca=False, path_length=None)]),
            ["a.test"],
        ),
        (csr("a.test", extensions=[ODD]), ["a.test"]),
    ],
)
def test_its_names_are_the_alternative_ones_and_the_common_one(request_: str, names: list[str]) -> None:
    """RFC 8555 7.4: either place counts."""
    assert names_in(signing_request(request_)) == names


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("", "PEM text of one certificate signing request"),
        ("a.csr", "PEM text of one certificate signing request"),
        (csr("a.test") * 2, "of one certificate signing request"),
        (csr("a.test").replace("M", "=", 1), "PEM text of one certificate signing request"),
        (csr("a.test").replace(" REQUEST", ""), "PEM text of one certificate signing request"),
        (csr("a.test") + make_key("ec256"), "holds a private key too"),
        (changed(csr("a.test")), "changed after it was made"),
        (csr("a.test", key=SHORT), "RSA key of 1024 bits"),
        (csr("a.test", key=rsa.generate_private_key(3, 2048)), "exponent 3"),
        (csr("a.test", key=ec.generate_private_key(ec.SECP521R1())), "curve secp521r1"),
        (SHA1, "signed with SHA1"),
        (csr(), "names no domain"),
        (csr("a.test", general=[x509.IPAddress(IPv4Address("192.0.2.1"))]), "192.0.2.1, which is no domain"),
        (csr("a.test", general=[x509.RFC822Name("me@a.test")]), "me@a.test, which is no domain"),
        (csr("a.test", extensions=[x509.BasicConstraints(ca=True, path_length=0)]), "CA:TRUE"),
        (csr("a.test", extensions=[SIGNS]), "signs certificates"),
        (csr("a.test", extensions=[CLIENT]), "serverAuth"),
        (csr("a.test", extensions=[STAPLED_TWICE]), "TLS feature other than"),
        (csr("a.test", extensions=[ODD], critical=True), r"1\.2\.3\.4 as critical"),
    ],
)
def test_what_no_ca_makes_a_servers_certificate_of_is_refused_with_its_reason(
    request_: str, reason: str
) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        signing_request(request_)
    assert "PRIVATE KEY" not in str(refused.value)


def test_a_key_of_a_kind_that_no_public_ca_takes_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    names = x509.SubjectAlternativeName([x509.DNSName("a.test")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.add_extension(names, critical=False).sign(key, None)
    with pytest.raises(Refused, match="neither RSA nor ECDSA"):
        signing_request(request.public_bytes(Encoding.PEM).decode())


def test_everything_that_is_wrong_with_it_is_told_at_once() -> None:
    wrong = csr("a.test", key=SHORT, extensions=[CLIENT, x509.BasicConstraints(ca=True, path_length=0)])
    with pytest.raises(Refused) as refused:
        signing_request(wrong)
    assert len(refused.value.reasons) == 3


def test_a_name_that_can_not_be_a_domain_is_told() -> None:
    with pytest.raises(Refused, match=r"'a_b\.test', which holds '_'"):
        names_in(signing_request(csr("a_b.test")))


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda each: each.decode("latin-1")))
def test_any_text_is_a_request_or_refused(text: str) -> None:
    for each in (text, f"-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n"):
        with pytest.raises(Refused):
            signing_request(each)


@given(st.integers(min_value=0), st.integers(0, 255))
def test_a_damaged_request_is_refused_or_means_what_it_says(place: int, value: int) -> None:
    """One octet of it changed: nothing but a refusal ever comes of it, unless nothing changed."""
    good = x509.load_pem_x509_csr(GOOD.encode()).public_bytes(Encoding.DER)
    octets = bytearray(good)
    octets[place % len(octets)] = value
    if bytes(octets) == good:
        return
    pem = ssl.DER_cert_to_PEM_cert(bytes(octets)).replace(" CERTIFICATE", " CERTIFICATE REQUEST")
    try:
        taken = signing_request(pem)
    except Refused:
        return
    assert names_in(taken) == ["a.test"]  # only the padding of a length can differ without a trace
