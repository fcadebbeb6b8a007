"""Huawei Cloud's STS, which checks SDK-HMAC-SHA256 for real.

The rules: "AK/SK signature authentication" of its API gateway; what its gateway refuses with: the error codes
of API Gateway (all of it is APIGW.0301, the message says what).
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import unquote

from tests.emulators import huaweicloud_sts
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

ALGORITHM = "SDK-HMAC-SHA256"
FAILURES_ALLOWED = 5  # in a row; then the key is locked for five minutes


def signature(request: Request, secret: str, signed_headers: str) -> str:
    """The signature that this request must have."""
    canonical = canonical_request(request, signed_headers)
    text = f"{ALGORITHM}\n{request.headers['x-sdk-date']}\n{sha256(canonical.encode())}"
    return mac(secret.encode(), text).hex()


def canonical_request(request: Request, signed_headers: str) -> str:
    """Method, path that ends in a slash, query, headers, their names, hash of the body."""
    path = "/".join(encoded(unquote(part)) for part in request.path.split("/")).rstrip("/") + "/"
    names = signed_headers.split(";")
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
    query = canonical_query(request.query)
    return f"{request.method}\n{path}\n{query}\n{headers}\n{signed_headers}\n{sha256(request.body)}"


class HuaweiCloud(Ring):
    """Answers for STS (who a key is, agencies), DNS (its zones) and SCM (its certificates)."""

    failures = 0

    def __init__(self, keys: Iterable[Key], now: Callable[[], datetime] | None = None) -> None:
        super().__init__(keys, now)
        self.iam = AssumedRoles(lambda: self.now())

    def __call__(self, request: Request) -> Response:
        """What the gateway, and behind it the service, answers."""
        try:
            return Response.json(self.answered(request))
        except Denied as refusal:
            said = {"error_msg": refusal.message, "error_code": refusal.code, "request_id": REQUEST_ID}
            answer = Response.json(said, refusal.status)
            return Response(answer.status, {**answer.headers, "X-Request-Id": REQUEST_ID}, answer.body)

    def answered(self, request: Request) -> dict[str, Any]:
        """What the service says; raises Denied. One call is signed by nobody: a token is its proof."""
        unsigned = "authorization" not in request.headers
        if unsigned and (request.method, request.path) == ("POST", huaweicloud_sts.ASSUME_WITH_OIDC):
            return huaweicloud_sts.assume_with_oidc(self.iam, request.json())
        return self.served(request, self.authenticated(request))

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        if (request.method, request.path) == ("POST", huaweicloud_sts.ASSUME):  # says itself what is denied
            return huaweicloud_sts.assume(self.iam, key, request.json())
        if request.method == "GET" and request.path == "/v5/caller-identity":  # needs no permission
            lent = self.iam.sessions.get(key.id)
            urn = f"iam::{key.account}:user:{key.principal}"
            if lent is not None:
                urn = huaweicloud_sts.session_urn(lent)
            return {"account_id": key.account, "principal_urn": urn, "principal_id": f"id-{key.principal}"}
        actions = {"/v2/zones": "dns:zone:list", "/v3/scm/certificates": "scm:cert:list"}
        if request.method != "GET" or request.path not in actions:
            raise Denied(404, "APIGW.0101", "The API does not exist or has not been published")
        if not self.iam.may(key, actions[request.path]):
            raise Denied(403, "PAP5.0002", f"no policy allows the {actions[request.path]} action")
        return {request.path.rpartition("/")[2]: [], "metadata": {"total_count": 0}}

    def authenticated(self, request: Request) -> Key:
        """Whose request it is; raises Denied."""
        given = parts(request.headers.get("authorization", ""), ALGORITHM)
        if set(given) != {"Access", "SignedHeaders", "Signature"}:
            deny("the authorization header is not valid")
        signed = given["SignedHeaders"].split(";")
        date = basic_time(request.headers.get("x-sdk-date", ""))
        if date is None or not {"host", "x-sdk-date"} <= set(signed):
            deny("x-sdk-date and host must be signed")
        if self.late(date):
            server = f"{self.now():%Y%m%dT%H%M%SZ}"
            deny(
                "calc aksk signature fail:signature expired, "
                f"signature time:{request.headers['x-sdk-date']},server time:{server}"
            )
        lent = self.iam.sessions.get(given["Access"])
        key = lent.key if lent is not None else self.keys.get(given["Access"])
        if key is None:
            deny(f"ak {given['Access']} not exist")
        if key.disabled:
            deny(f"ak {key.id} is inactive")
        if self.failures >= FAILURES_ALLOWED:
            deny("AK access failed to reach the limit,forbidden.")
        if not same(given["Signature"], signature(request, key.secret, given["SignedHeaders"])):
            self.failures += 1
            shown = canonical_request(request, given["SignedHeaders"]).replace("\n", "|")
            deny(f"verify aksk signature fail, canonicalRequest:{shown}")
        if request.headers.get("x-security-token", "") != key.token or self.iam.has_ended(key):
            deny("decrypt token fail")
        return key


def deny(why: str) -> NoReturn:
    """Refuse as the gateway does."""
    raise Denied(401, "APIGW.0301", f"Incorrect IAM authentication information: {why}")
