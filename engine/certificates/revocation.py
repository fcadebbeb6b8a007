"""Revoking a certificate at its CA (RFC 8555 7.6)."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.certificates.kept import Standing, stand
from engine.certificates.listing import Listed
from engine.errors import EngineError
from stacks.moments import span

if TYPE_CHECKING:
    from engine.installation import Installation
    from stacks.provider.acme.problems import AuthorityError


class NotRevoked(EngineError):
    """The CA refused it, or was not reached; the certificate is what it was."""


REASONS = {
    "unspecified": 0,
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
}
"""Of RFC 5280 5.3.1, those that a subscriber may give (CA/Browser Forum, Baseline Requirements 4.9.1.1)."""


NOT_AS_ACCOUNT = {"accountDoesNotExist", "unauthorized"}
"""Where the account is gone or was never the certificate's, the certificate's own key may ask (7.6)."""


def revoke(installation: "Installation", one: Listed, reason: str, *, renew: bool) -> bool:
    """Revoke it, and with `renew` want another in its place at the stack's next run.

    The account asks for it; where the CA does not take it from the account, the certificate's key does.
    Returns whether it was revoked only now. Raises NotRevoked, and what opening its state raises.
    """
    from base64 import urlsafe_b64encode

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from engine.account_notes import OpenNotes
    from engine.certificates.material import opened
    from stacks.provider.acme.authority import Access, Authorities
    from stacks.provider.acme.problems import AuthorityError

    def post(access: Access) -> None:
        with authorities.talk(access) as talk:
            if "revokeCert" not in talk.directory:
                raise NotRevoked(
                    f"could not {doing}: the CA at {access.directory_url} revokes nothing by ACME",
                    hint="revoke it as the CA's own documents say",
                )
            talk.post(talk.directory["revokeCert"], payload, doing)

    material = opened(installation, one, "revoke")
    der = x509.load_pem_x509_certificate(material.certificate_pem.encode()).public_bytes(Encoding.DER)
    payload = {"certificate": urlsafe_b64encode(der).rstrip(b"=").decode(), "reason": REASONS[reason]}
    doing = f"revoke the certificate {one.full_name}"
    authorities = Authorities(OpenNotes(installation.database, installation.vault))
    access = Access.of(material.account)
    anew = True
    try:
        try:
            post(access)
        except AuthorityError as error:
            if error.code not in NOT_AS_ACCOUNT or not material.private_key_pem:
                raise
            post(Access(access.directory_url, access.ca_certificates, material.private_key_pem))
    except AuthorityError as error:
        if error.code != "alreadyRevoked":
            raise NotRevoked(
                f"{one.full_name} is not revoked: {error}", hint=_hint(error, one, reason)
            ) from error
        anew = False
    before = one.standing
    wanted = one.kept.held.epoch + 1 if renew else None
    revoked = Standing(
        window=before.window,
        ask_again=before.ask_again,
        wanted_epoch=wanted,
        revoked_at=before.revoked_at or datetime.now(UTC),
    )
    with installation.database.write() as connection:
        stand(connection, one.id, one.kept, revoked)
    return anew


def _hint(error: "AuthorityError", one: Listed, reason: str) -> str:
    """What to do about it, and the command that revokes; a run of the stack would not."""
    again = f"tic cert revoke {one.full_name} --reason {reason}"
    if error.code == "badRevocationReason":
        others = ", ".join(each for each in REASONS if each != reason)
        return f"give another --reason ({others}): tic cert revoke {one.full_name} --reason ..."
    if error.code == "unauthorized":
        return f"see which account may revoke it, as the CA says above; then: {again}"
    if error.retry_after is not None:
        return f"wait {span(error.retry_after)}, as the CA asks; then: {again}"
    if error.code:
        return f"do as the CA says above; then: {again}"
    return f"check that {one.kept.directory} can be reached from here and is trusted; then: {again}"
