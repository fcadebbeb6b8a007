"""Volcano Engine's gateway, with STS, DNS and certificates behind it; it checks HMAC-SHA256 for real.

The rules: https://www.volcengine.com/docs/6369/67269 ("signature method"); what it refuses with:
https://www.volcengine.com/docs/6369/68677 (the public error codes).
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from tests.emulators.assumed_roles import AssumedRoles
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import (
    REQUEST_ID,
    Denied,
    Key,
    Ring,
    basic_time,
    canonical_query,
    encoded,
    mac,
    parts,
    same,
    sha256,
)
from tests.emulators.volcengine_sts import assume_role, assume_role_with_oidc, session_trn

ALGORITHM: Final = "HMAC-SHA256"
MUST_BE_SIGNED: Final = {"host", "x-date", "x-content-sha256", "x-security-token"}  # where they are sent
CODES: Final = {
    "MissingRequestInfo": 100004,
    "InvalidTimestamp": 100006,
    "InvalidActionOrVersion": 100008,
    "InvalidAccessKey": 100009,
    "SignatureDoesNotMatch": 100010,
    "InvalidAuthorization": 100011,
    "AccessDenied": 100013,
    "InvalidSecretToken": 100026,
    "RoleNotExist": 0,
    "InvalidDurationSeconds": 0,
    "InvalidOIDCToken": 0,
    "InvalidParameter": 0,
}
_DIFFERS: Final = (
    "The request signature we calculated does not match the signature you provided. Check your Secret Access "
    "Key and signing method. Consult the service documentation for details."
)


def signature(request: Request, secret: str, scope: str, signed_headers: str) -> str:
    """The signature that this request must have; `scope` is date/region/service/request."""
    names = signed_headers.split(";")
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
    canonical = "\n".join(
        (
            request.method,
            encoded(request.path, safe="/"),
            canonical_query(request.query),
            headers,
            signed_headers,
            sha256(request.body),
        )
    )
    text = f"{ALGORITHM}\n{request.headers['x-date']}\n{scope}\n{sha256(canonical.encode())}"
    return mac(mac(secret.encode(), *scope.split("/")), text).hex()


class Volcengine(Ring):
    """Answers STS (who a key is, roles), DNS ListZones and the certificate service's list of instances."""

    def __init__(self, keys: Iterable[Key], now: Callable[[], datetime] | None = None) -> None:
        super().__init__(keys, now)
        self.iam = AssumedRoles(lambda: self.now())

    def __call__(self, request: Request) -> Response:
        """What the gateway, and behind it the service, answers."""
        asked = request.parameters
        about = {"RequestId": REQUEST_ID, "Action": asked.get("Action"), "Version": asked.get("Version")}
        try:
            result = self.answered(request)
        except Denied as refusal:
            error = {"Code": refusal.code, "CodeN": CODES.get(refusal.code, 0), "Message": refusal.message}
            return Response.json({"ResponseMetadata": {**about, "Error": error}}, refusal.status)
        return Response.json({"ResponseMetadata": about, "Result": result})

    def answered(self, request: Request) -> dict[str, Any]:
        """What the service says; raises Denied. One action is signed by nobody: a token is its proof."""
        asked = request.parameters
        unsigned = "authorization" not in request.headers and request.method == "POST"
        if unsigned and asked == {"Action": "AssumeRoleWithOIDC", "Version": "2018-01-01"}:
            return assume_role_with_oidc(self.iam, request.form)
        return self.served(request, self.authenticated(request))

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        asked = request.parameters
        actions = {
            ("GetCallerIdentity", "2018-01-01"): "sts:GetCallerIdentity",
            ("AssumeRole", "2018-01-01"): "sts:AssumeRole",
            ("ListZones", "2018-08-01"): "dns:ListZones",
            ("CertificateGetInstanceList", "2024-10-01"): "certificate_service:CertificateGetInstanceList",
        }
        action = actions.get((asked.get("Action", ""), asked.get("Version", "")))
        if action is None:
            raise Denied(404, "InvalidActionOrVersion", "Could not find the operation for this version.")
        if action == "sts:AssumeRole":  # says itself what is denied
            return assume_role(self.iam, key, request.form)
        if not self.iam.may(key, action):
            raise Denied(403, "AccessDenied", f"User is not authorized to perform: {action} on resource: ")
        if action != "sts:GetCallerIdentity":
            return {"Total": 0}
        lent = self.iam.sessions.get(key.id)
        if lent is not None:
            user = {"IdentityId": lent.name, "IdentityType": "AssumedRole", "Trn": session_trn(lent)}
            return {"AccountId": int(key.account), **user}
        return {
            "AccountId": int(key.account),
            "IdentityId": f"{key.principal}-id",
            "IdentityType": "User",
            "Trn": f"trn:iam::{key.account}:user/{key.principal}",
        }

    def authenticated(self, request: Request) -> Key:
        """Whose request it is; raises Denied."""
        given = parts(request.headers.get("authorization", ""), ALGORITHM)
        if set(given) != {"Credential", "SignedHeaders", "Signature"}:
            raise Denied(400, "InvalidAuthorization", "Invalid 'Authorization' header, Pls check it.")
        identifier, _, scope = given["Credential"].partition("/")
        date = basic_time(request.headers.get("x-date", ""))
        if date is None or not MUST_BE_SIGNED & set(request.headers) <= set(
            given["SignedHeaders"].split(";")
        ):
            raise Denied(400, "MissingRequestInfo", "The request is missing X-Date information.")
        if self.late(date):
            raise Denied(400, "InvalidTimestamp", "The Signature of the request is expired.")
        lent = self.iam.sessions.get(identifier)
        key = lent.key if lent is not None else self.keys.get(identifier)
        if key is None or key.disabled:
            said = f"The accesskey [{identifier}] included in the request is invalid."
            raise Denied(401, "InvalidAccessKey", said)
        if scope.count("/") != 3 or not scope.startswith(f"{date:%Y%m%d}/") or not scope.endswith("/request"):
            raise Denied(401, "SignatureDoesNotMatch", _DIFFERS)
        if request.headers.get("x-content-sha256", sha256(request.body)) != sha256(request.body):
            raise Denied(401, "SignatureDoesNotMatch", _DIFFERS)
        wanted = signature(request, key.secret, scope, given["SignedHeaders"])
        if not same(given["Signature"], wanted):
            raise Denied(401, "SignatureDoesNotMatch", _DIFFERS)
        if request.headers.get("x-security-token", "") != key.token or self.iam.has_ended(key):
            given_token = request.headers.get("x-security-token", "")
            raise Denied(401, "InvalidSecretToken", f"Invalid secret token, msg: {given_token} is not valid.")
        return key
