"""Signing requests as users make them elsewhere: good ones, and each wrong in one way."""

from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

KEY = ec.generate_private_key(ec.SECP256R1())


def csr(
    *names: str,
    key: Any = KEY,
    common: str | None = None,
    general: Sequence[x509.GeneralName] = (),
    extensions: Sequence[x509.ExtensionType] = (),
    critical: bool = False,
) -> str:
    """A CSR for `names` as alternative names, in PEM."""
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")]
    if common is not None:
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    alternative = [*(x509.DNSName(name) for name in names), *general]
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    for each in extensions:
        builder = builder.add_extension(each, critical=critical)
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def changed(pem: str) -> str:
    """The request with another name in it than was signed."""
    request = x509.load_pem_x509_csr(pem.encode())
    der = request.public_bytes(serialization.Encoding.DER).replace(b"a.test", b"b.test")
    return x509.load_der_x509_csr(der).public_bytes(serialization.Encoding.PEM).decode()
