"""Volcano Engine: IAM roles, taken on with STS AssumeRole or AssumeRoleWithOIDC.

Calls: https://www.volcengine.com/docs/6257/86374 and /docs/6257/1494877; trust policies: /docs/6257/1134850;
IAM's codes: /docs/6257/64992; the metadata service and the variables are those of the official SDK's own
chain of credentials (ECS IMDSv2). Its AssumeRole takes no external id.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from credentials.roles import answers, metadata, oidc, sources
from credentials.roles.errors import NotAssumed, Reason
from credentials.roles.forms import account_of, least_policy, written_as
from credentials.roles.mending import not_assumed
from credentials.roles.role import Role, Session, Source, SourceKind
from credentials.roles.trust import token_claims
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from credentials.identity.volcengine import Refused

LABEL: Final = "Volcano Engine"
LOGGERS: Final = ("volcenginesdkcore", "com.volcengine.sdkcore")
SOURCES: Final[frozenset[SourceKind]] = frozenset({"metadata", "oidc", "credential"})
SESSION_SECONDS: Final = (900, 3600, 43200)
SETTINGS: Final = {
    "region": "the region of the stacks, such as cn-beijing",
    "oidc-provider": "the name of the OIDC identity provider in IAM, for the trust policy",
}

_ROLE: Final = re.compile(r"trn:iam::(?P<account>\d{1,20}):role/[A-Za-z0-9_+=,.@-]{1,64}")
_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_METADATA: Final = "http://100.96.0.96"
_CREDENTIALS: Final = "/volcstack/latest/iam/security_credentials"
_TOKEN_FILES: Final = ("VOLCENGINE_OIDC_TOKEN_FILE",)
_KEYS: Final = {"access-key": "AccessKeyId", "secret-key": "SecretAccessKey", "session-token": "SessionToken"}
_VERSION: Final = "2018-01-01"
_GONE: Final = ("RoleNotExist", "InvalidTRN", "AccountNotExist")
_DENIED: Final = ("AccessDenied", "LackPolicy")
_TOKEN_CODES: Final = re.compile(r"OIDC|IdentityProvider|IDToken", re.IGNORECASE)


def checked_role(text: str) -> str:
    """The role's TRN; raises BadRole."""
    hint = f"one looks like trn:iam::2100000000:role/tic; see {console(None)}"
    return written_as(_ROLE, text, "role of Volcano Engine", hint)


def assume(
    role: Role,
    identity: Mapping[str, SecretBytes] | None,
    *,
    session_name: str,
    policy: str | None,
    timeout: float,
    environ: Mapping[str, str],
) -> Session:
    """Take the role on; raises NotAssumed, SourceFailed, PackageMissing. No API of it has an external id."""
    from credentials.identity.volcengine import FORM, Refused, caller

    asked: dict[str, Any] = {
        "RoleTrn": role.role,
        "RoleSessionName": answers.session_name(session_name, r"[^\w.@-]+", 64),
        "DurationSeconds": role.session_seconds,
    }
    if policy is not None:
        asked["Policy"] = policy
    fields = sources.first_identity(role, identity, lambda: _machine_keys(environ), console(role))
    action = "AssumeRole"
    secrets = dict(fields)
    if role.source.kind == "oidc":
        token = oidc.read(sources.token_file(role, environ, _TOKEN_FILES), now=time.time())
        action, secrets = "AssumeRoleWithOIDC", {"token": token.secret}
        asked["OIDCToken"] = token.secret.reveal().decode("ascii")
    region = answers.region(role, fields)
    started = time.time()
    try:
        with answers.asking(role, console(role)):
            call = caller("volcengine", {**fields, **region}, timeout)
            told = call("sts", _VERSION, action, FORM, asked)
    except Refused as refused:
        raise _translated(role, refused, secrets) from None
    given = told.get("Credentials") or {}
    session = answers.keys(role, console(role), given, _KEYS)
    until = given.get("ExpiredTime") or given.get("Expiration")
    user = told.get("AssumedRoleUser") or {}
    return Session(
        {**session, **region},
        answers.ends(started, role.session_seconds, since=given.get("CurrentTime"), until=until),
        account_of(_ROLE, role.role),
        str(user.get("Trn") or role.role),
    )


def find_sources(environ: Mapping[str, str]) -> tuple[Source, ...]:
    """The token that the SDK's own variable names, and the role of the machine that this is."""
    return sources.found(environ, _TOKEN_FILES, lambda: _machine_role(environ, metadata.FINDING_SECONDS))


def trust_policy(role: Role, account: str | None) -> str:
    """The role's trust policy: an account, or the tokens of an identity provider."""
    own = account_of(_ROLE, role.role) or "ACCOUNT-ID"
    if role.source.kind == "oidc":
        provider = role.settings.get("oidc-provider") or "PROVIDER-NAME"
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Action": ["sts:AssumeRoleWithOIDC"],
            "Principal": {"Federated": [f"trn:iam::{own}:oidc-provider/{provider}"]},
            "Condition": {"StringEquals": token_claims(role)},
        }
    else:
        statement = {
            "Effect": "Allow",
            "Action": ["sts:AssumeRole"],
            "Principal": {"IAM": [f"trn:iam::{account or own}:root"]},
        }
    return json.dumps({"Statement": [statement]}, indent=2)


def console(role: Role | None) -> str:
    """IAM's page of roles."""
    return "https://console.volcengine.com/iam/identitymanage/role"


def session_policy(purpose: str) -> str | None:
    """The actions of the least privileges of `apply` or `deploy`, and no others."""
    return least_policy("volcengine", purpose)


def _translated(role: Role, refused: "Refused", secrets: Mapping[str, SecretBytes]) -> NotAssumed:
    from credentials.identity import words_of
    from credentials.identity.volcengine import translated

    reason = _reason(role, refused)
    if reason is None:
        return answers.of_identity(role, translated(role.provider, refused, secrets), console(role))
    words = words_of(refused.words, secrets)
    return not_assumed(role, reason, console(role), answers.told(refused.code, refused.request_id, words))


def _reason(role: Role, refused: "Refused") -> Reason | None:
    """What it says of the role; None where it says something of who asks."""
    words = refused.words.lower()
    if refused.code.startswith(_GONE):
        return Reason.ROLE_GONE
    if refused.code.startswith(
        _DENIED
    ):  # it says the same of who may not and of whom the role does not trust
        return Reason.TRUST_GONE if role.source.kind == "oidc" or "trust" in words else Reason.DENIED
    if "duration" in refused.code.lower() or "durationseconds" in words:
        return Reason.TOO_LONG
    if role.source.kind == "oidc" and _TOKEN_CODES.search(refused.code):
        return Reason.SOURCE_REJECTED
    return None


def _machine_keys(environ: Mapping[str, str]) -> dict[str, SecretBytes]:
    """The keys of the machine's own role; raises SourceFailed."""
    name = _machine_role(environ, metadata.ANSWER_SECONDS)
    service, headers = _service(environ, metadata.ANSWER_SECONDS)
    told = service.get(f"{_CREDENTIALS}/{quote(name, safe='')}", headers).json()
    keys = {field: told.get(key) for field, key in _KEYS.items()}
    if not all(isinstance(key, str) and key for key in keys.values()):
        raise metadata.absent("the machine's role has no keys there")
    return {field: SecretBytes(str(key).encode()) for field, key in keys.items()}


def _machine_role(environ: Mapping[str, str], seconds: float) -> str:
    """The name of the machine's own role; raises SourceFailed."""
    if environ.get("VOLCENGINE_ECS_METADATA_DISABLED", "").lower() == "true":
        raise metadata.absent("VOLCENGINE_ECS_METADATA_DISABLED says so")
    name = environ.get("VOLCENGINE_ECS_METADATA", "").strip()
    service, headers = _service(environ, seconds)
    if not name:
        listed = service.get(f"{_CREDENTIALS}?type=user&format=json", headers).text()
        name = _first(listed)
    if not _NAME.fullmatch(name):
        raise metadata.absent("this machine has no role")
    return name


def _first(listed: str) -> str:
    """The first of the roles, which are a JSON list or lines."""
    try:
        names = json.loads(listed)
    except ValueError:
        names = listed.split()
    return str(names[0]) if isinstance(names, list) and names else ""


def _service(environ: Mapping[str, str], seconds: float) -> tuple[metadata.Metadata, dict[str, str]]:
    """The service, and the header that it wants to see: a token that only this machine can get."""
    service = metadata.Metadata(environ.get("TIC_METADATA_VOLCENGINE") or _METADATA, seconds)
    answer = service.ask("/latest/api/token", {"X-volc-ecs-metadata-token-ttl-seconds": "300"}, method="PUT")
    token = answer.text().strip()
    if answer.status != 200 or not token.isascii() or not token.isprintable() or not token:
        raise metadata.absent(f"{service.address}/latest/api/token: status {answer.status}")
    return service, {"X-volc-ecs-metadata-token": token}
