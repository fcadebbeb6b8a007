"""Tencent Cloud: STS GetCallerIdentity, signed TC3-HMAC-SHA256 by the official SDK's common client.

Error codes: https://cloud.tencent.com/document/api/1312/48172 (those of every product).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

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
from credentials.identity.network import ca_file, skew, why
from credentials.identity.reads import Answer, ask
from credentials.identity.values import text
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from tencentcloud.common.exception import TencentCloudSDKException

LOGGERS: Final = ("tencentcloud_sdk_common",)
_REGION: Final = "ap-guangzhou"
_DENIED: Final = ("UnauthorizedOperation", "AuthFailure.UnauthorizedOperation")

Call = Callable[[str, str, str, dict[str, Any]], dict[str, Any]]


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The account, and who in it; which of the two purposes' reads are refused."""
    call = caller(kind, fields, timeout)
    try:
        told = call("sts", "2018-08-13", "GetCallerIdentity", {})
    except Refused as refused:
        raise _translated(kind, refused, fields) from None
    if not told.get("AccountId"):
        raise Inconclusive(kind, code="an answer without an account")
    may, cannot = ask(
        {
            "apply: list DNS domains (dnspod:DescribeDomainList)": lambda: _may(
                call, "dnspod", "2021-03-23", "DescribeDomainList", {"Limit": 1}
            ),
            "deploy: list certificates (ssl:DescribeCertificates)": lambda: _may(
                call, "ssl", "2019-12-05", "DescribeCertificates", {"Limit": 1}
            ),
        }
    )
    detail = {"type": told.get("Type", ""), "user id": told.get("UserId", ""), **may}
    return Identity(told["AccountId"], told.get("Arn", ""), detail, cannot)


class Refused(Exception):
    """The provider's error with nothing else of the exchange: `date` is the answer's, in its own clock."""

    def __init__(self, error: "TencentCloudSDKException", date: str | None) -> None:
        self.code, self.words, self.request_id = error.code or "", error.message or "", error.requestId or ""
        self.date = date
        super().__init__(self.code)


def caller(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Call:
    """What calls an action (service, version, action, parameters) with these keys, and raises Refused.

    Without a secret-id nothing is signed: the few actions that carry their proof in a parameter want that.
    Raises Unreachable, Inconclusive, PackageMissing, NotVerifiable.
    """
    with sdk(kind):
        from tencentcloud.common.common_client import CommonClient
        from tencentcloud.common.credential import Credential
        from tencentcloud.common.exception import TencentCloudSDKException
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile

    class Client(CommonClient):  # type: ignore[misc, unused-ignore]  # the SDK has no types
        date: str | None = None

        def _check_error(self, response: Any) -> None:
            self.date = response.headers.get("Date")
            super()._check_error(response)

    signed = "secret-id" in fields
    keys = (
        Credential(
            text(kind, fields, "secret-id"),
            text(kind, fields, "secret-key"),
            text(kind, fields, "session-token") or None,
        )
        if signed
        else None
    )
    region = text(kind, fields, "region", _REGION)
    profile = ClientProfile(
        httpProfile=HttpProfile(reqTimeout=timeout, certification=ca_file()), language="en-US"
    )

    def call(service: str, version: str, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        client = Client(service, version, keys, region, profile)
        try:
            answer: dict[str, Any] = client.call_json(action, parameters, options={"SkipSign": not signed})[
                "Response"
            ]
        except TencentCloudSDKException as error:
            if error.code == "ClientNetworkError":
                raise Unreachable(kind, why(error, timeout)) from None
            raise Refused(error, client.date) from None
        except (ValueError, KeyError):
            raise Inconclusive(kind, code="an answer that is no JSON of its API") from None
        return answer

    return call


def _may(call: Call, *what: Any) -> Answer:
    try:
        call(*what)
    except Refused as refused:
        if refused.code.startswith(_DENIED):
            return Answer.REFUSED
        return Answer.ALLOWED if refused.code.startswith("ResourceNotFound") else Answer.UNKNOWN
    except IdentityError:
        return Answer.UNKNOWN
    return Answer.ALLOWED


def _translated(kind: str, refused: Refused, fields: Mapping[str, SecretBytes]) -> IdentityError:
    code, request_id = refused.code, refused.request_id
    words = words_of(refused.words, fields)
    if code == "AuthFailure.SignatureExpire":
        return ClockSkew(kind, code=code, request_id=request_id, words=words, skew=skew(refused.date))
    if code.startswith(("AuthFailure", "UnauthorizedOperation")):
        return Rejected(kind, code=code, words=words, request_id=request_id)
    return Inconclusive(kind, code=code, words=words, request_id=request_id)
