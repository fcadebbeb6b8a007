"""Certificates that must be stapled (RFC 7633): which CAs no longer make them, and whether one can be."""

from typing import TYPE_CHECKING

from stacks.provider.acme.directories import DIRECTORIES
from stacks.provider.acme.signing_requests import asks_for_stapling

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_LETSENCRYPT = (
    "Let's Encrypt has refused it since 2025-05-07, when it ended OCSP "
    "(https://letsencrypt.org/2024/12/05/ending-ocsp)"
)
REFUSED = {DIRECTORIES[each]: _LETSENCRYPT for each in ("letsencrypt", "letsencrypt-staging")}
"""By directory URL: who and since when."""


def why_not(directory_url: object) -> str | None:
    """Why this CA can't be asked for it; None where it is not known to refuse."""
    return REFUSED.get(directory_url) if isinstance(directory_url, str) else None


def shortfall(csr_pem: str, certificate_pem: str) -> str | None:
    """What is wrong with a certificate that was to be one that must be stapled; None where nothing is."""
    from cryptography import x509

    if not asks_for_stapling(csr_pem):
        return None
    leaf = x509.load_pem_x509_certificate(certificate_pem.encode())
    if not any(isinstance(each.value, x509.TLSFeature) for each in leaf.extensions):
        return "the CA left out that the certificate must be stapled: clients will not insist on it"
    if not _names_responder(leaf):
        return (
            "the certificate must be stapled, and the CA names no OCSP responder in it: servers have nothing "
            "to staple, and clients that insist on it will refuse it — next: leave `mustStaple` out, or take "
            "another CA"
        )
    return None


def _names_responder(leaf: "Certificate") -> bool:
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return False
    return any(each.access_method == AuthorityInformationAccessOID.OCSP for each in access)
