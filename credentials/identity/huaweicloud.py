"""Huawei Cloud: STS GetCallerIdentity, which every key may call, signed SDK-HMAC-SHA256 by the official SDK.

https://support.huaweicloud.com/api-iam5/GetCallerIdentity.html; what the gateway refuses with: one code,
APIGW.0301 "Incorrect IAM authentication information", whose message says what.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

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
from credentials.identity.network import ca_file, why
from credentials.identity.reads import ask, trying
from credentials.identity.values import text
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException

LOGGERS: Final = ("HuaweiCloud-SDK-StsClient", "HuaweiCloud-SDK-Client")
_REGION: Final = "cn-north-4"  # any region of the same partition tells the same
_LOCKED: Final = "reach the limit"  # five wrong signatures in a row lock a key for five minutes
_TIMES: Final = re.compile(r"signature time:(\d{8}T\d{6}Z), ?server time:(\d{8}T\d{6}Z)")


class Ask(Protocol):
    """Asks for `path`, with at most `limit` entries in the answer; what has a `body` is posted."""

    def __call__(
        self, endpoint: str, path: str, *, limit: int = 0, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The answer, empty where it is no JSON object; raises Refused, Unreachable."""


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The account, and who in it; which of the two purposes' reads are refused."""
    get = asker(kind, fields, timeout)
    try:
        told = get(sts(kind, text(kind, fields, "region", _REGION)), "/v5/caller-identity")
    except Refused as refused:
        raise translated(kind, refused, fields) from None
    if not told.get("account_id"):
        raise Inconclusive(kind, code="an answer without an account")
    may, cannot = ask(
        {
            "apply: list DNS zones (dns:zone:list)": lambda: _may(
                get, "https://dns.myhuaweicloud.com", "/v2/zones", limit=1
            ),
            "deploy: list certificates (scm:cert:list)": lambda: _may(
                get, "https://scm.cn-north-4.myhuaweicloud.com", "/v3/scm/certificates", limit=10
            ),
        }
    )
    detail = {"principal id": str(told.get("principal_id", "")), **may}
    return Identity(str(told["account_id"]), str(told.get("principal_urn", "")), detail, cannot)


class Refused(Exception):
    """The provider's error with nothing else of the exchange."""

    def __init__(self, error: "ServiceResponseException") -> None:
        self.status, self.code = int(error.status_code), str(error.error_code)
        self.words, self.request_id = str(error.error_msg), str(error.request_id or "")
        super().__init__(self.code)


class _Raw:
    """The answer as it came: of a type without fields the SDK fills in nothing but this."""

    openapi_types: ClassVar[dict[str, str]] = {}
    raw_content = b""


def asker(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Ask:
    """What asks with these keys.

    Without an access-key nothing is signed: the few calls that carry their proof in the body want that.
    Raises PackageMissing, NotVerifiable.
    """
    with sdk(kind):
        from huaweicloudsdkcore.auth.credentials import BasicCredentials
        from huaweicloudsdkcore.client import Client, ClientBuilder
        from huaweicloudsdkcore.exceptions.exceptions import SdkException, ServiceResponseException
        from huaweicloudsdkcore.http.http_config import HttpConfig
        from huaweicloudsdkcore.signer.signer import Signer

    class Unsigned(BasicCredentials):  # type: ignore[misc]
        """Leaves a request as it is; without keys the SDK's own would ask the metadata service for some."""

        def process_auth_request(self, request: Any, http_client: Any) -> Any:
            Signer.process_request_uri(request)  # which signing does besides
            return http_client.executor.submit(lambda: request)

    if "access-key" in fields:
        keys = BasicCredentials(text(kind, fields, "access-key"), text(kind, fields, "secret-key"))
    else:
        keys = Unsigned()
    if token := text(kind, fields, "security-token"):
        keys.with_security_token(token)
    config = HttpConfig(timeout=(timeout, timeout), ssl_ca_cert=ca_file())

    def ask_it(
        endpoint: str, path: str, *, limit: int = 0, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        builder = ClientBuilder(Client, type(keys).__name__).with_http_config(config).with_credentials(keys)
        # an endpoint, not a region: for one, the SDK would first look up the id of a project
        client = builder.with_endpoint(endpoint).build()
        try:
            answer = client.do_http_request(
                "GET" if body is None else "POST",
                path,
                query_params=[("limit", limit)] if limit else [],
                body=None if body is None else dict(body),
                response_type=_Raw,
            )
        except ServiceResponseException as error:
            raise Refused(error) from None
        except (SdkException, OSError) as error:
            raise Unreachable(kind, why(error, timeout)) from None
        finally:
            client.close()
            client.get_http_client().executor.shutdown()
        return _json(answer.raw_content)

    return ask_it


def _json(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def sts(kind: str, region: str) -> str:
    """STS of this region; of the default one where the SDK knows none there."""
    with sdk(kind):
        from huaweicloudsdksts.v1.region.sts_region import StsRegion

    regions = StsRegion.static_fields
    return str(regions.get(region, regions[_REGION]).endpoints[0])


_may = trying(Refused, lambda refused: refused.status == 403)


def translated(kind: str, refused: Refused, fields: Mapping[str, SecretBytes]) -> IdentityError:
    """What a refusal says of the keys: ClockSkew, Rejected or Inconclusive."""
    code, request_id = refused.code, refused.request_id
    words = words_of(refused.words, fields)
    if refused.status not in (401, 403) or _LOCKED in refused.words:
        return Inconclusive(kind, code=code, words=words, request_id=request_id)
    if times := _TIMES.search(refused.words):
        return ClockSkew(kind, code=code, skew=_apart(*times.groups()), request_id=request_id)
    return Rejected(kind, code=code, words=words, request_id=request_id)


def _apart(ours: str, theirs: str) -> timedelta:
    signed, server = (datetime.strptime(one, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for one in (ours, theirs))
    return signed - server
