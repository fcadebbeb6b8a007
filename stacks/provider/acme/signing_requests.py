"""Certificate signing requests (RFC 2986; RFC 8555 7.4): made here, or a user's own, read and checked."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stacks.provider.acme.identifiers import domain
from stacks.provider.acme.keys import public_key_problem, read_key
from stacks.provider.properties import Refused

if TYPE_CHECKING:
    from cryptography.x509 import CertificateSigningRequest, Extensions, GeneralName

WEAK_HASHES = {"md5", "sha1"}
NOT_A_REQUEST = (
    "must be the PEM text of one certificate signing request (-----BEGIN CERTIFICATE REQUEST-----)"
)


def make(key_pem: str, names: Sequence[str], *, must_staple: bool = False) -> str:
    """A CSR in PEM: the names as alternative names, no subject (RFC 8555 7.4 allows both places).

    With `must_staple` it asks for the TLS feature of stapled OCSP answers (RFC 7633).
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(alternative, critical=True)
    if must_staple:
        stapled = x509.TLSFeature([x509.TLSFeatureType.status_request])
        builder = builder.add_extension(stapled, critical=False)
    signed = builder.sign(read_key(key_pem), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def signing_request(given: str) -> str:
    """A CSR of a user's own in its normal form; refuses what no CA would make a server's certificate of.

    Its signature, key and hash, the kinds of its names and its extensions are looked at; which names it holds
    is for `names_in`.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    if "PRIVATE KEY-----" in given:
        raise Refused("holds a private key too; give the request alone, the key stays where it is")
    if given.count("-----BEGIN ") != 1:
        raise Refused(NOT_A_REQUEST)
    try:
        request = _load(given)
        reasons = [*_of_signature(request), *_of_names(request), *_of_extensions(request.extensions)]
        normal = request.public_bytes(Encoding.PEM).decode()
    except _unreadable():
        raise Refused(NOT_A_REQUEST) from None
    if reasons:
        raise Refused(*reasons)
    return normal


def names_in(csr_pem: str) -> list[str]:
    """The names (in their normal form) that a request is for: its alternative names, then its common name.

    Raises Refused where one can't be a domain.
    """
    found: dict[str, None] = {}
    for name in _texts(_load(csr_pem)):
        try:
            found[domain(name)] = None
        except Refused as refused:
            raise Refused(*(f"is for {name!r}, which {reason}" for _, reason in refused.reasons)) from None
    return list(found)


def asks_for_stapling(csr_pem: str) -> bool:
    """Whether it has the TLS feature extension (RFC 7633)."""
    from cryptography import x509

    return any(isinstance(each.value, x509.TLSFeature) for each in _load(csr_pem).extensions)


def is_for_key(csr_pem: str, key_pem: str) -> bool:
    """Whether it is for this private key."""
    return bool(_load(csr_pem).public_key() == read_key(key_pem).public_key())


def is_for_certificate(csr_pem: str, certificate_pem: str) -> bool:
    """Whether the certificate is for the key that was asked for."""
    from cryptography import x509

    leaf = x509.load_pem_x509_certificate(certificate_pem.encode())
    return bool(_load(csr_pem).public_key() == leaf.public_key())


def der(csr_pem: str) -> bytes:
    """As finalize wants it (RFC 8555 7.4)."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return _load(csr_pem).public_bytes(Encoding.DER)


def _load(csr_pem: str) -> "CertificateSigningRequest":
    from cryptography import x509

    return x509.load_pem_x509_csr(csr_pem.encode())


def _unreadable() -> tuple[type[Exception], ...]:
    """What the library raises about a request that it can't read."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    return (
        ValueError,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
        UnsupportedAlgorithm,
    )


def _of_signature(request: "CertificateSigningRequest") -> Iterator[str]:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key, hashed = request.public_key(), request.signature_hash_algorithm
        valid = request.is_signature_valid
    except UnsupportedAlgorithm:
        yield "has a key, or is signed in a way, that no public CA takes"
        return
    if problem := public_key_problem(key):
        yield problem
    elif hashed is not None and hashed.name in WEAK_HASHES:
        yield f"is signed with {hashed.name.upper()}, which CAs refuse; make it with SHA-256"
    elif not valid:
        yield "is not signed with the key that it is for: it was changed after it was made"


def _of_names(request: "CertificateSigningRequest") -> Iterator[str]:
    from cryptography import x509

    names = _alternative(request.extensions)
    if strange := [each for each in names if not isinstance(each, x509.DNSName)]:
        told = ", ".join(str(each.value) for each in strange)
        yield f"is for {told}, which is no domain; only names that DNS can prove are taken"
    elif not list(_texts(request)):
        yield "names no domain"


def _of_extensions(extensions: "Extensions") -> Iterator[str]:
    """What asks for more than a server's certificate; what CAs leave out of one unasked is no matter."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    for each in extensions:
        match each.value:
            case x509.BasicConstraints(ca=True):
                yield "asks for a CA's certificate (CA:TRUE)"
            case x509.KeyUsage() as usage if usage.key_cert_sign or usage.crl_sign:
                yield "asks for a key that signs certificates or revocation lists"
            case x509.ExtendedKeyUsage() as uses if not {
                ExtendedKeyUsageOID.SERVER_AUTH,
                ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
            } & set(uses):
                yield "asks for uses of the key without that of a TLS server (serverAuth)"
            case x509.TLSFeature() as features if set(features) != {x509.TLSFeatureType.status_request}:
                yield "asks for a TLS feature other than stapled OCSP answers (RFC 7633)"
            case x509.UnrecognizedExtension() as unknown if each.critical:
                yield f"asks for the extension {unknown.oid.dotted_string} as critical, which CAs do not know"


def _alternative(extensions: "Extensions") -> "Sequence[GeneralName]":
    from cryptography import x509

    try:
        return list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def _texts(request: "CertificateSigningRequest") -> Iterator[str]:
    from cryptography.x509.oid import NameOID

    for name in _alternative(request.extensions):
        yield str(name.value)
    for common in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        yield str(common.value)
