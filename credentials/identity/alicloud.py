"""Alibaba Cloud: STS GetCallerIdentity, signed ACS3-HMAC-SHA256 by the official SDK's core.

Error codes: https://api.aliyun.com/document/Sts/2015-04-01/errorCode and the common ones of every product.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

from credentials.identity import (
    ClockSkew,
    Identity,
    IdentityError,
    Inconclusive,
    Rejected,
    Unreachable,
    sdk,
    words_of,
)
from credentials.identity.https import Server
from credentials.identity.network import ca_file, why
from credentials.identity.reads import ask, trying
from credentials.identity.values import text
from credentials.secret import SecretBytes

LOGGERS: Final = ("darabonba-core", "alibabacloud-tea")
_REGION: Final = "cn-hangzhou"
_STS: Final = ("sts.aliyuncs.com", "2015-04-01")
_REJECTED: Final = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidSecurityToken",
    "MissingSecurityToken",
    "InvalidAccessKeySecret",
    "Forbidden.AccessKeyDisabled",
)


@dataclass(frozen=True, slots=True)
class Api:
    """One action of one product; `host` is its endpoint, `body` what no address may show."""

    host: str
    version: str
    action: str
    parameters: Mapping[str, str]
    body: Mapping[str, str] = field(default_factory=dict, repr=False)


Call = Callable[[Api], dict[str, Any]]


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The account, and who in it; which reads of the three purposes are refused."""
    call = caller(kind, fields, timeout)
    try:
        told = call(Api(*_STS, "GetCallerIdentity", {}))
    except Refused as refused:
        raise _translated(kind, refused, fields, timeout) from None
    if not told.get("AccountId"):
        raise Inconclusive(kind, code="an answer without an account")
    reads = _reads(text(kind, fields, "region", _REGION))
    may, cannot = ask({name: partial(_may, call, api) for name, api in reads.items()})
    detail = {"type": told.get("IdentityType", ""), "user id": told.get("PrincipalId", ""), **may}
    return Identity(told["AccountId"], told.get("Arn", ""), detail, cannot)


class Refused(Exception):
    """The provider's error with nothing else of the exchange.

    `policy` is the type of the policy that does not let it, where the provider tells: AssumeRolePolicy is a
    role's trust policy.
    """

    def __init__(self, error: Any) -> None:
        self.status, self.code, self.request_id = (
            error.status_code or 0,
            error.code or "",
            error.request_id or "",
        )
        told = error.data or {}
        denied = told.get("AccessDeniedDetail")
        self.words = told.get("Message") or ""
        self.policy = str(denied.get("PolicyType", "")) if isinstance(denied, dict) else ""
        super().__init__(self.code)


def _reads(region: str) -> dict[str, Api]:
    ecs = (f"ecs.{region}.aliyuncs.com", "2014-05-26")
    return {
        "apply: list DNS domains (alidns:DescribeDomains)": Api(
            "alidns.aliyuncs.com", "2015-01-09", "DescribeDomains", {"PageSize": "1"}
        ),
        "deploy: list certificates (yundun-cert:ListUserCertificateOrder)": Api(
            "cas.aliyuncs.com", "2020-04-07", "ListUserCertificateOrder", {"ShowSize": "1"}
        ),
        "ecs: list instances (ecs:DescribeInstances)": Api(
            *ecs, "DescribeInstances", {"RegionId": region, "PageSize": "1"}
        ),
        "ecs: read Cloud Assistant's state (ecs:DescribeCloudAssistantStatus)": Api(
            *ecs, "DescribeCloudAssistantStatus", {"RegionId": region, "PageSize": "1"}
        ),
        "ecs: read results of commands (ecs:DescribeInvocationResults)": Api(
            *ecs, "DescribeInvocationResults", {"RegionId": region, "PageSize": "1"}
        ),
    }


def caller(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Call:
    """What calls an action with these keys, and raises Refused.

    Without an access-key nothing is signed: the few actions that carry their proof in a parameter want that.
    Raises Unreachable, Inconclusive, PackageMissing, NotVerifiable.
    """
    with sdk(kind):
        from alibabacloud_tea_openapi.client import Client
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
        from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
        from darabonba.exceptions import RetryError
        from darabonba.runtime import RuntimeOptions
        from Tea.exceptions import UnretryableException

    milliseconds = int(timeout * 1000)

    def call(api: Api) -> dict[str, Any]:
        client = Client(
            Config(
                access_key_id=text(kind, fields, "access-key"),
                access_key_secret=text(kind, fields, "secret-key"),
                security_token=text(kind, fields, "security-token") or None,
                endpoint=api.host,
                connect_timeout=milliseconds,
                read_timeout=milliseconds,
                ca=ca_file(),
            )
        )
        what = Params(
            action=api.action,
            version=api.version,
            protocol="HTTPS",
            pathname="/",
            method="POST",
            auth_type="AK" if "access-key" in fields else "Anonymous",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        try:
            asked = OpenApiRequest(query=dict(api.parameters), body=dict(api.body) or None)
            answer = client.call_api(what, asked, RuntimeOptions())
        except AlibabaCloudException as error:
            raise Refused(error) from None
        except UnretryableException as error:
            if isinstance(error.inner_exception, RetryError):  # its name for whatever the network does
                raise Unreachable(kind, why(error.inner_exception, timeout)) from None
            raise Inconclusive(kind, code="an answer that is no JSON of its API") from None
        body: dict[str, Any] = answer["body"]
        return body

    return call


def skew(kind: str, timeout: float) -> timedelta | None:
    """This machine's time minus the provider's, which it is asked for; None where it does not tell.

    The SDK keeps the headers of a refusal to itself.
    """
    try:
        answer = Server(kind, timeout).ask(f"https://{_STS[0]}/", method="HEAD")
        return datetime.now(UTC) - parsedate_to_datetime(answer.headers.get("date", ""))
    except (Unreachable, ValueError, TypeError):
        return None


_may = trying(
    Refused, lambda refused: refused.code.startswith(("Forbidden", "NoPermission")) or refused.status == 403
)


def _translated(
    kind: str, refused: Refused, fields: Mapping[str, SecretBytes], timeout: float
) -> IdentityError:
    code, request_id = refused.code, refused.request_id
    if code.startswith("InvalidTimeStamp"):
        words = words_of(refused.words, fields)
        return ClockSkew(kind, code=code, request_id=request_id, words=words, skew=skew(kind, timeout))
    if code == "SignatureDoesNotMatch":  # its message is the whole string that was signed
        return Rejected(
            kind, code=code, words="the secret key is not this access key's", request_id=request_id
        )
    words = words_of(refused.words, fields)
    if code.startswith(_REJECTED):
        return Rejected(kind, code=code, words=words, request_id=request_id)
    return Inconclusive(kind, code=code, words=words, request_id=request_id)
