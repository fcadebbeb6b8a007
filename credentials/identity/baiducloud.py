"""Baidu AI Cloud: STS GetSessionToken, the one call that tells whose a key is, signed bce-auth-v1 by its SDK.

What it returns is a temporary key, asked for with next to no rights and a minute to live, and dropped here.
Error codes: https://cloud.baidu.com/doc/Reference/s/Bjz3uz3qj-en (those of every service).
"""

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol
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
from credentials.identity.reads import ask, trying
from credentials.identity.values import text
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from baidubce.exception import BceHttpClientError

LOGGERS: Final = ("baidubce",)
STS: Final = "sts.bj.baidubce.com"  # the one for all regions
_LIFE: Final = 60  # seconds
DENIED: Final = "AccessDenied"
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


class Ask(Protocol):
    """Asks the host for what is at a path; what has a `body` is posted as JSON."""

    def __call__(
        self, host: str, path: str, parameters: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The answer, empty where it is none; raises Refused, Unreachable, Inconclusive."""


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The user's id (its API tells no account); which of the two purposes' reads are refused."""
    ask_it = asker(kind, fields, timeout)
    user, unknown = "", []
    try:
        told = ask_it(STS, "/v1/sessionToken", {"durationSeconds": str(_LIFE)}, _NEXT_TO_NOTHING)
        user = str(told.get("userId", ""))
        if not user:
            raise Inconclusive(kind, code="an answer without a user")
    except Refused as refused:
        if refused.code != DENIED:
            raise translated(kind, refused, fields) from None
        unknown = ["tell who it is (sts:GetSessionToken)"]  # it is right: who is wrong is not denied
    may, cannot = ask(
        {
            "apply: list DNS zones": lambda: _may(
                ask_it, "dns.baidubce.com", "/v1/dns/zone", {"maxKeys": "1"}
            ),
            "deploy: list certificates": lambda: _may(
                ask_it, "certificate.baidubce.com", "/v1/certificate", {}
            ),
        }
    )
    return Identity("", user, may, (*unknown, *cannot))


class Refused(Exception):
    """The provider's error with nothing else of the exchange: the SDK's has every trace in its text."""

    def __init__(self, error: "BceHttpClientError") -> None:
        self.status = int(error.status_code or 0)
        self.code = str(error.code or f"HTTP {error.status_code}")
        self.words, self.request_id = str(error.last_error), str(error.request_id or "")
        super().__init__(self.code)


def asker(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Ask:
    """What asks with these keys, with what lies beneath the SDK's clients: of those only BOS knows tokens."""
    with sdk(kind):
        from baidubce import protocol
        from baidubce.auth import bce_v1_signer
        from baidubce.auth.bce_credentials import BceCredentials
        from baidubce.bce_client_configuration import DEFAULT_CONFIG, BceClientConfiguration
        from baidubce.exception import BceHttpClientError, BceServerError
        from baidubce.http import bce_http_client, handler
        from baidubce.retry.retry_policy import NoRetryPolicy

    keys = BceCredentials(text(kind, fields, "access-key"), text(kind, fields, "secret-key"))
    token = text(kind, fields, "session-token").encode()

    def ask_it(
        host: str, path: str, parameters: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        through = urlsplit("" if proxy_bypass(host) else proxy() or "")  # the SDK asks no variable
        settings = copy.copy(DEFAULT_CONFIG)
        settings.merge_non_none_values(
            BceClientConfiguration(
                keys,
                endpoint=f"https://{host}",  # unless told so, it sends everything in the clear
                protocol=protocol.HTTPS,
                connection_timeout_in_mills=int(timeout * 1000),
                retry_policy=NoRetryPolicy(),
                proxy_host=through.hostname,
                proxy_port=through.port,
            )
        )
        headers = {b"content-type": b"application/json"} | ({b"x-bce-security-token": token} if token else {})
        try:
            answer = bce_http_client.send_request(
                settings,
                bce_v1_signer.sign,
                [handler.parse_error, _taken],
                b"GET" if body is None else b"POST",
                path.encode(),
                None if body is None else json.dumps(body),
                headers,
                {name.encode(): value.encode() for name, value in parameters.items()},
            )
        except BceHttpClientError as error:
            if isinstance(error.last_error, BceServerError):
                raise Refused(error) from None
            if isinstance(error.last_error, OSError):
                raise Unreachable(kind, why(error.last_error, timeout)) from None
            raise Inconclusive(kind, code="an answer that is no JSON of its API") from None
        return dict(answer.taken)

    return ask_it


def _taken(response: Any, answer: Any) -> bool:
    """Reads an answer, as one of the functions that the SDK hands it to: the object that it is."""
    content = response.read()
    response.close()
    told = json.loads(content) if content else {}
    answer.taken = dict(told.items())  # AttributeError for anything else, which the SDK makes its own of
    return True


_may = trying(Refused, lambda refused: refused.code == DENIED)


def translated(kind: str, refused: Refused, fields: Mapping[str, SecretBytes]) -> IdentityError:
    """What a refusal says of the keys: ClockSkew, Rejected or Inconclusive."""
    code, request_id = refused.code, refused.request_id
    words = words_of(refused.words, fields)
    if code == "RequestExpired":
        return ClockSkew(kind, code=code, request_id=request_id, words=words)
    if code in _REJECTED:
        return Rejected(kind, code=code, words=words, request_id=request_id)
    return Inconclusive(kind, code=code, words=words, request_id=request_id)
