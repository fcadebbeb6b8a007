"""Tencent Cloud's API 3.0, which checks TC3-HMAC-SHA256 for real.

The rules: "Signature v3", https://cloud.tencent.com/document/api/1312/48171; its refusals, all of them with
HTTP 200: "Common error codes", https://cloud.tencent.com/document/api/1312/48172.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any, NoReturn

from tests.emulators.assumed_roles import AssumedRoles
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import REQUEST_ID, Denied, Key, Ring, mac, parts, same, sha256
from tests.emulators.tencentcloud_products import Products
from tests.emulators.tencentcloud_sts import assume_role, assume_role_with_web_identity

ALGORITHM = "TC3-HMAC-SHA256"
TENCENT_WINDOW = timedelta(minutes=5)
HOSTS = tuple(f"{product}.tencentcloudapi.com" for product in ("sts", "dnspod", "ssl", "vpc"))
SIGNED = ("content-type", "host")  # what must be signed; the body's hash is part of every signature

Answer = Callable[[Key, dict[str, Any]], dict[str, Any]]


def canonical_request(request: Request, signed_headers: str) -> str:
    """Method, path, query, headers, their names, hash of the body: step 1."""
    headers = "".join(
        f"{name}:{request.headers.get(name, '').strip().lower()}\n" for name in signed_headers.split(";")
    )
    lines = (request.method, request.path, request.query, headers, signed_headers, sha256(request.body))
    return "\n".join(lines)


def signature(request: Request, secret: str, scope: str, signed_headers: str) -> str:
    """The signature that this request must have: steps 2 and 3; `scope` is date/service/tc3_request."""
    hashed = sha256(canonical_request(request, signed_headers).encode())
    text = f"{ALGORITHM}\n{request.headers['x-tc-timestamp']}\n{scope}\n{hashed}"
    return mac(f"TC3{secret}".encode(), *scope.split("/"), text).hex()


class TencentCloud(Ring):
    """Answers for sts (who a key is, roles), dnspod and vpc (`products`), and ssl (its certificates: none).

    `calls` has every call that was let in: the key's id, and the action.
    """

    def __init__(self, keys: Iterable[Key], now: Callable[[], datetime] | None = None) -> None:
        super().__init__(keys, now)
        self.cam = AssumedRoles(lambda: self.now())
        self.calls: list[tuple[str, str]] = []
        self.products = Products()

    def __call__(self, request: Request) -> Response:
        """What the API answers, with the time of its own clock."""
        try:
            said = self.answered(request)
        except Denied as refusal:
            said = {"Error": {"Code": refusal.code, "Message": refusal.message}}
        answer = Response.json({"Response": {**said, "RequestId": REQUEST_ID}})
        return Response(
            200, {**answer.headers, "Date": format_datetime(self.now(), usegmt=True)}, answer.body
        )

    def answered(self, request: Request) -> dict[str, Any]:
        """What the API says; raises Denied. One action is signed by nobody: a token is its proof."""
        asked = (request.headers.get("x-tc-action"), request.headers.get("authorization"))
        if asked == ("AssumeRoleWithWebIdentity", "SKIP") and request.host == HOSTS[0]:
            return assume_role_with_web_identity(self.cam, request.json())
        return self.served(request, self.authenticated(request))

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        service, action = request.host.partition(".")[0], request.headers.get("x-tc-action", "")
        known: dict[tuple[str, str, str], Answer] = {
            ("sts", "2018-08-13", "GetCallerIdentity"): self.identity,  # needs no permission
            ("sts", "2018-08-13", "AssumeRole"): partial(assume_role, self.cam),  # says itself what is denied
            ("dnspod", "2021-03-23", "DescribeDomainList"): domains,
            ("ssl", "2019-12-05", "DescribeCertificates"): certificates,
            **self.products.actions,
        }
        self.calls.append((key.id, action))
        answer = known.get((service, request.headers.get("x-tc-version", ""), action))
        if answer is None:
            raise Denied(200, "InvalidAction", f"The action {action} is invalid or not found.")
        if service != "sts" and not self.cam.may(key, f"{service}:{action}"):
            raise Denied(
                200,
                "UnauthorizedOperation",
                f"[request id:{REQUEST_ID}]you are not authorized to perform operation ({service}:{action})",
            )
        return answer(key, request.json())

    def authenticated(self, request: Request) -> Key:
        """Whose request it is; raises Denied."""
        given = parts(request.headers.get("authorization", ""), ALGORITHM)
        if set(given) != {"Credential", "SignedHeaders", "Signature"}:
            deny("InvalidAuthorization", "The Authorization header is malformed.")
        id_, _, scope = given["Credential"].partition("/")
        stamp = request.headers.get("x-tc-timestamp", "")
        if not stamp.isdigit() or not set(SIGNED) <= set(given["SignedHeaders"].split(";")):
            deny("SignatureFailure", "The provided credentials could not be validated.")
        signed = datetime.fromtimestamp(int(stamp), UTC)
        if abs(self.now() - signed) > TENCENT_WINDOW:
            deny("SignatureExpire", "The signature has expired: it may be 5 minutes old at most.")
        if scope != f"{signed:%Y-%m-%d}/{request.host.partition('.')[0]}/tc3_request":
            deny("SignatureFailure", "The credential scope is not that of the request.")
        lent = self.cam.sessions.get(id_)
        key = lent.key if lent is not None else self.keys.get(id_)
        if key is None or key.disabled:  # of one that is disabled it says the same
            deny(
                "SecretIdNotFound", "The SecretId is not found, please ensure that your SecretId is correct."
            )
        if request.headers.get("x-tc-token", "") != key.token or self.cam.has_ended(key):
            deny("TokenFailure", "The token is invalid or does not belong to this SecretId.")
        if not same(given["Signature"], signature(request, key.secret, scope, given["SignedHeaders"])):
            deny(
                "SignatureFailure",
                "The provided credentials could not be validated. Please check your signature is correct.",
            )
        return key

    def identity(self, key: Key, _: dict[str, Any]) -> dict[str, Any]:
        """STS GetCallerIdentity."""
        lent = self.cam.sessions.get(key.id)
        role = lent.role.rpartition("/")[2] if lent is not None else ""
        return {
            "Arn": f"qcs::sts:{key.account}:assumed-role/{role}"
            if lent is not None
            else f"qcs::cam::uin/{key.account}:uin/{key.principal}",
            "AccountId": key.account,
            "UserId": f"{role}:{lent.name}" if lent is not None else key.principal,
            "PrincipalId": key.account if lent is not None else key.principal,
            "Type": "CAMRole" if lent is not None else "SubAccount",
        }


def domains(key: Key, asked: dict[str, Any]) -> dict[str, Any]:
    """DNSPod DescribeDomainList, of an account without domains."""
    raise Denied(200, "ResourceNotFound.NoDataOfDomain", f"No domains in {key.account}, asked: {asked}")


def certificates(_: Key, asked: dict[str, Any]) -> dict[str, Any]:
    """SSL DescribeCertificates, of an account without certificates."""
    assert asked["Limit"] <= 1000
    return {"TotalCount": 0, "Certificates": []}


def deny(code: str, why: str) -> NoReturn:
    """Refuse as the API's front does."""
    raise Denied(200, f"AuthFailure.{code}", why)
