"""Azure: a token for the service principal from Microsoft Entra, and what it reads of its subscription.

Codes of Entra (AADSTS...): https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from credentials.identity import (
    ClockSkew,
    Identity,
    IdentityError,
    Inconclusive,
    NotVerifiable,
    Rejected,
    Unreachable,
    sdk,
    words_of,
)
from credentials.identity.network import ca_file, causes, why
from credentials.identity.reads import Answer, ask
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

LOGGERS: Final = ("azure", "msal")
_CODE: Final = re.compile(r"AADSTS\d+")
_TRACE: Final = re.compile(r"Trace ID: ([0-9a-f-]{36})")
_SENTENCE: Final = re.compile(r"AADSTS\d+: (.*?)(?: Trace ID:|$)", re.DOTALL)
PASSING: Final = ("AADSTS90033", "AADSTS50196", "AADSTS90006", "AADSTS90024", "AADSTS90025", "AADSTS90051")
UNKNOWN: Final = "an answer that is none of the protocol"
CLOCK: Final = "AADSTS700024"  # a certificate's assertion is outside its time
# Microsoft's clouds: where tokens come from, and the resource manager.
CLOUDS: Final = {
    "public": ("login.microsoftonline.com", "management.azure.com"),
    "usgovernment": ("login.microsoftonline.us", "management.usgovcloudapi.net"),
    "china": ("login.chinacloudapi.cn", "management.chinacloudapi.cn"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Entra's own code, its words (not yet through `words_of`), and the id of its trace."""

    code: str
    words: str
    request_id: str


# get(path and query) -> the status, 200 or an error's; the body
Get = Callable[[str], tuple[int, Any]]


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The tenant and the service principal; with a subscription, its name and what can't be read there."""
    if "tenant-id" not in fields:
        raise NotVerifiable(kind, "a managed identity is known on its own machine only")
    given = {name: value.reveal().decode() for name, value in fields.items()}
    authority, manager = CLOUDS[given.get("environment", "public")]
    settings = {
        "connection_timeout": timeout,
        "read_timeout": timeout,
        "retry_total": 0,
        "connection_verify": ca_file() or True,
    }
    with ExitStack() as closing:
        credential = _credential(kind, given, {**settings, "authority": authority}, closing)
        claims = claims_of(_token(kind, credential, f"https://{manager}/.default", fields, timeout))
        get = _getter(kind, credential, manager, settings, closing, timeout)
        detail, may, cannot = _subscription(get, given)
    name = {"name": claims["app_displayname"]} if claims.get("app_displayname") else {}
    detail = {"application": claims.get("appid", given.get("client-id", "")), **name, **detail, **may}
    return Identity(claims.get("tid", given["tenant-id"]), claims.get("oid", ""), detail, cannot)


def _credential(
    kind: str, given: Mapping[str, str], settings: dict[str, Any], closing: ExitStack
) -> "TokenCredential":
    with sdk(kind):
        from azure.identity import CertificateCredential, ClientAssertionCredential, ClientSecretCredential

    who = given["tenant-id"], given["client-id"]
    if "federated-token-file" in given:
        return closing.enter_context(
            ClientAssertionCredential(
                *who, lambda: _federated(kind, given["federated-token-file"]), **settings
            )
        )
    if "client-secret" in given:
        return closing.enter_context(ClientSecretCredential(*who, given["client-secret"], **settings))
    pem = given["client-certificate"].encode()
    try:
        return closing.enter_context(CertificateCredential(*who, certificate_data=pem, **settings))
    except ValueError:
        raise Rejected(
            kind, code="client-certificate", words="no certificate with its private key can be read from it"
        ) from None


def _federated(kind: str, path: str) -> str:
    from credentials.roles import SourceFailed, oidc

    try:
        return oidc.read(path, now=time.time()).whole.reveal().decode("ascii")
    except SourceFailed as failed:
        hint = failed.hint.replace("tic role reauthorize PROVIDER", "ask again")
        raise Rejected(kind, code="federated-token-file", words=failed.why, hint=hint) from None


def refusal(error: BaseException) -> Refusal | None:
    """What Entra said; None for an error that is none of its answers."""
    text = "\n".join(str(one) for one in causes(error))
    found, trace, sentence = _CODE.search(text), _TRACE.search(text), _SENTENCE.search(text)
    if found is None:
        return None
    return Refusal(found[0], sentence[1] if sentence else "", trace[1] if trace else "")


def _token(
    kind: str, credential: "TokenCredential", scope: str, fields: Mapping[str, SecretBytes], timeout: float
) -> str:
    from azure.core.exceptions import AzureError, ClientAuthenticationError

    try:
        return credential.get_token(scope).token
    except ClientAuthenticationError as error:
        raise _translated(kind, error, fields, timeout) from None
    except AzureError as error:
        raise Unreachable(kind, why(error, timeout)) from None


def _getter(
    kind: str,
    credential: "TokenCredential",
    manager: str,
    settings: dict[str, Any],
    closing: ExitStack,
    timeout: float,
) -> Get:
    from azure.core import PipelineClient
    from azure.core.exceptions import AzureError
    from azure.core.pipeline.policies import BearerTokenCredentialPolicy
    from azure.core.rest import HttpRequest

    signing = BearerTokenCredentialPolicy(credential, f"https://{manager}/.default")
    client = closing.enter_context(PipelineClient(f"https://{manager}", policies=[signing], **settings))

    def get(path: str) -> tuple[int, Any]:
        try:
            response = client.send_request(HttpRequest("GET", f"https://{manager}{path}"))
            return response.status_code, response.json()
        except AzureError as error:
            raise Unreachable(kind, why(error, timeout)) from None
        except ValueError:
            return 0, None

    return get


def _subscription(
    get: Get, given: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """Its name and state; what can and can't be done there."""
    if "subscription-id" not in given:
        return {}, {}, ()
    root = f"/subscriptions/{given['subscription-id']}"
    where = f"{root}/resourceGroups/{given['resource-group']}" if "resource-group" in given else root
    detail = {"subscription": given["subscription-id"]}

    def subscription() -> Answer:
        status, body = get(f"{root}?api-version=2022-12-01")
        if status == 200:
            detail["subscription"] = f"{body.get('displayName')} ({body.get('state')})"
        return _answer(status)

    def zones() -> Answer:
        return _answer(get(f"{where}/providers/Microsoft.Network/dnsZones?api-version=2018-05-01&$top=1")[0])

    may, cannot = ask(
        {
            "read the subscription (Microsoft.Resources/subscriptions/read)": _tolerant(subscription),
            "apply: list zones (Microsoft.Network/dnsZones/read)": _tolerant(zones),
        }
    )
    return detail, may, cannot


def _answer(status: int) -> Answer:
    if status in (401, 403, 404):  # what it may not see is not there
        return Answer.REFUSED
    return Answer.ALLOWED if status == 200 else Answer.UNKNOWN


def _tolerant(read: Callable[[], Answer]) -> Callable[[], Answer]:
    def answer() -> Answer:
        try:
            return read()
        except IdentityError:
            return Answer.UNKNOWN

    return answer


def claims_of(token: str) -> dict[str, str]:
    """What the access token says of its holder: RFC 7519; its signature is for the resource to check."""
    try:
        payload = token.split(".")[1]
        claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError):
        return {}
    return claims


def _translated(
    kind: str, error: Exception, fields: Mapping[str, SecretBytes], timeout: float
) -> IdentityError:
    refused = refusal(error)
    if refused is None:
        network = any(isinstance(one, OSError) for one in causes(error))
        return Unreachable(kind, why(error, timeout)) if network else Inconclusive(kind, code=UNKNOWN)
    words = words_of(refused.words, fields)
    if refused.code == CLOCK:
        return ClockSkew(kind, code=refused.code, words=words, request_id=refused.request_id)
    about = Inconclusive if refused.code in PASSING else Rejected
    return about(kind, code=refused.code, words=words, request_id=refused.request_id)
