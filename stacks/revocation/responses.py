"""Answers of a CA's responder (OCSP, RFC 6960): what to ask, and whether an answer is to be believed."""

from datetime import datetime
from typing import TYPE_CHECKING

from stacks.revocation.verdict import Revoked, Unclear, check_fresh, reason

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from cryptography.x509.ocsp import OCSPRequest, OCSPResponse


def places(certificate: "Certificate") -> tuple[str, ...]:
    """Where the certificate says that its responder is (RFC 5280 4.2.2.1), by HTTP."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return ()
    named = (
        str(each.access_location.value)
        for each in access
        if each.access_method == AuthorityInformationAccessOID.OCSP
    )
    return tuple(dict.fromkeys(each for each in named if each.startswith(("http://", "https://"))))


def question(certificate: "Certificate", issuer: "Certificate") -> "OCSPRequest":
    """The request (RFC 6960 4.1), by SHA-1 as every responder takes it (RFC 5019 2.1.1)."""
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.x509.ocsp import OCSPRequestBuilder

    return OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1()).build()  # noqa: S303  # names, no signature


def read(der: bytes, certificate: "Certificate", issuer: "Certificate", now: datetime) -> Revoked | None:
    """What the answer says of the certificate; None where it is good. Raises Unclear (RFC 6960 3.2)."""
    from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus, load_der_ocsp_response

    try:
        answer = load_der_ocsp_response(der)
        if answer.response_status is not OCSPResponseStatus.SUCCESSFUL:
            raise Unclear(f"it says {answer.response_status.name.lower().replace('_', ' ')}")
        _check_signed(answer, issuer, now)
        asked = question(certificate, issuer)
        for one in answer.responses:
            if (one.serial_number, one.issuer_key_hash) != (asked.serial_number, asked.issuer_key_hash):
                continue
            if one.certificate_status is OCSPCertStatus.REVOKED and one.revocation_time_utc is not None:
                return Revoked(one.revocation_time_utc, reason(one.revocation_reason))
            if one.certificate_status is OCSPCertStatus.GOOD:
                check_fresh(one.this_update_utc, one.next_update_utc, now)
                return None
            raise Unclear("it does not know the certificate")
        raise Unclear("it is about another certificate")
    except Unclear:
        raise
    except (ValueError, TypeError) as error:
        raise Unclear("it is no answer of a responder in DER") from error


def _check_signed(answer: "OCSPResponse", issuer: "Certificate", now: datetime) -> None:
    """By the issuer, or by whom the issuer says may sign for it (RFC 6960 4.2.2.2). Raises Unclear."""
    for signer in (issuer, *answer.certificates):
        if (signer == issuer or _may_sign(signer, issuer, now)) and _signed(answer, signer):
            return
    raise Unclear("it is not signed by who issued the certificate, nor for it")


def _may_sign(signer: "Certificate", issuer: "Certificate", now: datetime) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        signer.verify_directly_issued_by(issuer)
        uses = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    valid = signer.not_valid_before_utc <= now <= signer.not_valid_after_utc
    return valid and ExtendedKeyUsageOID.OCSP_SIGNING in uses


def _signed(answer: "OCSPResponse", signer: "Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    key, hashed = signer.public_key(), answer.signature_hash_algorithm
    if hashed is None:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(hashed))
        else:
            return False
    except InvalidSignature:
        return False
    return True
