"""Chains of certificates made for a test, in a moment and without a CA."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stacks.provider.acme.keys import make_key, read_key

NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Chain:
    """A leaf with its key, an intermediate, a root; all PEM."""

    certificate: str
    intermediate: str
    root: str
    key: str


def chain(
    *names: str, serial: int = 0x1234, lifetime: timedelta = timedelta(days=90), key_type: str = "ec256"
) -> Chain:
    """Issue a certificate for `names` under a new root named `root` and a new intermediate."""
    root_key, middle_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    key = make_key(key_type)
    root = _issue("root", root_key.public_key(), "root", root_key, 1, timedelta(days=900), authority=None)
    middle = _issue(
        "middle", middle_key.public_key(), "root", root_key, 2, timedelta(days=800), authority=root_key
    )
    leaf = _issue(
        "leaf",
        read_key(key).public_key(),
        "middle",
        middle_key,
        serial,
        lifetime,
        names,
        authority=middle_key,
    )
    return Chain(_pem(leaf), _pem(middle), _pem(root), key)


def _issue(
    subject: str,
    public_key: object,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    serial: int,
    lifetime: timedelta,
    names: tuple[str, ...] = (),
    *,
    authority: ec.EllipticCurvePrivateKey | None,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public_key)  # type: ignore[arg-type]  # a key of either kind
        .serial_number(serial)
        .not_valid_before(NOW)
        .not_valid_after(NOW + lifetime)
    )
    if authority is not None:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
