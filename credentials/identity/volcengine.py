"""Volcano Engine: STS GetCallerIdentity, signed HMAC-SHA256 by the official SDK.

Error codes: https://www.volcengine.com/docs/6369/68677 (the public ones, of every service).
"""

import json
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
from credentials.identity.network import ca_file, why
from credentials.identity.reads import ask, trying
from credentials.identity.values import text
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from volcenginesdkcore import Configuration
    from volcenginesdkcore.rest import ApiException

LOGGERS: Final = ("volcenginesdkcore", "com.volcengine.sdkcore")
_REGION: Final = "cn-beijing"
_DENIED: Final = ("AccessDenied", "LackPolicy")
_REJECTED: Final = (
    "InvalidAccessKey",
    "InvalidAuthorization",
    "InvalidCredential",
    "InvalidSecretToken",
    "MissingAuthenticationToken",
    "MissingSignature",
    "SignatureDoesNotMatch",
)

FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"

# call(service, version, action, content type, parameters) -> the result
Call = Callable[[str, str, str, str, dict[str, Any]], dict[str, Any]]


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The account, and who in it; which of the two purposes' reads are refused."""
    call = caller(kind, fields, timeout)
    told: Mapping[str, Any] = {}
    unknown = []
    try:
        told = call("sts", "2018-01-01", "GetCallerIdentity", FORM, {})
        if not told.get("AccountId"):
            raise Inconclusive(kind, code="an answer without an account")
    except Refused as refused:
        if not refused.code.startswith(_DENIED):
            raise translated(kind, refused, fields) from None
        unknown = ["tell who it is (sts:GetCallerIdentity)"]  # it is right: who is wrong is not denied
    may, cannot = ask(
        {
            "apply: list DNS zones (dns:ListZones)": lambda: _may(
                call, "dns", "2018-08-01", "ListZones", _JSON, {}
            ),
            "deploy: list certificates (certificate_service:CertificateGetInstanceList)": lambda: _may(
                call, "certificate_service", "2024-10-01", "CertificateGetInstanceList", _JSON, {}
            ),
        }
    )
    detail = {"type": told.get("IdentityType", ""), "user id": told.get("IdentityId", ""), **may}
    return Identity(str(told.get("AccountId", "")), told.get("Trn", ""), detail, (*unknown, *cannot))


class Refused(Exception):
    """The provider's error with nothing else of the exchange."""

    def __init__(self, error: "ApiException") -> None:
        about = _about(error.body)
        said = about.get("Error") or {}
        self.code = str(said.get("Code") or f"HTTP {error.status}")
        self.words, self.request_id = str(said.get("Message", "")), str(about.get("RequestId", ""))
        super().__init__(self.code)


def caller(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Call:
    """What calls an action with these keys, and raises Refused.

    Without an access-key nothing is signed: the few actions that carry their proof in a parameter want that.
    Raises Unreachable, Inconclusive, PackageMissing, NotVerifiable.
    """
    with sdk(kind):
        from urllib3.exceptions import HTTPError
        from volcenginesdkcore import ApiClient, Configuration, UniversalApi, UniversalInfo
        from volcenginesdkcore.rest import ApiException

    settings = Configuration()
    _quiet(settings)
    signed = "access-key" in fields
    # without any key the SDK would look for one on this machine; what is not signed does not show this one
    settings.ak = text(kind, fields, "access-key") if signed else "none"
    settings.sk = text(kind, fields, "secret-key") if signed else "none"
    settings.session_token = text(kind, fields, "session-token")
    settings.region = text(kind, fields, "region", _REGION)
    settings.connect_timeout = settings.read_timeout = timeout
    settings.auto_retry = False
    settings.ssl_ca_cert = ca_file()
    client = ApiClient(settings)
    api = UniversalApi(client)

    def unsigned(service: str, version: str, action: str, content: str, parameters: dict[str, Any]) -> Any:
        return client.call_api(
            f"/{action}/{version}/{service}/post/",
            "POST",
            path_params={},
            query_params=[],
            header_params={"Accept": _JSON, "Content-Type": content},
            body=parameters,
            post_params=[],
            files={},
            response_type=object,
            collection_formats={},
            auth_settings=None,
            _return_http_data_only=True,
        )

    def call(
        service: str, version: str, action: str, content: str, parameters: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            if signed:
                answer = api.do_call(UniversalInfo("POST", service, version, action, content), parameters)
            else:
                answer = unsigned(service, version, action, content, parameters)
        except ApiException as error:
            if not error.status:  # TLS; the SDK wraps nothing else
                raise Unreachable(kind, why(error, timeout)) from None
            raise Refused(error) from None
        except (HTTPError, OSError) as error:
            raise Unreachable(kind, why(error, timeout)) from None
        except (ValueError, AttributeError):
            raise Inconclusive(kind, code="an answer that is no JSON of its API") from None
        return answer if isinstance(answer, dict) else {}

    return call


def _quiet(settings: "Configuration") -> None:
    """Take away the handlers to standard error that the SDK gives to its logger and to urllib3's."""
    for logger in settings.logger.values():
        logger.removeHandler(settings.logger_stream_handler)


def _about(body: object) -> dict[str, Any]:
    try:
        about = json.loads(str(body))["ResponseMetadata"]
    except (ValueError, KeyError, TypeError):
        return {}
    return about if isinstance(about, dict) else {}


_may = trying(Refused, lambda refused: refused.code.startswith(_DENIED))


def translated(kind: str, refused: Refused, fields: Mapping[str, SecretBytes]) -> IdentityError:
    """What a refusal says of the keys: ClockSkew, Rejected or Inconclusive."""
    code, request_id = refused.code, refused.request_id
    words = words_of(refused.words, fields)
    if code == "InvalidTimestamp":
        return ClockSkew(kind, code=code, request_id=request_id, words=words)
    if code.startswith(_REJECTED):
        return Rejected(kind, code=code, words=words, request_id=request_id)
    return Inconclusive(kind, code=code, words=words, request_id=request_id)
