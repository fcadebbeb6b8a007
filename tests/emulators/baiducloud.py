"""Baidu AI Cloud's STS, DNS and certificates, which check bce-auth-v1 for real.

The rules: https://cloud.baidu.com/doc/Reference/s/njwvz1yfu ("generate an authentication string"); what it
refuses with: https://cloud.baidu.com/doc/Reference/s/Bjz3uz3qj-en. The body is not signed, its length is.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote

from tests.emulators.assumed_roles import AssumedRoles
from tests.emulators.baiducloud_sts import assume_role
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import REQUEST_ID, Denied, Key, Ring, canonical_query, encoded, mac, same

PREFIX: Final = "bce-auth-v1"
SIGNED_UNASKED: Final = {"host", "content-length", "content-type", "content-md5"}  # and every x-bce-...
ISSUED_SECRET: Final = "cAnArY-issued-secret"
ISSUED_TOKEN: Final = "cAnArY-issued-token"
_DIFFERS: Final = (
    "The request signature we calculated does not match the signature you provided. Check your Secret Access "
    "Key and signing method. Consult the service documentation for details."
)


def signature(request: Request, secret: str, prefix: str, signed_headers: str) -> str:
    """The signature that this request must have; `prefix` is bce-auth-v1/KEY/TIME/SECONDS."""
    named = set(signed_headers.split(";")) if signed_headers else None
    headers = sorted(
        f"{encoded(name)}:{encoded(value.strip())}"
        for name, value in request.headers.items()
        if value.strip() and (_unasked(name) if named is None else name in named)
    )
    path = encoded(unquote(request.path), safe="/")
    canonical = "\n".join((request.method, path, canonical_query(request.query), "\n".join(headers)))
    return mac(mac(secret.encode(), prefix).hex().encode(), canonical).hex()


def _unasked(name: str) -> bool:
    return name in SIGNED_UNASKED or name.startswith("x-bce-")


class BaiduCloud(Ring):
    """Answers STS (GetSessionToken, roles), the list of DNS zones and the list of certificates."""

    def __init__(self, keys: Iterable[Key], now: Callable[[], datetime] | None = None) -> None:
        super().__init__(keys, now)
        self.iam = AssumedRoles(lambda: self.now())

    def __call__(self, request: Request) -> Response:
        """What the service answers; it ends the connection, which its SDK never closes."""
        try:
            answer = Response.json(self.served(request, self.authenticated(request)))
        except Denied as refusal:
            said = {"code": refusal.code, "message": refusal.message, "requestId": REQUEST_ID}
            answer = Response.json(said, refusal.status)
        return Response(answer.status, {**answer.headers, "connection": "close"}, answer.body)

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        what = (request.host, request.method, request.path)
        if what == ("sts.bj.baidubce.com", "POST", "/v1/credential") and "assumeRole" in request.parameters:
            return assume_role(self.iam, key, request.parameters, request.json())
        actions = {
            ("sts.bj.baidubce.com", "POST", "/v1/sessionToken"): "session",
            ("dns.baidubce.com", "GET", "/v1/dns/zone"): "zones",
            ("certificate.baidubce.com", "GET", "/v1/certificate"): "certificates",
        }
        if what not in actions:
            raise Denied(404, "NoSuchKey", "The resource you requested does not exist")
        if not self.iam.may(key, actions[what]):
            raise Denied(403, "AccessDenied", "Access denied.")
        return {"result": []} if actions[what] != "session" else self.session(request, key)

    def session(self, request: Request, key: Key) -> dict[str, Any]:
        """A temporary key of this one's user; refuses a request for more than a moment and a glance."""
        allowed = [one["permission"] for one in json.loads(request.body)["accessControlList"]]
        if int(request.parameters["durationSeconds"]) > 60 or allowed != [["READ"]]:
            raise Denied(400, "InvalidHTTPRequest", "There was an error in the body of your HTTP request.")
        return {
            "accessKeyId": "issued",
            "secretAccessKey": ISSUED_SECRET,
            "sessionToken": ISSUED_TOKEN,
            "createTime": f"{self.now():%Y-%m-%dT%H:%M:%SZ}",
            "expiration": f"{self.now() + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
            "userId": key.principal,
        }

    def authenticated(self, request: Request) -> Key:
        """Whose request it is; raises Denied."""
        pieces = request.headers.get("authorization", "").split("/")
        if len(pieces) != 6 or pieces[0] != PREFIX:
            raise Denied(400, "InvalidHTTPAuthHeader", "The HTTP authorization header is invalid.")
        _, identifier, time, seconds, signed_headers, given = pieces
        signed_at = _time(time)
        if signed_at is None or not seconds.isdecimal():
            raise Denied(400, "InvalidHTTPAuthHeader", "The HTTP authorization header is invalid.")
        if signed_headers and "host" not in signed_headers.split(";"):
            raise Denied(400, "InvalidHTTPAuthHeader", "Host must be signed.")
        lent = self.iam.sessions.get(identifier)
        key = lent.key if lent is not None else self.keys.get(identifier)
        if key is None or key.disabled:
            raise Denied(
                403, "InvalidAccessKeyId", "The Access Key ID you provided does not exist in our records."
            )
        life = timedelta(seconds=int(seconds))
        if not signed_at - life <= self.now() <= signed_at + life:
            raise Denied(400, "RequestExpired", f"Request has expired. Timestamp date is {time}")
        if int(request.headers.get("content-length", len(request.body))) != len(request.body):
            raise Denied(400, "SignatureDoesNotMatch", _DIFFERS)
        prefix = "/".join(pieces[:4])
        if not same(given, signature(request, key.secret, prefix, signed_headers)):
            raise Denied(400, "SignatureDoesNotMatch", _DIFFERS)
        if request.headers.get("x-bce-security-token", "") != key.token or self.iam.has_ended(key):
            raise Denied(403, "AuthError", "The session token is not valid.")
        return key


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
