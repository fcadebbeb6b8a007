"""A certificate in the form that a key vault takes, and gives to what uses it: PKCS #12 (RFC 7292)."""

import secrets
from typing import TYPE_CHECKING

from stacks.provider.deploy.bundle import Bundle

if TYPE_CHECKING:
    from azure.keyvault.certificates import CertificatePolicy


def pfx(sent: Bundle) -> tuple[bytes, str]:
    """Key, certificate and chain, closed with a password that is made for this one time.

    With Triple DES and SHA-1: the only one that every reader of PFX files at Azure takes; TLS protects it.
    """
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import PrivateFormat, load_pem_private_key
    from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates
    from cryptography.x509 import load_pem_x509_certificate, load_pem_x509_certificates

    password = secrets.token_urlsafe(24)
    key: object = load_pem_private_key(sent.private_key_pem.encode(), None)
    closed = (
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(SHA1())  # noqa: S303  (see above)
        .build(password.encode())
    )
    content = serialize_key_and_certificates(
        None,
        key,  # type: ignore[arg-type]  # RSA or EC: no other is issued
        load_pem_x509_certificate(sent.certificate_pem.encode()),
        load_pem_x509_certificates(sent.chain_pem.encode()) if sent.chain_pem else None,
        closed,
    )
    return content, password


def policy_of(sent: Bundle) -> "CertificatePolicy":
    """What the vault is to know: what its key is, that services may have it, that no issuer renews it."""
    from azure.keyvault.certificates import CertificateContentType, CertificatePolicy
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(sent.private_key_pem.encode(), None)
    about: dict[str, object] = {}
    if isinstance(key, EllipticCurvePrivateKey):
        about = {"key_type": "EC", "key_curve_name": f"P-{key.key_size}"}
    elif isinstance(key, RSAPrivateKey):
        about = {"key_type": "RSA", "key_size": key.key_size}
    return CertificatePolicy(
        "Unknown", exportable=True, reuse_key=False, content_type=CertificateContentType.pkcs12, **about
    )
