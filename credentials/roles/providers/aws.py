"""AWS: roles of IAM, taken on with STS AssumeRole or AssumeRoleWithWebIdentity.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html; trust policies:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from credentials.roles import answers, aws_metadata, github, oidc, sources
from credentials.roles.errors import BadRole, Reason, SourceFailed
from credentials.roles.forms import least_policy
from credentials.roles.mending import not_assumed
from credentials.roles.role import Role, Session, Source, SourceKind
from credentials.secret import SecretBytes

LABEL: Final = "AWS"
LOGGERS: Final = ("boto3", "botocore", "s3transfer")
SOURCES: Final[frozenset[SourceKind]] = frozenset({"metadata", "oidc", "credential"})
SESSION_SECONDS: Final = (900, 3600, 43200)
SETTINGS: Final = {"region": "the region whose STS is asked, and of the stacks, such as eu-central-1"}
USUAL_ROLE: Final = "tic"
AUDIENCE: Final = "sts.amazonaws.com"

_ROLE: Final = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):iam::(?P<account>\d{12}):role/(?:[!-.0-~]+/)*(?P<name>[\w+=,.@-]{1,64})",
    re.ASCII,
)
_REGIONS: Final = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_CONSOLES: Final = {
    "aws": "https://console.aws.amazon.com",
    "aws-cn": "https://console.amazonaws.cn",
    "aws-us-gov": "https://console.amazonaws-us-gov.com",
}
_REGION: Final = re.compile(r"[a-z0-9-]+")
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_NOT_IN_A_SESSION_NAME: Final = re.compile(r"[^\w+=,.@-]+", re.ASCII)
_TOKEN_FILES: Final = ("AWS_WEB_IDENTITY_TOKEN_FILE",)


def checked_role(text: str) -> str:
    """The role's ARN; raises BadRole."""
    role = text.strip()
    if not _ROLE.fullmatch(role) or len(role) > 2048:
        raise BadRole(
            f"{role[:80]!r} is no role of AWS",
            hint=f"one looks like arn:aws:iam::123456789012:role/{USUAL_ROLE}; see them at {console(None)}",
        )
    return role


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

    With a web identity there is no external id: its issuer, subject and audience are what the role trusts.
    """
    from credentials.identity.aws import Refused, caller
    from credentials.identity.network import skew
    from credentials.roles.aws_refusals import translated

    page = console(role)
    asked: dict[str, Any] = {
        "RoleArn": role.role,
        "RoleSessionName": _NOT_IN_A_SESSION_NAME.sub("-", session_name)[:64].ljust(2, "-"),
        "DurationSeconds": role.session_seconds,
        **({"Policy": policy} if policy is not None else {}),
    }
    if role.source.kind == "oidc":
        token = _token(role, environ).secret
        fields, secrets, operation = {}, {"token": token}, "assume_role_with_web_identity"
        asked["WebIdentityToken"] = token.reveal().decode("ascii")
    else:
        fields = _keys(role, identity, environ)
        secrets, operation = fields, "assume_role"
        if role.external_id is not None:
            asked["ExternalId"] = role.external_id
    region = {"region": SecretBytes(_region(role).encode())}
    with answers.asking(role, page):
        call = caller("aws", {**fields, **region}, timeout)
        try:
            told = call("sts", operation, asked)
        except Refused as refused:
            raise translated(role, page, refused, call, secrets) from None
    date = told["ResponseMetadata"]["HTTPHeaders"].get("date")
    off = skew(date)
    return _session(told, role, off.total_seconds() if off is not None else 0.0)


def find_sources(environ: Mapping[str, str]) -> tuple[Source, ...]:
    """A pod's or job's token, for which GitHub has no file, and the role of the container or instance."""
    found: list[Source] = []
    named = sources.named_token_file(environ, _TOKEN_FILES)
    if named is not None and Path(named).is_file():
        found.append(Source("oidc", token_file=named))
    elif github.is_here(environ):
        found.append(Source("oidc"))
    if aws_metadata.is_here(environ):
        found.append(Source("metadata"))
    return tuple(found)


def trust_policy(role: Role, account: str | None) -> str:
    """The role's trust policy: an account with the external id, or the tokens of an identity provider."""
    arn = _ROLE.fullmatch(role.role)
    partition, own = (arn["partition"], arn["account"]) if arn else ("aws", "ACCOUNT-ID")
    statement: dict[str, Any] = {"Effect": "Allow"}
    if role.source.kind == "oidc":
        issuer, claims = _claims(role.source)
        statement |= {
            "Principal": {"Federated": f"arn:{partition}:iam::{own}:oidc-provider/{issuer}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{issuer}:{claim}": value for claim, value in claims.items()}},
        }
    else:
        statement |= {
            "Principal": {"AWS": f"arn:{partition}:iam::{account or own}:root"},
            "Action": "sts:AssumeRole",
        }
        if role.external_id is not None:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": role.external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def console(role: Role | None) -> str:
    """IAM's page where a role is made, or the role's own."""
    arn = _ROLE.fullmatch(role.role) if role is not None else None
    page = f"{_CONSOLES[arn['partition'] if arn else 'aws']}/iam/home#/roles"
    return f"{page}/details/{quote(arn['name'], safe='')}" if arn else f"{page}/create"


def session_policy(purpose: str) -> str | None:
    """The actions of the least privileges of `apply` or `deploy`, and no others."""
    return least_policy("aws", purpose)


def _keys(
    role: Role, identity: Mapping[str, SecretBytes] | None, environ: Mapping[str, str]
) -> dict[str, SecretBytes]:
    if role.source.kind == "metadata":
        return aws_metadata.keys(environ)
    if identity is None or "access-key-id" not in identity or "secret-access-key" not in identity:
        raise not_assumed(role, Reason.SOURCE_MISSING, console(role), "the credential has no access key")
    names = ("access-key-id", "secret-access-key", "session-token")
    return {name: identity[name] for name in names if name in identity}


def _region(role: Role) -> str:
    """The region whose STS is asked; raises NotAssumed for what AWS could not even be asked with."""
    arn = _ROLE.fullmatch(role.role)
    region = role.settings.get("region") or _REGIONS[arn["partition"] if arn else "aws"]
    if not _REGION.fullmatch(region):
        raise not_assumed(role, Reason.UNKNOWN, console(role), "its setting region is no name of a region")
    if role.source.kind != "oidc" and role.external_id and not _EXTERNAL_ID.fullmatch(role.external_id):
        said = "its external id is none: 2 to 1224 letters, digits and =,.@:/-"
        raise not_assumed(role, Reason.TRUST_GONE, console(role), said)
    return region


def _session(told: Mapping[str, Any], role: Role, skew_seconds: float) -> Session:
    keys, principal = told["Credentials"], str(told["AssumedRoleUser"]["Arn"])
    fields = {
        "access-key-id": keys["AccessKeyId"],
        "secret-access-key": keys["SecretAccessKey"],
        "session-token": keys["SessionToken"],
        **({"region": role.settings["region"]} if role.settings.get("region") else {}),
    }
    return Session(
        {name: SecretBytes(value.encode()) for name, value in fields.items()},
        keys["Expiration"].timestamp() + skew_seconds,
        principal.split(":")[4],
        principal,
    )


def _token(role: Role, environ: Mapping[str, str]) -> oidc.IdToken:
    named = role.source.token_file or sources.named_token_file(environ, _TOKEN_FILES)
    if named is None and github.is_here(environ):
        return github.token(environ, AUDIENCE, now=time.time())
    return oidc.read(sources.token_file(role, environ, _TOKEN_FILES), now=time.time())


def _claims(source: Source) -> tuple[str, dict[str, Any]]:
    """The issuer as IAM names it, and what is compared of its tokens; words to replace without a token."""
    try:
        token = oidc.read(source.token_file or "", now=0)
    except SourceFailed:
        return "ISSUER", {"aud": AUDIENCE, "sub": "SUBJECT"}
    audience = token.audiences[0] if len(token.audiences) == 1 else list(token.audiences)
    return token.issuer.removeprefix("https://"), {"aud": audience, "sub": token.subject}
