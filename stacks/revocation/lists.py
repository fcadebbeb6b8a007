"""Certificate revocation lists (RFC 5280 5): whether one is the issuer's, and names the certificate."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from stacks.revocation.verdict import Revoked, Unclear, check_fresh, reason

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateRevocationList, RevokedCertificate


def places(certificate: "Certificate") -> tuple[str, ...]:
    """Where the certificate says that its list is (RFC 5280 4.2.1.13), by HTTP."""
    from cryptography import x509

    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return ()
    named = (each.value for point in points for each in point.full_name or () if isinstance(each.value, str))
    return tuple(dict.fromkeys(each for each in named if each.startswith(("http://", "https://"))))


def read(
    der: bytes, certificate: "Certificate", issuer: "Certificate", url: str, now: datetime
) -> Revoked | None:
    """What the list from `url` says of the certificate; None where it is not revoked. Raises Unclear.

    One that is named is revoked for good, however old the list is; none is by a list that is out of date, of
    another issuer, or for other certificates (RFC 5280 6.3.3).
    """
    from cryptography import x509

    try:
        crl = x509.load_der_x509_crl(der)
        if crl.issuer != certificate.issuer or not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]  # a key of another kind signs nothing
            raise Unclear("it is not signed by who issued the certificate")
        found = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if found is not None:
            return _entry(found)
        check_fresh(crl.last_update_utc, crl.next_update_utc, now)
        for what in _left_out(crl, url):
            raise Unclear(what)
    except Unclear:
        raise
    except (ValueError, TypeError) as error:
        raise Unclear("it is no list of revoked certificates in DER") from error
    return None


def _entry(found: "RevokedCertificate") -> Revoked | None:
    from cryptography import x509

    try:
        why = found.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        why = None
    if why is x509.ReasonFlags.remove_from_crl:
        return None
    return Revoked(found.revocation_date_utc, reason(why))


def _left_out(crl: "CertificateRevocationList", url: str) -> Iterator[str]:
    """Why a certificate that the list does not name may be revoked all the same."""
    from cryptography import x509

    for extension in crl.extensions:
        said = extension.value
        if isinstance(said, x509.IssuingDistributionPoint):
            named = [each.value for each in said.full_name or ()]
            if named and url not in named:
                yield "it is the list of another place"
            if said.only_contains_ca_certs or said.only_contains_attribute_certs or said.only_some_reasons:
                yield "it is for other certificates or for some reasons alone"
        elif extension.critical:
            yield f"it is of a kind that is not known here ({extension.oid.dotted_string})"
