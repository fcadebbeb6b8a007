"""What a refusal of AWS means: STS answers AccessDenied to most faults, so IAM is asked where it may be.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and its CommonErrors.html
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from credentials.identity import IdentityError, words_of
from credentials.identity.aws import Call, Refused
from credentials.identity.errors import apart
from credentials.identity.network import skew
from credentials.roles.errors import NotAssumed, Reason
from credentials.roles.mending import not_assumed
from credentials.roles.role import Role
from credentials.secret import SecretBytes

_SKEW: Final = timedelta(seconds=60)  # less is not worth a word
_CHAINED: Final = "role chaining"
_UNTOLD: Final = "AWS does not tell a role that is gone from one that does not trust it"
_REJECTED: Final = (
    "InvalidClientTokenId",
    "UnrecognizedClient",
    "SignatureDoesNotMatch",
    "InvalidSignature",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "ExpiredToken",
    "InvalidToken",
    "InvalidIdentityToken",
    "IDPRejectedClaim",
    "AuthFailure",
)
_PASSING: Final = ("Throttling", "RequestLimit", "ServiceUnavailable", "InternalFailure", "InternalError")
_NO_ANSWER: Final = (
    "5",
    "IDPCommunicationError",
    *_PASSING,
)  # a bare number is the status of an answer without words


def translated(
    role: Role, page: str, refused: Refused, call: Call, secrets: Mapping[str, SecretBytes]
) -> NotAssumed:
    """Why the role can't be taken on; `call` is of who tried, `page` the role's, `secrets` what was sent."""
    words = words_of(refused.words, secrets)
    request = f" (request {refused.request_id})" if refused.request_id else ""
    off = skew(refused.date)
    if refused.is_of_time or (refused.code.startswith("ExpiredToken") and off and abs(off) > _SKEW):
        told = f"this machine's clock is {apart(off)}" if off is not None else words
        return not_assumed(role, Reason.CLOCK_SKEW, page, f"{refused.code}: {told}{request}")
    said = f"{refused.code}: {words}{request}"
    if refused.code.startswith("AccessDenied"):
        reason = Reason.TRUST_GONE if role.source.kind == "oidc" else _denied(role, call)
        untold = reason is None or role.source.kind == "oidc"
        return not_assumed(role, reason or Reason.DENIED, page, f"{said}; {_UNTOLD}" if untold else said)
    if "DurationSeconds exceeds" in refused.words:
        return _too_long(role, page, said)
    if refused.code.startswith("InvalidIdentityToken") and (
        "provider found" in refused.words or "audience" in refused.words
    ):
        hint = (
            "make an identity provider of the token's issuer and audience at "
            f"{page.partition('#')[0]}#/identity_providers; then: tic role reauthorize {role.provider}"
        )
        return NotAssumed(role.provider, role.role, Reason.TRUST_GONE, said=said, hint=hint)
    return not_assumed(role, _reason(refused.code), page, said)


def _reason(code: str) -> Reason:
    if code.startswith(_NO_ANSWER):
        return Reason.UNREACHABLE
    return Reason.SOURCE_REJECTED if code.startswith(_REJECTED) else Reason.UNKNOWN


def _too_long(role: Role, page: str, said: str) -> NotAssumed:
    if _CHAINED not in said:
        return not_assumed(role, Reason.TOO_LONG, page, said)
    hint = (
        "temporary keys, such as a machine's, take a role on for an hour at most: "
        f"tic role enable {role.provider} --session 3600"
    )
    return NotAssumed(role.provider, role.role, Reason.TOO_LONG, said=said, hint=hint)


def _denied(role: Role, call: Call) -> Reason | None:
    """What IAM tells of the role, if who asks may read it and it is of the same account; else None."""
    account, name = role.role.split(":")[4], role.role.rpartition("/")[2]
    try:
        who = call("sts", "get_caller_identity", {})
        if who["Account"] != account:
            return None
        document = call("iam", "get_role", {"RoleName": name})["Role"]["AssumeRolePolicyDocument"]
    except Refused as refused:
        return Reason.ROLE_GONE if refused.code == "NoSuchEntity" else None
    except (IdentityError, KeyError):
        return None
    return Reason.DENIED if _trusts(document, who["Arn"], role.external_id) else Reason.TRUST_GONE


def _trusts(document: object, principal: str, external_id: str | None) -> bool:
    """Whether a statement of the trust policy names who asks, with this external id."""
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    return any(
        isinstance(one, dict)
        and one.get("Effect") == "Allow"
        and {"sts:AssumeRole", "sts:*", "*"} & set(_listed(one.get("Action")))
        and _is_named(one.get("Principal"), principal)
        and _hears(one.get("Condition"), external_id)
        for one in _listed(statements)
    )


def _is_named(named: object, principal: str) -> bool:
    """Whether the ARN is named, its account, or the role that the session of this ARN is of."""
    _, partition, _, _, account, resource = principal.split(":", 5)
    kind, _, rest = resource.partition("/")
    of_role = f"/{rest.partition('/')[0]}" if kind == "assumed-role" else None
    own = {"*", principal, account, f"arn:{partition}:iam::{account}:root"}
    listed = _listed(named.get("AWS")) if isinstance(named, dict) else _listed(named)
    return any(
        one in own or (of_role is not None and f"::{account}:role/" in one and one.endswith(of_role))
        for one in map(str, listed)
    )


def _hears(condition: object, external_id: str | None) -> bool:
    wanted = condition.get("StringEquals") if isinstance(condition, dict) else None
    ids = _listed(wanted.get("sts:ExternalId")) if isinstance(wanted, dict) else []
    return not ids or external_id in ids


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
