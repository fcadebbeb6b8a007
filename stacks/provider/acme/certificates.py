"""What issued certificates say, and whether key, certificate and chain belong together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from stacks.provider.acme.identifiers import told
from stacks.provider.acme.keys import read_key

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


class Mismatch(ValueError):
    """Key, certificate, chain and names do not belong together; the text says which two."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its chain, in PEM, and what it says: aware times, a serial in hexadecimal."""

    certificate_pem: str
    chain_pem: str
    serial: str
    issuer: str
    not_before: datetime
    not_after: datetime
    domains: tuple[str, ...]

    @property
    def fullchain_pem(self) -> str:
        """The certificate, then its chain, as TLS servers want it."""
        return self.certificate_pem + self.chain_pem


def read_issued(fullchain_pem: str) -> Issued:
    """A downloaded chain (RFC 8555 7.4.2: the certificate first), taken apart; raises ValueError."""
    certificates = load(fullchain_pem)
    leaf = certificates[0]
    return Issued(
        certificate_pem=_pem(leaf),
        chain_pem="".join(_pem(each) for each in certificates[1:]),
        serial=f"{leaf.serial_number:x}",
        issuer=leaf.issuer.rfc4514_string(),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        domains=tuple(_names(leaf)),
    )


def check_belongs(certificate_pem: str, chain_pem: str, key_pem: str | None) -> None:
    """Raise Mismatch unless the key is the certificate's and the chain is in order, each signing the last.

    Where the key is None, nothing is asked of it.
    """
    leaf = load(certificate_pem)
    if len(leaf) != 1:
        raise Mismatch(f"the certificate's text holds {len(leaf)} certificates; the chain goes beside it")
    if key_pem is not None and read_key(key_pem).public_key() != leaf[0].public_key():
        raise Mismatch("the private key does not belong to the certificate")
    links = [*leaf, *(load(chain_pem, "the chain") if chain_pem.strip() else [])]
    for number, (lower, upper) in enumerate(pairwise(links), start=1):
        if not _signed_by(lower, upper):
            raise Mismatch(f"the chain is not in order: its certificate {number} did not sign the one before")


def check_covers(certificate_pem: str, domains: Sequence[str]) -> None:
    """Raise Mismatch unless the certificate holds every one of the names."""
    if missing := sorted(set(domains) - set(_names(load(certificate_pem)[0]))):
        raise Mismatch(f"the certificate does not hold {told(missing)}")


def top_issuer(fullchain_pem: str) -> str:
    """The common name (or where it has none, the whole name) of the issuer that the chain ends below."""
    from cryptography.x509.oid import NameOID

    issuer = load(fullchain_pem)[-1].issuer
    names = issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else issuer.rfc4514_string()


def renewal_id(certificate_pem: str) -> str | None:
    """The certificate's name in renewal information (RFC 9773 4.1); None without a key identifier."""
    from base64 import urlsafe_b64encode

    from cryptography import x509

    leaf = load(certificate_pem)[0]
    try:
        authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    if authority is None:
        return None
    serial = leaf.serial_number
    parts = (authority, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))  # DER: room for the sign bit
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def load(pem: str, what: str = "the certificate") -> "list[Certificate]":
    """The certificates in a PEM text, at least one; raises ValueError, which says what `what` is not."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise ValueError(f"{what} is not the PEM text of one or more certificates") from None


def _pem(certificate: "Certificate") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _names(certificate: "Certificate") -> list[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def _signed_by(lower: "Certificate", upper: "Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
