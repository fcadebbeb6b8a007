"""Baidu AI Cloud: STS GetSessionToken, the one call that tells whose a key is, signed bce-auth-v1 by its SDK.

What it returns is a temporary key, asked for with next to no rights and a minute to live, and dropped here.
Error codes: https://cloud.baidu.com/doc/Reference/s/Bjz3uz3qj-en (those of every service).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

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
from credentials.identity.network import proxy, why
from credentials.identity.reads import Answer, ask
from credentials.identity.values import text
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from baidubce.exception import BceHttpClientError

LOGGERS: Final = ("baidubce",)
_STS: Final = "sts.bj.baidubce.com"  # the one for all regions
_LIFE: Final = 60  # seconds
_DENIED: Final = "AccessDenied"
_REJECTED: Final = (
    "AuthError",
    "InvalidAccessKeyId",
    "InvalidHTTPAuthHeader",
    "SignatureDoesNotMatch",
    "Unauthorized",
)
# Of the form that the documents show: to read what does not exist.
_NEXT_TO_NOTHING: Final = {
    "accessControlList": [
        {
            "service": "bce:bos",
            "region": "bj",
            "effect": "Allow",
            "resource": ["tic-creds-verify-reads-nothing"],
            "permission": ["READ"],
        }
    ]
}

# A call of one of the SDK's clients, made with the settings for its host.
Call = Callable[[Any], Any]


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The user's id (its API tells no account); which of the two purposes' reads are refused."""
    with sdk(kind):
        from baidubce.services.cert.cert_client import CertClient
        from baidubce.services.dns.dns_client import DnsClient
        from baidubce.services.sts.sts_client import StsClient

    asking = _asker(kind, fields, timeout)
    user, unknown = "", []
    try:
        user = asking(_STS, lambda settings: _user(StsClient(settings)))
        if not user:
            raise Inconclusive(kind, code="an answer without a user")
    except _Refused as refused:
        if refused.code != _DENIED:
            raise _translated(kind, refused, fields) from None
        unknown = ["tell who it is (sts:GetSessionToken)"]  # it is right: who is wrong is not denied
    may, cannot = ask(
        {
            "apply: list DNS zones": lambda: _may(
                asking, "dns.baidubce.com", lambda settings: DnsClient(settings).list_zone(max_keys=1)
            ),
            "deploy: list certificates": lambda: _may(
                asking, "certificate.baidubce.com", lambda settings: CertClient(settings).list_user_certs()
            ),
        }
    )
    return Identity("", user, may, (*unknown, *cannot))


def _user(client: Any) -> str:
    return str(getattr(client.get_session_token(_NEXT_TO_NOTHING, _LIFE), "user_id", ""))


class _Refused(Exception):
    """The provider's error with nothing else of the exchange: the SDK's has every trace in its text."""

    def __init__(self, error: "BceHttpClientError") -> None:
        self.code = str(error.code or f"HTTP {error.status_code}")
        self.words, self.request_id = str(error.last_error), str(error.request_id or "")
        super().__init__(self.code)


def _asker(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Callable[[str, Call], Any]:
    with sdk(kind):
        from baidubce import protocol
        from baidubce.auth.bce_credentials import BceCredentials
        from baidubce.bce_client_configuration import BceClientConfiguration
        from baidubce.exception import BceHttpClientError, BceServerError
        from baidubce.retry.retry_policy import NoRetryPolicy

    keys = BceCredentials(text(kind, fields, "access-key"), text(kind, fields, "secret-key"))

    def asking(host: str, call: Call) -> Any:
        through = urlsplit("" if proxy_bypass(host) else proxy() or "")  # the SDK asks no variable
        settings = BceClientConfiguration(
            keys,
            endpoint=f"https://{host}",  # unless told so, it sends everything in the clear
            protocol=protocol.HTTPS,
            connection_timeout_in_mills=int(timeout * 1000),
            retry_policy=NoRetryPolicy(),
            proxy_host=through.hostname,
            proxy_port=through.port,
        )
        try:
            return call(settings)
        except BceHttpClientError as error:
            if isinstance(error.last_error, BceServerError):
                raise _Refused(error) from None
            if isinstance(error.last_error, OSError):
                raise Unreachable(kind, why(error.last_error, timeout)) from None
            raise Inconclusive(kind, code="an answer that is no JSON of its API") from None

    return asking


def _may(asking: Callable[[str, Call], Any], host: str, call: Call) -> Answer:
    try:
        asking(host, call)
    except _Refused as refused:
        return Answer.REFUSED if refused.code == _DENIED else Answer.UNKNOWN
    except IdentityError:
        return Answer.UNKNOWN
    return Answer.ALLOWED


def _translated(kind: str, refused: _Refused, fields: Mapping[str, SecretBytes]) -> IdentityError:
    code, request_id = refused.code, refused.request_id
    words = words_of(refused.words, fields)
    if code == "RequestExpired":
        return ClockSkew(kind, code=code, request_id=request_id, words=words)
    if code in _REJECTED:
        return Rejected(kind, code=code, words=words, request_id=request_id)
    return Inconclusive(kind, code=code, words=words, request_id=request_id)
