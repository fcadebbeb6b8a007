"""Alibaba Cloud: roles of RAM, taken on with STS AssumeRole or AssumeRoleWithOIDC.

Calls: https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole, and
.../api-sts-2015-04-01-assumerolewithoidc; their errors: .../api-sts-2015-04-01-errorcodes. The variables are
those of the provider's own SDK (alibabacloud-credentials).
"""

import json
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
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
    from credentials.identity.alicloud import Refused

LABEL: Final = "Alibaba Cloud"
LOGGERS: Final = ("darabonba-core", "alibabacloud-tea")
SOURCES: Final[frozenset[SourceKind]] = frozenset({"metadata", "oidc", "credential"})
SESSION_SECONDS: Final = (900, 3600, 43200)
SETTINGS: Final = {
    "region": "the region of the stacks, such as cn-hangzhou",
    "oidc-provider": "the ARN of the OIDC identity provider in RAM",
}
USUAL_ROLE: Final = "tic-linked-role"

_NAME: Final = r"[A-Za-z0-9_.-]{1,64}"
_ROLE: Final = re.compile(rf"acs:ram::(?P<account>\d{{1,20}}):role/(?P<name>{_NAME})")
_METADATA: Final = "http://100.100.100.200"
_CREDENTIALS: Final = "/latest/meta-data/ram/security-credentials/"
_TOKEN_FILES: Final = ("ALIBABA_CLOUD_OIDC_TOKEN_FILE",)
_KEYS: Final = {
    "access-key": "AccessKeyId",
    "secret-key": "AccessKeySecret",
    "security-token": "SecurityToken",
}
_STS: Final = ("sts.aliyuncs.com", "2015-04-01")
_NOT_IN_A_SESSION_NAME: Final = re.compile(r"[^A-Za-z0-9.@_-]+")

# By the beginning of the code, the first that fits.
_REASONS: Final = {
    "EntityNotExist.Role": Reason.ROLE_GONE,
    "AuthenticationFail.NoPermission": Reason.TRUST_GONE,
    "AuthenticationFail.OIDCToken": Reason.SOURCE_REJECTED,
    "InvalidParameter.DurationSeconds": Reason.TOO_LONG,
    "InvalidTimeStamp": Reason.CLOCK_SKEW,
    "InvalidAccessKeyId": Reason.SOURCE_REJECTED,
    "InvalidAccessKeySecret": Reason.SOURCE_REJECTED,
    "InvalidSecurityToken": Reason.SOURCE_REJECTED,
    "MissingSecurityToken": Reason.SOURCE_REJECTED,
    "SignatureDoesNotMatch": Reason.SOURCE_REJECTED,
    "IncompleteSignature": Reason.SOURCE_REJECTED,
    "Forbidden.AccessKeyDisabled": Reason.SOURCE_REJECTED,
}


def checked_role(text: str) -> str:
    """The role's ARN; raises BadRole."""
    hint = f"one looks like acs:ram::1234567890123456:role/{USUAL_ROLE}; see {console(None)}"
    return written_as(_ROLE, text, "role of Alibaba Cloud", hint)


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

    With an OIDC token there is no external id: the API has none.
    """
    asked = {
        "RoleArn": role.role,
        "RoleSessionName": _NOT_IN_A_SESSION_NAME.sub("-", session_name)[:64],
        "DurationSeconds": str(role.session_seconds),
        **({"Policy": policy} if policy is not None else {}),
    }
    token: dict[str, SecretBytes] = {}
    fields = sources.first_identity(
        role, identity, lambda: _Machine(environ, metadata.ANSWER_SECONDS).keys(), console(role)
    )
    if role.source.kind == "oidc":
        asked["OIDCProviderArn"] = sources.setting(
            role, "oidc-provider", environ, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"
        )
        path = sources.token_file(role, environ, _TOKEN_FILES)
        token = {"OIDCToken": oidc.read(path, now=time.time()).secret}
    elif role.external_id is not None:
        asked["ExternalId"] = role.external_id
    region = sources.region(role, fields, environ, "ALIBABA_CLOUD_REGION_ID")
    return _taken_on(role, asked, {**fields, **region}, token, timeout)


def find_sources(environ: Mapping[str, str]) -> tuple[Source, ...]:
    """A pod's token, and the role of the machine that this is."""
    return sources.found(environ, _TOKEN_FILES, lambda: _Machine(environ, metadata.FINDING_SECONDS).role())


def trust_policy(role: Role, account: str | None) -> str:
    """The role's trust policy: an account with the external id, or the tokens of an identity provider."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    own = account_of(_ROLE, role.role) or "ACCOUNT-ID"
    if role.source.kind == "oidc":
        provider = role.settings.get("oidc-provider")
        statement |= {
            "Principal": {"Federated": [provider or f"acs:ram::{own}:oidc-provider/PROVIDER-NAME"]},
            "Condition": {"StringEquals": token_claims(role)},
        }
    else:
        statement["Principal"] = {"RAM": [f"acs:ram::{account or own}:root"]}
        if role.external_id is not None:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": role.external_id}}
    return json.dumps({"Version": "1", "Statement": [statement]}, indent=2)


def console(role: Role | None) -> str:
    """RAM's page of roles, or the role's own."""
    found = _ROLE.fullmatch(role.role) if role is not None else None
    page = "https://ram.console.aliyun.com/roles"
    return f"{page}/{found['name']}" if found else page


def session_policy(purpose: str) -> str | None:
    """The actions of the least privileges of `apply`, `deploy` or `ecs`, and no others."""
    return least_policy("alicloud", purpose)


def _taken_on(
    role: Role,
    asked: Mapping[str, str],
    fields: Mapping[str, SecretBytes],
    token: Mapping[str, SecretBytes],
    timeout: float,
) -> Session:
    from credentials.identity.alicloud import Api, Refused, caller

    body = {name: secret.reveal().decode("ascii") for name, secret in token.items()}
    action = Api(*_STS, "AssumeRoleWithOIDC" if token else "AssumeRole", asked, body)
    page, started = console(role), time.time()
    try:
        with answers.asking(role, page):
            told = caller("alicloud", fields, timeout)(action)
    except Refused as refused:
        reason = _reason(refused)
        said = _said(reason, refused, {**fields, **token}, timeout)
        raise not_assumed(role, reason, page, said) from None
    given = told.get("Credentials") or {}
    session = answers.keys(role, page, given, _KEYS)
    if "region" in fields:
        session["region"] = fields["region"]
    until = answers.ends(started, role.session_seconds, until=given.get("Expiration"))
    return Session(session, until, account_of(_ROLE, role.role), role.role)


def _said(reason: Reason, refused: "Refused", secrets: Mapping[str, SecretBytes], timeout: float) -> str:
    from credentials.identity import words_of
    from credentials.identity.alicloud import skew
    from credentials.identity.errors import apart

    # The message about a signature is the whole string that was signed.
    words = "" if refused.code == "SignatureDoesNotMatch" else words_of(refused.words, secrets)
    if reason is Reason.CLOCK_SKEW and (off := skew("alicloud", timeout)) is not None:
        words = f"this machine's clock is {apart(off)}"
    return answers.told(refused.code, refused.request_id, words)


def _reason(refused: "Refused") -> Reason:
    if refused.code == "NoPermission":
        if "root accounts" in refused.words:  # the account's own key may take no role on
            return Reason.SOURCE_REJECTED
        return Reason.TRUST_GONE if refused.policy == "AssumeRolePolicy" else Reason.DENIED
    known = (reason for code, reason in _REASONS.items() if refused.code.startswith(code))
    return next(known, Reason.UNKNOWN)


class _Machine:
    """The metadata service of the machine that this is; every method raises SourceFailed."""

    def __init__(self, environ: Mapping[str, str], seconds: float) -> None:
        self._environ = environ
        self._service = metadata.Metadata(environ.get("TIC_METADATA_ALICLOUD") or _METADATA, seconds)

    def role(self) -> str:
        """The name of the machine's own role."""
        name = self._get(_CREDENTIALS).text().strip()
        if not re.fullmatch(_NAME, name):
            raise metadata.absent("this machine has no role")
        return name

    def keys(self) -> dict[str, SecretBytes]:
        """The keys of the machine's own role."""
        name = self._environ.get("ALIBABA_CLOUD_ECS_METADATA") or self.role()
        return sources.machine_keys(self._get(f"{_CREDENTIALS}{quote(name, safe='')}"), _KEYS)

    def _get(self, path: str) -> metadata.Answer:
        if self._environ.get("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "").lower() == "true":
            raise metadata.absent("ALIBABA_CLOUD_ECS_METADATA_DISABLED says not to ask it")
        given = self._service.ask(
            "/latest/api/token", {"X-aliyun-ecs-metadata-token-ttl-seconds": "60"}, method="PUT"
        )
        if given.status == HTTPStatus.OK:
            return self._service.get(path, {"X-aliyun-ecs-metadata-token": given.text()})
        if self._environ.get("ALIBABA_CLOUD_IMDSV1_DISABLED", "").lower() == "true":
            raise metadata.absent("it gives no token, and ALIBABA_CLOUD_IMDSV1_DISABLED wants one")
        return self._service.get(path)
