"""Tencent Cloud: roles of CAM, taken on with STS AssumeRole or AssumeRoleWithWebIdentity.

Calls: https://cloud.tencent.com/document/api/1312/48197 and 73070; metadata: /document/product/213/4934;
trust policies: /document/product/598/85616; the variables are those that TKE gives to its pods.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from credentials.roles import answers, metadata, oidc, sources
from credentials.roles.errors import Reason
from credentials.roles.forms import account_of, least_policy, written_as
from credentials.roles.mending import not_assumed
from credentials.roles.role import Role, Session, Source, SourceKind
from credentials.roles.trust import token_claims
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from credentials.identity.tencentcloud import Refused

LABEL: Final = "Tencent Cloud"
LOGGERS: Final = ("tencentcloud_sdk_common",)
SOURCES: Final[frozenset[SourceKind]] = frozenset({"metadata", "oidc", "credential"})
SESSION_SECONDS: Final = (900, 7200, 43200)
SETTINGS: Final = {
    "region": "the region of the stacks, such as ap-guangzhou",
    "provider-id": "the name of the OIDC identity provider in CAM",
}
USUAL_ROLE: Final = "TIC_QCSLinkedRole"

_NAME: Final = r"[A-Za-z0-9_+=,.@-]{1,128}"
_ROLE: Final = re.compile(
    rf"qcs::cam::uin/(?P<account>\d{{1,20}}):(?:"
    rf"(?:roleName|role/tencentcloudServiceRoleName)/{_NAME}|role/(?:tencentcloudServiceRole/)?(?P<id>\d+))"
)
_METADATA: Final = "http://metadata.tencentyun.com"
_CREDENTIALS: Final = "/latest/meta-data/cam/security-credentials/"
_TOKEN_FILES: Final = ("TKE_WEB_IDENTITY_TOKEN_FILE", "TKE_IDENTITY_TOKEN_FILE")
_KEYS: Final = {"secret-id": "TmpSecretId", "secret-key": "TmpSecretKey", "session-token": "Token"}
_STS: Final = ("sts", "2018-08-13")
_NOT_IN_A_SESSION_NAME: Final = re.compile(r"[^A-Za-z0-9_=,.@-]+")

_REASONS: Final = {
    "ResourceNotFound.RoleNotFound": Reason.ROLE_GONE,
    "InternalError.IllegalRole": Reason.ROLE_GONE,
    "InvalidParameter.AccountNotAvaliable": Reason.ROLE_GONE,
    "InvalidParameter.OverTimeError": Reason.TOO_LONG,
    "InvalidParameter.WebIdentityTokenError": Reason.SOURCE_REJECTED,
    "InvalidParameter.AccessKeyNotSupport": Reason.SOURCE_REJECTED,
    "FailedOperation.TempKeyNotAllowed": Reason.SOURCE_REJECTED,
    "AuthFailure.SignatureExpire": Reason.CLOCK_SKEW,
}


def checked_role(text: str) -> str:
    """The role's resource description; raises BadRole."""
    hint = f"one looks like qcs::cam::uin/100000000001:roleName/{USUAL_ROLE}; see {console(None)}"
    return written_as(_ROLE, text, "role of Tencent Cloud", hint)


def assume(
    role: Role,
    identity: Mapping[str, SecretBytes] | None,
    *,
    session_name: str,
    policy: str | None,
    timeout: float,
    environ: Mapping[str, str],
) -> Session:
    """Take the role on; raises NotAssumed, SourceFailed, PackageMissing.

    With a web identity there is no session policy and no external id: the API has neither.
    """
    asked: dict[str, Any] = {
        "RoleArn": role.role,
        "RoleSessionName": _NOT_IN_A_SESSION_NAME.sub("-", session_name)[:128],
        "DurationSeconds": role.session_seconds,
    }
    fields = sources.first_identity(role, identity, lambda: _machine_keys(environ), console(role))
    action = "AssumeRole"
    secrets = dict(fields)
    if role.source.kind == "oidc":
        token = oidc.read(sources.token_file(role, environ, _TOKEN_FILES), now=time.time())
        action, secrets = "AssumeRoleWithWebIdentity", {"token": token.secret}
        asked |= {
            "ProviderId": sources.setting(role, "provider-id", environ, "TKE_PROVIDER_ID"),
            "WebIdentityToken": token.secret.reveal().decode("ascii"),
        }
    else:
        if role.external_id is not None:
            asked["ExternalId"] = role.external_id
        if policy is not None:
            asked["Policy"] = quote(policy, safe="")
    region = sources.region(role, fields, environ, "TKE_REGION")
    return _taken_on(role, action, asked, {**fields, **region}, secrets, timeout)


def find_sources(environ: Mapping[str, str]) -> tuple[Source, ...]:
    """A pod's token, and the role of the machine that this is."""
    return sources.found(environ, _TOKEN_FILES, lambda: _machine_role(environ, metadata.FINDING_SECONDS))


def trust_policy(role: Role, account: str | None) -> str:
    """The role's trust policy: an account with the external id, or the tokens of an identity provider."""
    statement: dict[str, Any] = {"effect": "allow"}
    own = account_of(_ROLE, role.role) or "ACCOUNT-ID"
    if role.source.kind == "oidc":
        provider = role.settings.get("provider-id") or "PROVIDER-ID"
        statement |= {
            "action": "name/sts:AssumeRoleWithWebIdentity",
            "principal": {"federated": [f"qcs::cam::uin/{own}:oidc-provider/{provider}"]},
            "condition": {"string_equal": token_claims(role)},
        }
    else:
        statement |= {
            "action": "name/sts:AssumeRole",
            "principal": {"qcs": [f"qcs::cam::uin/{account or own}:root"]},
        }
        if role.external_id is not None:
            statement["condition"] = {"string_equal": {"sts:external_id": role.external_id}}
    return json.dumps({"version": "2.0", "statement": [statement]}, indent=2)


def console(role: Role | None) -> str:
    """CAM's page of roles, or the role's own where its number is known."""
    found = _ROLE.fullmatch(role.role) if role is not None else None
    page = "https://console.cloud.tencent.com/cam/role"
    return f"{page}/detail?roleId={found['id']}" if found and found["id"] else page


def session_policy(purpose: str) -> str | None:
    """The actions of the least privileges of `apply` or `deploy`, and no others."""
    return least_policy("tencentcloud", purpose)


def _taken_on(
    role: Role,
    action: str,
    asked: dict[str, Any],
    fields: Mapping[str, SecretBytes],
    secrets: Mapping[str, SecretBytes],
    timeout: float,
) -> Session:
    from credentials.identity.tencentcloud import Refused, caller

    page, started = console(role), time.time()
    try:
        with answers.asking(role, page):
            told = caller("tencentcloud", fields, timeout)(*_STS, action, asked)
    except Refused as refused:
        reason = _reason(role, refused)
        raise not_assumed(role, reason, page, _said(reason, refused, secrets)) from None
    session = answers.keys(role, page, told.get("Credentials"), _KEYS)
    if "region" in fields:
        session["region"] = fields["region"]
    until = answers.ends(started, role.session_seconds, until=told.get("Expiration"))
    return Session(session, until, account_of(_ROLE, role.role), role.role)


def _said(reason: Reason, refused: "Refused", secrets: Mapping[str, SecretBytes]) -> str:
    from credentials.identity import words_of
    from credentials.identity.errors import apart
    from credentials.identity.network import skew

    words = words_of(refused.words, secrets)
    if reason is Reason.CLOCK_SKEW and (off := skew(refused.date)) is not None:
        words = f"this machine's clock is {apart(off)}"
    if reason is Reason.DENIED:
        words += "; it says so, too, of a role that does not trust who asks"
    return answers.told(refused.code, refused.request_id, words)


def _reason(role: Role, refused: "Refused") -> Reason:
    code = refused.code
    if code in _REASONS:
        return _REASONS[code]
    if code == "InternalError.GetRoleError" and "not exist" in refused.words:
        return Reason.ROLE_GONE
    if "UnauthorizedOperation" in code:  # of who may not and of whom the role does not trust it says the same
        return Reason.TRUST_GONE if role.source.kind == "oidc" else Reason.DENIED
    return Reason.SOURCE_REJECTED if code.startswith("AuthFailure.") else Reason.UNKNOWN


def _machine_keys(environ: Mapping[str, str]) -> dict[str, SecretBytes]:
    """The keys of the machine's own role; raises SourceFailed."""
    name = environ.get("TENCENTCLOUD_CAM_ROLE_NAME") or _machine_role(environ, metadata.ANSWER_SECONDS)
    answer = _service(environ, metadata.ANSWER_SECONDS).get(f"{_CREDENTIALS}{quote(name, safe='')}")
    return sources.machine_keys(answer, _KEYS)


def _machine_role(environ: Mapping[str, str], seconds: float) -> str:
    """The name of the machine's own role; raises SourceFailed."""
    name = _service(environ, seconds).get(_CREDENTIALS).text().strip()
    if not re.fullmatch(_NAME, name):
        raise metadata.absent("this machine has no role")
    return name


def _service(environ: Mapping[str, str], seconds: float) -> metadata.Metadata:
    return metadata.Metadata(environ.get("TIC_METADATA_TENCENTCLOUD") or _METADATA, seconds)
