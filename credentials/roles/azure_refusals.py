"""What a refusal of Entra, or of a machine's identity service, means for a role.

Codes of Entra: https://learn.microsoft.com/entra/identity-platform/reference-error-codes; of machines:
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling
"""

import re
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from credentials.identity import words_of
from credentials.identity.azure import CLOCK, PASSING, Refusal, refusal
from credentials.identity.errors import apart
from credentials.identity.network import causes, skew, why
from credentials.roles import answers
from credentials.roles.errors import NotAssumed, Reason
from credentials.roles.mending import not_assumed
from credentials.roles.metadata import absent
from credentials.roles.role import Role

_REASONS: Final = {
    "AADSTS700016": Reason.ROLE_GONE,
    "AADSTS7000229": Reason.ROLE_GONE,  # without its service principal
    "AADSTS90002": Reason.ROLE_GONE,  # without its tenant
    "AADSTS7000112": Reason.DENIED,  # disabled
    "AADSTS70021": Reason.TRUST_GONE,
    "AADSTS700211": Reason.TRUST_GONE,  # another issuer
    "AADSTS700212": Reason.TRUST_GONE,  # another audience
    "AADSTS700213": Reason.TRUST_GONE,  # another subject
    CLOCK: Reason.CLOCK_SKEW,
}
_MANAGED: Final = re.compile(r"Token request error: \((?P<code>\w+)\) (?P<words>[^\n]*)")
_NOT_THERE: Final = re.compile(r"[Ii]dentity (?:not |was not )?found|specify the clientId")


def translated(role: Role, page: str, error: Exception, timeout: float) -> NotAssumed:
    """Why no token was had; raises SourceFailed where nobody gives this machine an identity."""
    response = getattr(error, "response", None)
    if (refused := refusal(error)) is not None:
        date = response.headers.get("date") if response is not None else None
        return _of_entra(role, page, refused, skew(date))
    if role.source.kind == "metadata":
        return _of_machine(role, page, error, timeout)
    if response is not None:
        passing = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        reason = Reason.UNREACHABLE if passing else Reason.UNKNOWN
        return not_assumed(role, reason, page, f"status {response.status_code}")
    if any(isinstance(one, OSError) for one in causes(error)):
        return not_assumed(role, Reason.UNREACHABLE, page, why(error, timeout))
    return not_assumed(role, Reason.UNKNOWN, page, answers.STRANGE)


def _of_entra(role: Role, page: str, refused: Refusal, off: timedelta | None) -> NotAssumed:
    usual = Reason.UNREACHABLE if refused.code in PASSING else Reason.SOURCE_REJECTED
    reason = _REASONS.get(refused.code, usual)
    words = words_of(refused.words, {})
    if reason is Reason.CLOCK_SKEW and off is not None:
        words = f"this machine's clock is {apart(off)}"
    return not_assumed(role, reason, page, answers.told(refused.code, refused.request_id, words))


def _of_machine(role: Role, page: str, error: Exception, timeout: float) -> NotAssumed:
    found = _MANAGED.search("\n".join(str(one) for one in causes(error)))
    if found is not None:
        reason = Reason.ROLE_GONE if _NOT_THERE.search(found["words"]) else Reason.UNKNOWN
        return not_assumed(role, reason, page, answers.told(found["code"], "", words_of(found["words"], {})))
    if any(isinstance(one, OSError) for one in causes(error)):
        raise absent(why(error, timeout)) from None
    return not_assumed(role, Reason.UNKNOWN, page, answers.STRANGE)
