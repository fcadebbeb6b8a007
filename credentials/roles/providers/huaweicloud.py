"""Huawei Cloud: agencies and trust agencies of IAM, taken on with STS AssumeAgency or AssumeAgencyWithOIDC.

Calls: https://support.huaweicloud.com/api-iam5/AssumeAgency.html and AssumeAgencyWithOIDC.html; how long
sessions last: /usermanual-iam5/iam_01_1237.html; trust policies: /usermanual-iam5/iam_01_0915.html; their
conditions: /service-authorization-iam5/iam_11_0106.html. The metadata service and the variables are those of
the official SDK's own chain of credentials.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from credentials.roles import answers, metadata, oidc, sources
from credentials.roles.errors import NotAssumed, Reason
from credentials.roles.forms import account_of, written_as
from credentials.roles.mending import not_assumed
from credentials.roles.role import Role, Session, Source, SourceKind
from credentials.roles.trust import token_claims
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from credentials.identity.huaweicloud import Refused

LABEL: Final = "Huawei Cloud"
LOGGERS: Final = ("HuaweiCloud-SDK-StsClient", "HuaweiCloud-SDK-Client")
SOURCES: Final[frozenset[SourceKind]] = frozenset({"metadata", "oidc", "credential"})
SESSION_SECONDS: Final = (900, 3600, 43200)
SETTINGS: Final = {
    "region": "the region of the stacks, such as cn-north-4",
    "project-name": "the project (IAM) of the stacks, where it is not the region's own",
    "oidc-provider": "the URN of the OIDC identity provider in IAM, such as iam::ACCOUNT:oidcProvider:NAME",
}

_ROLE: Final = re.compile(r"iam::(?P<account>[A-Za-z0-9-]{1,64}):agency:[A-Za-z0-9_+=,.@/-]{1,512}")
_METADATA: Final = "http://169.254.169.254"
_TOKEN_FILES: Final = ("HUAWEICLOUD_OIDC_TOKEN_FILE",)
_PROVIDER: Final = "HUAWEICLOUD_OIDC_PROVIDER_URN"
_KEYS: Final = {
    "access-key": "access_key_id",
    "secret-key": "secret_access_key",
    "security-token": "security_token",
}
_MACHINE_KEYS: Final = {"access-key": "access", "secret-key": "secret", "security-token": "securitytoken"}
_NO_TOKENS: Final = (404, 405, 503)  # of a metadata service that wants none
_LONGEST_CHAINED: Final = 3600  # seconds of a session that a temporary key asks for


def checked_role(text: str) -> str:
    """The agency's URN; raises BadRole."""
    hint = "one looks like iam::ACCOUNT-ID:agency:tic, and its page shows it as its URN; see " + console(None)
    return written_as(_ROLE, text, "agency of Huawei Cloud", hint)


def assume(
    role: Role,
    identity: Mapping[str, SecretBytes] | None,
    *,
    session_name: str,
    policy: str | None,
    timeout: float,
    environ: Mapping[str, str],
) -> Session:
    """Take the agency on; raises NotAssumed, SourceFailed, PackageMissing.

    With a token there is no external id: its API has none.
    """
    from credentials.identity.huaweicloud import Refused, asker, sts
    from credentials.identity.values import text

    asked: dict[str, Any] = {
        "agency_urn": role.role,
        "agency_session_name": answers.session_name(session_name, r"[^\w+=,.@-]+", 128),
        "duration_seconds": role.session_seconds,
    }
    if policy is not None:
        asked["policy"] = policy
    fields = sources.first_identity(
        role, identity, lambda: _machine_keys(environ, metadata.ANSWER_SECONDS), console(role)
    )
    path = "/v5/agencies/assume"
    secrets = dict(fields)
    if role.source.kind == "oidc":
        token = oidc.read(sources.token_file(role, environ, _TOKEN_FILES), now=time.time())
        path, secrets = "/v5/agencies/assume-with-oidc", {"token": token.secret}
        asked["provider_urn"] = sources.setting(role, "oidc-provider", environ, _PROVIDER)
        asked["id_token"] = token.secret.reveal().decode("ascii")
    elif role.external_id is not None:
        asked["external_id"] = role.external_id
    if "security-token" in fields and role.session_seconds > _LONGEST_CHAINED:
        said = f"a temporary key may ask for {_LONGEST_CHAINED} seconds at most"
        raise not_assumed(role, Reason.TOO_LONG, console(role), said)
    region = answers.region(role, fields)
    started = time.time()
    try:
        with answers.asking(role, console(role)):
            ask = asker("huaweicloud", fields, timeout)
            told = ask(sts("huaweicloud", text("huaweicloud", region, "region")), path, body=asked)
    except Refused as refused:
        raise _translated(role, refused, secrets) from None
    given = told.get("credentials") or {}
    session = answers.keys(role, console(role), given, _KEYS)
    agency = told.get("assumed_agency") or {}
    if "project-name" in role.settings:
        session["project-name"] = SecretBytes(role.settings["project-name"].encode())
    return Session(
        {**session, **region},
        answers.ends(started, role.session_seconds, until=given.get("expiration")),
        account_of(_ROLE, role.role),
        str(agency.get("urn") or role.role),
    )


def find_sources(environ: Mapping[str, str]) -> tuple[Source, ...]:
    """The token that the SDK's own variable names, and the agency of the machine that this is."""
    return sources.found(environ, _TOKEN_FILES, lambda: _machine_keys(environ, metadata.FINDING_SECONDS))


def trust_policy(role: Role, account: str | None) -> str:
    """The agency's trust policy: an account with the external id, or the tokens of an identity provider."""
    own = account_of(_ROLE, role.role) or "ACCOUNT-ID"
    statement: dict[str, Any] = {"Effect": "Allow"}
    if role.source.kind == "oidc":
        provider = role.settings.get("oidc-provider") or f"iam::{own}:oidcProvider:PROVIDER-NAME"
        statement |= {
            "Action": ["sts:agencies:assumeWithOIDC"],
            "Principal": {"Federated": [provider]},
            "Condition": {"StringEquals": token_claims(role)},
        }
    else:
        statement |= {
            "Action": ["sts:agencies:assume"],
            "Principal": {"IAM": [f"iam::{account or own}:root"]},
        }
        if role.external_id is not None:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": [role.external_id]}}
    return json.dumps({"Version": "5.0", "Statement": [statement]}, indent=2)


def console(role: Role | None) -> str:
    """IAM's page of agencies."""
    return "https://console.huaweicloud.com/iam/#/iam/agencies"


def session_policy(purpose: str) -> str | None:
    """The actions of the least privileges of `apply` or `deploy`, and no others, as an identity policy."""
    from credentials import privileges

    known = privileges.load("huaweicloud").purposes.get(purpose)
    return json.dumps({**known.policy, "Version": "5.0"}, separators=(",", ":")) if known else None


def _translated(role: Role, refused: "Refused", secrets: Mapping[str, SecretBytes]) -> NotAssumed:
    from credentials.identity import words_of
    from credentials.identity.huaweicloud import translated

    reason = _reason(role, refused)
    if reason is None:
        return answers.of_identity(role, translated(role.provider, refused, secrets), console(role))
    words = words_of(refused.words, secrets)
    return not_assumed(role, reason, console(role), answers.told(refused.code, refused.request_id, words))


def _reason(role: Role, refused: "Refused") -> Reason | None:
    """What it says of the agency; None where it says something of who asks."""
    words = refused.words.lower()
    token = role.source.kind == "oidc"
    if refused.code.startswith("APIGW."):
        return None
    match refused.status:
        case 404:
            return Reason.ROLE_GONE
        case 403:  # one code of who may not, and of whom the agency does not trust
            trust = token or "trust" in words or "resource-based" in words
            return Reason.TRUST_GONE if trust else Reason.DENIED
        case 400 if "duration" in words:
            return Reason.TOO_LONG
        case 400 | 401 if token:
            return Reason.SOURCE_REJECTED
    return None


def _machine_keys(environ: Mapping[str, str], seconds: float) -> dict[str, SecretBytes]:
    """The keys of the machine's own agency; raises SourceFailed."""
    service = metadata.Metadata(environ.get("TIC_METADATA_HUAWEICLOUD") or _METADATA, seconds)
    token = service.ask("/meta-data/latest/api/token", {"X-Metadata-Token-Ttl-Seconds": "300"}, method="PUT")
    headers = {}
    if token.status == 200:
        headers["X-Metadata-Token"] = token.text().strip()
    elif token.status not in _NO_TOKENS:
        raise metadata.absent(f"{service.address}/meta-data/latest/api/token: status {token.status}")
    told = service.get("/openstack/latest/securitykey", headers).json().get("credential")
    keys = told if isinstance(told, dict) else {}
    found = {field: keys.get(name) for field, name in _MACHINE_KEYS.items()}
    if not all(isinstance(key, str) and key for key in found.values()):
        raise metadata.absent("the machine has no agency")
    return {field: SecretBytes(str(key).encode()) for field, key in found.items()}
