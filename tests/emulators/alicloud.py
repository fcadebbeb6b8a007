"""Alibaba Cloud's OpenAPI, which checks ACS3-HMAC-SHA256 for real.

The rules: "Request syntax and signature method V3", https://www.alibabacloud.com/help/en/sdk/product-overview/
v3-request-structure-and-signature; its refusals: the common error codes of the OpenAPI Portal.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NoReturn

from tests.emulators.alicloud_products import Products
from tests.emulators.alicloud_sts import NoPermission, assume_role, assume_role_with_oidc, assumed
from tests.emulators.assumed_roles import AssumedRoles
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import REQUEST_ID, Denied, Key, Ring, canonical_query, mac, parts, same, sha256

ALGORITHM = "ACS3-HMAC-SHA256"
HOSTS = (
    "sts.aliyuncs.com",
    "alidns.aliyuncs.com",
    "cas.aliyuncs.com",
    "ecs.cn-hangzhou.aliyuncs.com",
    "ecs.eu-central-1.aliyuncs.com",
    "vpc.aliyuncs.com",
)
# By product, version and action; the name that RAM has for it. STS tells everybody who they are.
ACTIONS = {
    ("sts", "2015-04-01", "GetCallerIdentity"): None,
    ("sts", "2015-04-01", "AssumeRole"): None,  # says itself what is denied
    ("alidns", "2015-01-09", "DescribeDomains"): "alidns:DescribeDomains",
    ("cas", "2020-04-07", "ListUserCertificateOrder"): "yundun-cert:ListUserCertificateOrder",
    ("ecs", "2014-05-26", "DescribeInstances"): "ecs:DescribeInstances",
    ("ecs", "2014-05-26", "DescribeCloudAssistantStatus"): "ecs:DescribeCloudAssistantStatus",
    ("ecs", "2014-05-26", "DescribeInvocationResults"): "ecs:DescribeInvocationResults",
}


def canonical_request(request: Request, signed_headers: str) -> str:
    """Method, path, query, headers, their names, hash of the body: step 1."""
    headers = "".join(
        f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed_headers.split(";")
    )
    query = canonical_query(request.query)
    return f"{request.method}\n{request.path}\n{query}\n{headers}\n{signed_headers}\n{sha256(request.body)}"


def signature(request: Request, secret: str, signed_headers: str) -> str:
    """The signature that this request must have: steps 2 and 3."""
    hashed = sha256(canonical_request(request, signed_headers).encode())
    return mac(secret.encode(), f"{ALGORITHM}\n{hashed}").hex()


class AlibabaCloud(Ring):
    """Answers for sts (who a key is, roles), alidns and vpc (`products`), cas and ecs (where nothing is).

    `calls` has every call that was let in: the key's id, and the action.
    """

    def __init__(self, keys: Iterable[Key], now: Callable[[], datetime] | None = None) -> None:
        super().__init__(keys, now)
        self.nonces: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.products = Products()
        self.ram = AssumedRoles(lambda: self.now())

    def __call__(self, request: Request) -> Response:
        """What the gateway, and behind it the product, answers, with the time of its own clock."""
        answer = self.said(request)
        return replace(answer, headers={**answer.headers, "Date": format_datetime(self.now(), usegmt=True)})

    def said(self, request: Request) -> Response:
        """The answer without its date."""
        try:
            return Response.json({"RequestId": REQUEST_ID, **self.answered(request)})
        except Denied as refusal:
            said: dict[str, Any] = {
                "RequestId": REQUEST_ID,
                "HostId": request.host,
                "Code": refusal.code,
                "Message": refusal.message,
            }
            if isinstance(refusal, NoPermission):
                denied = {"NoPermissionType": "ImplicitDeny", "PolicyType": refusal.policy}
                said |= {"AccessDeniedDetail": denied}
            return Response.json(said, refusal.status)

    def answered(self, request: Request) -> dict[str, Any]:
        """What the product says; raises Denied. One action is signed by nobody: a token is its proof."""
        asked = (request.host, request.headers.get("x-acs-action"))
        if asked == (HOSTS[0], "AssumeRoleWithOIDC") and "authorization" not in request.headers:
            assert "OIDCToken" not in request.parameters, "an address is no place for a token"
            return assume_role_with_oidc(self.ram, {**request.parameters, **request.form})
        return self.served(request, self.authenticated(request))

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        action = request.headers["x-acs-action"]
        asked = (request.host.partition(".")[0], request.headers["x-acs-version"], action)
        self.calls.append((key.id, action))
        if asked in self.products.actions:
            named: str | None = f"{asked[0]}:{action}"
        elif asked in ACTIONS:
            named = ACTIONS[asked]
        else:
            raise Denied(404, "InvalidAction.NotFound", "Specified api is not found.")
        if named is not None and not self.ram.may(key, named):
            code = "NoPermission" if asked[0] == "cas" else "Forbidden.RAM"
            raise Denied(403, code, f"User not authorized to operate on the specified resource: {named}")
        if asked in self.products.actions:
            return self.products.actions[asked](key.account, {**request.parameters, **request.form})
        if named is not None:
            return {"TotalCount": 0}
        if action == "AssumeRole":
            return assume_role(self.ram, key, request.parameters)
        if session := self.ram.sessions.get(key.id):
            who = f"300000000000000000:{session.name}"
            told = {"AccountId": key.account, "Arn": assumed(session), "PrincipalId": who}
            return {"IdentityType": "AssumedRoleUser", "RoleId": "300000000000000000", **told}
        return {
            "IdentityType": "RAMUser",
            "AccountId": key.account,
            "UserId": "215180000000000000",
            "PrincipalId": "215180000000000000",
            "Arn": f"acs:ram::{key.account}:user/{key.principal}",
        }

    def authenticated(self, request: Request) -> Key:
        """Whose request it is; raises Denied. A nonce serves once."""
        given = parts(request.headers.get("authorization", ""), ALGORITHM)
        if set(given) != {"Credential", "SignedHeaders", "Signature"}:
            deny(400, "MissingAuthorization", "Authorization is mandatory for this action.")
        signed = set(given["SignedHeaders"].split(";"))
        must = {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"}
        must |= {name for name in request.headers if name.startswith("x-acs-") or name == "content-type"}
        if not must <= signed:
            deny(400, "IncompleteSignature", f"not signed: {', '.join(sorted(must - signed))}")
        try:
            date = datetime.strptime(request.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            deny(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
        if self.late(date):
            deny(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
        if request.headers.get("x-acs-content-sha256") != sha256(request.body):
            deny(400, "InvalidParameter.ContentSha256", "The body is not the one that was hashed.")
        key = self._known(given["Credential"], request)
        if not same(given["Signature"], signature(request, key.secret, given["SignedHeaders"])):
            hashed = sha256(canonical_request(request, given["SignedHeaders"]).encode())
            deny(
                400,
                "SignatureDoesNotMatch",
                "Specified signature is not matched with our calculation. server string to sign is:"
                f"{ALGORITHM}\n{hashed}",
            )
        nonce = request.headers["x-acs-signature-nonce"]
        if nonce in self.nonces:
            deny(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self.nonces.add(nonce)
        return key

    def _known(self, id_: str, request: Request) -> Key:
        session = self.ram.sessions.get(id_)
        key = session.key if session is not None else self.keys.get(id_)
        if key is None:
            deny(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if key.disabled:
            deny(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
        token = request.headers.get("x-acs-security-token", "")
        if key.token and not token:  # nobody knows the id of a temporary key without its token
            deny(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if token != key.token:
            deny(400, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatches.")
        if self.ram.has_ended(key):
            deny(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        return key


def deny(status: int, code: str, why: str) -> NoReturn:
    """Refuse as the gateway does."""
    raise Denied(status, code, why)
