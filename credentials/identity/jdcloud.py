"""JD Cloud: user DescribeUser, which needs no parameter and tells the account, signed by the official SDK.

There is no list of what the gateway refuses with; it answers HTTP 401 and a text, such as "sign result is not
same [gw]", to whom it does not know, 403 to whom it knows.
"""

import re
from collections.abc import Callable, Mapping
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
from credentials.identity.network import why
from credentials.identity.reads import ask, trying
from credentials.identity.values import text
from credentials.secret import SecretBytes

_REGION: Final = "cn-north-1"  # account and DNS have no regions, yet its DNS wants one in the path
_DENIED: Final = 403
_TIME: Final = re.compile(r"expire|timestamp|x-jdcloud-date|\btime\b", re.IGNORECASE)

# A client's class and the request for it.
Call = Callable[[Any, Any], dict[str, Any]]


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The account, and its login name; which of the two purposes' reads are refused."""
    with sdk(kind):
        from jdcloud_sdk.services.domainservice.apis.DescribeDomainsRequest import DescribeDomainsRequest
        from jdcloud_sdk.services.domainservice.client.DomainserviceClient import DomainserviceClient
        from jdcloud_sdk.services.ssl.apis.DescribeCertsRequest import DescribeCertsRequest
        from jdcloud_sdk.services.ssl.client.SslClient import SslClient
        from jdcloud_sdk.services.user.apis.DescribeUserRequest import DescribeUserRequest
        from jdcloud_sdk.services.user.client.UserClient import UserClient

    call = caller(kind, fields, timeout)
    told: Mapping[str, Any] = {}
    unknown = []
    try:
        told = call(UserClient, DescribeUserRequest({}))
        if not told.get("accountId"):
            raise Inconclusive(kind, code="an answer without an account")
    except Refused as refused:
        if refused.status != _DENIED:
            raise translated(kind, refused, fields) from None
        unknown = ["tell who it is (user:describeUser)"]  # it is right: who is wrong gets a 401
    page = {"pageNumber": 1, "pageSize": 10}
    may, cannot = ask(
        {
            "apply: list DNS domains (domainservice:describeDomains)": lambda: _may(
                call, DomainserviceClient, DescribeDomainsRequest({"regionId": _REGION, **page})
            ),
            "deploy: list certificates (ssl:describeCerts)": lambda: _may(
                call, SslClient, DescribeCertsRequest(page)
            ),
        }
    )
    detail = {"login name": str(told.get("loginName", "")), **may}
    return Identity(str(told.get("accountId", "")), str(told.get("pin", "")), detail, (*unknown, *cannot))


class Refused(Exception):
    """The provider's error with nothing else of the exchange."""

    def __init__(self, error: Any, request_id: str | None) -> None:
        self.status = error.code if isinstance(error.code, int) else 0
        self.code, self.words = f"{error.status} {error.code}", str(error.message)
        self.request_id = request_id or ""
        super().__init__(self.code)


def caller(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Call:
    """What sends a request with these keys, by the client of its service; raises Refused, Unreachable."""
    with sdk(kind):
        from jdcloud_sdk.core.config import Config
        from jdcloud_sdk.core.const import JDCLOUD_SECURITY_TOKEN
        from jdcloud_sdk.core.credential import Credential
        from jdcloud_sdk.core.logger import FATAL, Logger
        from requests import RequestException

    keys = Credential(text(kind, fields, "access-key"), text(kind, fields, "secret-key"))
    token = text(kind, fields, "session-token")

    def call(client: Any, request: Any) -> dict[str, Any]:
        host = f"{client.__name__.removesuffix('Client').lower()}.jdcloud-api.com"
        # the SDK's own logger prints every request and answer to standard output
        asking = client(keys, Config(host, timeout=timeout), Logger(FATAL))
        if token:
            request.header = {**(request.header or {}), JDCLOUD_SECURITY_TOKEN: token}
        try:
            answer = asking.send(request)
        except (RequestException, OSError) as error:
            raise Unreachable(kind, why(error, timeout)) from None
        except ValueError:
            raise Inconclusive(kind, code="an answer that is no JSON of its API") from None
        if answer.error is not None:
            raise Refused(answer.error, answer.request_id)
        return answer.result if isinstance(answer.result, dict) else {}

    return call


_may = trying(Refused, lambda refused: refused.status == _DENIED)


def translated(kind: str, refused: Refused, fields: Mapping[str, SecretBytes]) -> IdentityError:
    """What a refusal says of the keys: ClockSkew, Rejected or Inconclusive."""
    code, request_id = refused.code, refused.request_id
    words = words_of(refused.words, fields)
    if refused.status != 401:
        return Inconclusive(kind, code=code, words=words, request_id=request_id)
    if _TIME.search(refused.words):
        return ClockSkew(kind, code=code, request_id=request_id, words=words)
    return Rejected(kind, code=code, words=words, request_id=request_id)
