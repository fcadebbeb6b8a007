"""Why a role can't be taken on, and the one step that mends it."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

from credentials.errors import CredentialError

_REQUEST: Final = re.compile(r" ?\(request [^)]*\)|[,;]? *\brequest(?: id)?:? +[\w.:-]+", re.IGNORECASE)


class Reason(Enum):
    """What stands in the way, in words of tic's own."""

    ROLE_GONE = "the role does not exist"
    TRUST_GONE = "the role does not trust who takes it on"
    DENIED = "who takes it on may not do so"
    CLOCK_SKEW = "this machine's clock is wrong"
    SOURCE_MISSING = "there is no first identity to take it on with"
    SOURCE_REJECTED = "the first identity is not accepted"
    TOO_LONG = "the session is longer than the role allows"
    UNREACHABLE = "the provider can't be reached"
    PACKAGE_MISSING = "the provider's SDK is not installed"
    UNKNOWN = "the provider gave an answer that tic does not know"


class RoleError(CredentialError):
    """Something about a linked role; the message names the provider."""


class UnknownRoleProvider(RoleError):
    """This provider has no roles that tic can take on."""

    exit_code = 2

    def __init__(self, provider: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{provider[:64]!r} has no role that tic can take on",
            hint=f"one of these can: {', '.join(known)}; for others make a credential: tic creds new NAME "
            f"--provider PROVIDER",
        )


class BadRole(RoleError):
    """What was given is no role, no source or no setting of this provider."""

    exit_code = 2


class NotAssumed(RoleError):
    """The role could not be taken on; `reason` says why, `said` is the provider's own code and request id.

    `told` is the same without the request's id, which is another each time: same words for the same cause.
    """

    exit_code = 1

    def __init__(self, provider: str, role: str, reason: Reason, *, said: str = "", hint: str) -> None:
        self.provider = provider
        self.role = role
        self.reason = reason
        self.said = said
        self.told = reason.value + (f" ({_REQUEST.sub('', said)})" if said else "")
        words = reason.value + (f" ({said})" if said else "")
        super().__init__(f"the role {role} of {provider} can't be taken on: {words}", hint=hint)


class SourceFailed(RoleError):
    """The first identity can't be had; `assume` turns this into NotAssumed, which names provider and role.

    `reason` is SOURCE_MISSING or SOURCE_REJECTED; `why` is in words of tic's own, with nothing secret.
    """

    exit_code = 1

    def __init__(self, reason: Reason, why: str, *, hint: str) -> None:
        self.reason = reason
        self.why = why
        super().__init__(f"{reason.value}: {why}", hint=hint)
