"""The TLS certificate of a test CA's own directory: a root of its own and one leaf for loopback."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.sandbox.files import write_private

LIFETIME = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """PEM files: `ca` is what a client trusts, `certificate` and `key` are what the server shows."""

    ca: Path
    certificate: Path
    key: Path


def make(folder: Path, *, now: datetime, lifetime: timedelta = LIFETIME) -> ServerCertificate:
    """Write ca.pem, server.pem and server.key (mode 0600) for localhost, 127.0.0.1 and ::1 into `folder`.

    Both certificates are valid from one hour before `now` (UTC) until `now + lifetime`. The root's key is
    dropped: nothing else can be signed with it.
    """
    files = ServerCertificate(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    begins, ends = now - timedelta(hours=1), now + lifetime
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name("tic sandbox root"), _name("localhost")
    root = (
        _builder(root_name, root_name, root_key.public_key(), begins, ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    leaf = (
        _builder(root_name, name, key.public_key(), begins, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
        )
        .sign(root_key, hashes.SHA256())
    )
    write_private(files.key, _pem(key))
    write_private(files.certificate, leaf.public_bytes(serialization.Encoding.PEM))
    write_private(files.ca, root.public_bytes(serialization.Encoding.PEM))
    return files


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
