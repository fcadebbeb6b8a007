"""JD Cloud's gateway, with accounts, DNS and certificates behind it; it checks its signatures for real.

The rules: "Signature of a request" of its OpenAPI, and the official SDK, which signs JDCLOUD3-HMAC-SHA256;
JDCLOUD2-HMAC-SHA256, which older clients sign, differs in its name alone. It refuses with 401 and a text.
"""

import base64
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, NoReturn
from urllib.parse import unquote_plus

from tests.emulators.assumed_roles import AssumedRoles
from tests.emulators.jdcloud_sts import assume_role
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

_ALGORITHM: Final = re.compile(r"(JDCLOUD[23])-HMAC-SHA256 ")


def signature(request: Request, version: str, secret: str, scope: str, signed_headers: str) -> str:
    """The signature that this request must have; `version` is JDCLOUD3, `scope` date/region/service/..."""
    names = signed_headers.split(";")
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
    path = encoded(re.sub("/+", "/", unquote_plus(request.path)), safe="/") or "/"
    canonical = "\n".join(
        (
            request.method,
            path,
            canonical_query(request.query),
            headers,
            signed_headers,
            sha256(request.body),
        )
    )
    date = request.headers["x-jdcloud-date"]
    text = f"{version}-HMAC-SHA256\n{date}\n{scope}\n{sha256(canonical.encode())}"
    return mac(mac(f"{version}{secret}".encode(), *scope.split("/")), text).hex()


class JdCloud(Ring):
    """Answers who a key's account is, STS (roles), the list of DNS domains and that of certificates."""

    def __init__(self, keys: Iterable[Key], now: Callable[[], datetime] | None = None) -> None:
        super().__init__(keys, now)
        self.iam = AssumedRoles(lambda: self.now())

    def __call__(self, request: Request) -> Response:
        """What the gateway, and behind it the service, answers."""
        try:
            result = self.served(request, self.authenticated(request))
        except Denied as refusal:
            error = {"message": refusal.message, "status": refusal.code, "code": refusal.status}
            return Response.json({"error": error, "requestId": REQUEST_ID}, refusal.status)
        return Response.json({"requestId": REQUEST_ID, "result": result})

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        what = (request.host, request.method, re.sub("regions/[^/]+", "regions/*", request.path))
        if what == ("sts.jdcloud-api.com", "POST", "/v1/sessionToken:assumeRole"):
            return assume_role(self.iam, key, request.json()["assumeRoleInfo"])
        actions = {
            ("user.jdcloud-api.com", "GET", "/v1/describeUser"): "user",
            ("domainservice.jdcloud-api.com", "GET", "/v2/regions/*/domain"): "domains",
            ("ssl.jdcloud-api.com", "GET", "/v1/sslCert"): "certificates",
        }
        if what not in actions:
            raise Denied(404, "NOT_FOUND", "not found")
        if not self.iam.may(key, actions[what]):
            raise Denied(403, "HTTP_FORBIDDEN", "the sub user has no permission for this operation")
        if actions[what] != "user":
            return {"totalCount": 0}
        return {"pin": key.principal, "loginName": key.principal, "accountId": key.account, "userAuth": 1}

    def authenticated(self, request: Request) -> Key:
        """Whose request it is; raises Denied."""
        authorization = request.headers.get("authorization", "")
        algorithm = _ALGORITHM.match(authorization)
        if algorithm is None:
            deny("authorization header is invalid [gw]")
        version = algorithm[1]
        given = parts(authorization, f"{version}-HMAC-SHA256")
        identifier, _, scope = given.get("Credential", "").partition("/")
        signed_headers = given.get("SignedHeaders", "")
        date = basic_time(request.headers.get("x-jdcloud-date", ""))
        if (
            date is None
            or "host" not in signed_headers.split(";")
            or "x-jdcloud-nonce" not in request.headers
        ):
            deny("authorization header is invalid [gw]")
        if self.late(date):
            deny("sign time is expired [gw]")
        lent = self.iam.sessions.get(identifier)
        key = lent.key if lent is not None else self.keys.get(identifier)
        if key is None or key.disabled:
            deny("access key is not found or disabled [gw]")
        ends = scope.startswith(f"{date:%Y%m%d}/") and scope.endswith(f"/{version.lower()}_request")
        wanted = signature(request, version, key.secret, scope, signed_headers)
        if scope.count("/") != 3 or not ends or not same(given.get("Signature", ""), wanted):
            deny("sign result is not same [gw]")
        if request.headers.get("x-jdcloud-content-sha256", sha256(request.body)) != sha256(request.body):
            deny("sign result is not same [gw]")
        token = base64.b64encode(key.token.encode()).decode()
        unsigned = key.token and "x-jdcloud-security-token" not in signed_headers.split(";")
        if (
            request.headers.get("x-jdcloud-security-token", "") != token
            or unsigned
            or self.iam.has_ended(key)
        ):
            deny("session token is invalid [gw]")
        return key


def deny(why: str) -> NoReturn:
    """Refuse as the gateway does."""
    raise Denied(401, "ACCESS_ERROR", why)
