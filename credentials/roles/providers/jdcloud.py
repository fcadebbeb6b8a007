"""JD Cloud: user roles of IAM, taken on with STS AssumeRole.

The call is the official SDK's; trust policies: https://docs.jdcloud.com/en/iam/role. It knows no external
ids, takes tokens of SAML but none of OIDC, and documents no metadata service.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from credentials.identity import sdk
from credentials.roles import answers
from credentials.roles.errors import NotAssumed, Reason
from credentials.roles.forms import account_of, least_policy, written_as
from credentials.roles.mending import not_assumed
from credentials.roles.role import Role, Session, Source, SourceKind
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from credentials.identity.jdcloud import Refused

LABEL: Final = "JD Cloud"
LOGGERS: Final[tuple[str, ...]] = ()
SOURCES: Final[frozenset[SourceKind]] = frozenset({"credential"})
SESSION_SECONDS: Final = (3600, 3600, 43200)
SETTINGS: Final = {"region": "the region of the stacks, such as cn-north-1"}

_ROLE: Final = re.compile(r"jrn:iam::(?P<account>\d{1,20}):role/[A-Za-z][A-Za-z0-9_-]{3,63}")
_KEYS: Final = {"access-key": "accessKey", "secret-key": "secretKey", "session-token": "sessionToken"}


def checked_role(text: str) -> str:
    """The role's JRN; raises BadRole."""
    hint = (
        "one looks like jrn:iam::100000000001:role/tic-role, its name of 4 to 64 characters; see "
        + console(None)
    )
    return written_as(_ROLE, text, "role of JD Cloud", hint)


def assume(
    role: Role,
    identity: Mapping[str, SecretBytes] | None,
    *,
    session_name: str,
    policy: str | None,
    timeout: float,
    environ: Mapping[str, str],
) -> Session:
    """Take the role on; raises NotAssumed, PackageMissing. Its API has no external id.

    When the session ends is reckoned from its length: what the answer says of it has no time zone.
    """
    from credentials.identity.jdcloud import Refused, caller

    with sdk("jdcloud"):
        from jdcloud_sdk.services.sts.apis.AssumeRoleRequest import AssumeRoleRequest
        from jdcloud_sdk.services.sts.client.StsClient import StsClient

    if identity is None:
        raise not_assumed(role, Reason.SOURCE_MISSING, console(role))
    asked: dict[str, Any] = {
        "roleJrn": role.role,
        "roleSessionName": answers.session_name(session_name, r"[^\w-]+", 64),
        "durationSeconds": role.session_seconds,
    }
    if policy is not None:
        asked["policy"] = policy
    started = time.time()
    try:
        with answers.asking(role, console(role)):
            call = caller("jdcloud", identity, timeout)
            told = call(StsClient, AssumeRoleRequest({"assumeRoleInfo": asked}))
    except Refused as refused:
        raise _translated(role, refused, identity) from None
    session = answers.keys(role, console(role), told.get("credentials"), _KEYS)
    return Session(
        {**session, **answers.region(role, identity)},
        answers.ends(started, role.session_seconds),
        account_of(_ROLE, role.role),
        role.role,
    )


def find_sources(environ: Mapping[str, str]) -> tuple[Source, ...]:
    """None: nothing on a machine of JD's is documented to give it an identity."""
    return ()


def trust_policy(role: Role, account: str | None) -> str:
    """The role's trust policy: the account that may take it on."""
    own = account_of(_ROLE, role.role) or "ACCOUNT-ID"
    statement = {
        "Effect": "Allow",
        "Principal": {"JDCLOUD": f"jrn:iam::{account or own}:root"},
        "Action": ["sts:assumeRole"],
    }
    return json.dumps({"Version": "3", "Statement": [statement]}, indent=2)


def console(role: Role | None) -> str:
    """IAM's page of roles."""
    return "https://iam-console.jdcloud.com/role"


def session_policy(purpose: str) -> str | None:
    """The actions of the least privileges of `apply` or `deploy`, and no others."""
    return least_policy("jdcloud", purpose)


def _translated(role: Role, refused: "Refused", fields: Mapping[str, SecretBytes]) -> NotAssumed:
    from credentials.identity import words_of
    from credentials.identity.jdcloud import translated

    reason = _reason(refused)
    if reason is None:
        return answers.of_identity(role, translated(role.provider, refused, fields), console(role))
    words = words_of(refused.words, fields)
    return not_assumed(role, reason, console(role), answers.told(refused.code, refused.request_id, words))


def _reason(refused: "Refused") -> Reason | None:
    """What it says of the role; None where it says something of who asks."""
    words = refused.words.lower()
    if refused.status == 404:
        return Reason.ROLE_GONE
    if refused.status == 403:  # the same of who may not, and of whom the role does not trust
        return Reason.TRUST_GONE if "trust" in words else Reason.DENIED
    if refused.status == 400 and "duration" in words:
        return Reason.TOO_LONG
    return None
