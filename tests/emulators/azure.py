"""Microsoft Entra's client credentials flow, and the little of Azure Resource Manager that reads.

The flow: RFC 6749, 4.4, with a secret or an assertion (RFC 7523, 2.2), signed by it or an issuer:
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow; its refusals:
https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

import base64
import json
import re
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.emulators.azure_identities import Federation
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import Denied

LOGIN, MANAGER = "login.microsoftonline.com", "management.azure.com"
TRACE = "0e8a6b1c-7f3d-4c55-9a0d-2b6c1e4f5a00"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# The resource manager under its present and its former name, which Go's SDK goes by.
_SCOPES = {
    f"https://{MANAGER}/.default",
    "https://management.core.windows.net//.default",
    "https://vault.azure.net/.default",
}
_SUBSCRIPTION = re.compile(
    r"/subscriptions/(?P<id>[^/]+)(/resourceGroups/[^/]+)?(?P<zones>/providers/Microsoft\.Network/dnsZones)?"
)


@dataclass(frozen=True, slots=True)
class Application:
    """An app registration with its service principal; `certificate` is the PEM that it may sign with."""

    client_id: str
    object_id: str
    tenant: str
    secret: str = field(default="", repr=False)
    certificate: bytes = b""
    expired: bool = False
    disabled: bool = False
    may: frozenset[str] = frozenset()  # of "subscription", "zones"


class Azure:
    """Answers for the authority and for the resource manager, with one subscription."""

    subscription = "8f1b2c3d-0000-4000-8000-00000000aaaa"

    def __init__(self, *applications: Application) -> None:
        self.applications = {one.client_id: one for one in applications}
        self.issued: dict[str, tuple[Application, float]] = {}
        self.federation = Federation()
        self.lifetime = 3599  # of tokens, in seconds
        self.now = time.time

    def __call__(self, request: Request) -> Response:
        """What the host answers, with the time of its own clock."""
        try:
            said = self._login(request) if request.host == LOGIN else self._manager(request)
            answer = Response.json(said)
        except Denied as refusal:
            answer = Response.json(_error(request.host, refusal), refusal.status)
        dated = {**answer.headers, "Date": formatdate(self.now(), usegmt=True)}
        return Response(answer.status, dated, answer.body)

    def issue(self, application: Application) -> str:
        """An access token of the application's."""
        claims = {"oid": application.object_id, "appid": application.client_id, "tid": application.tenant}
        token = _jwt(claims)
        self.issued[token] = (application, self.now() + self.lifetime)
        return token

    def _login(self, request: Request) -> dict[str, Any]:
        if request.path == "/common/discovery/instance":  # asked for on the way to an error
            names = {"preferred_network": LOGIN, "preferred_cache": LOGIN, "aliases": [LOGIN]}
            return {"tenant_discovery_endpoint": f"https://{LOGIN}/common", "metadata": [names]}
        tenant, _, rest = request.path.lstrip("/").partition("/")
        if tenant not in {one.tenant for one in self.applications.values()}:
            deny(400, "AADSTS90002", f"Tenant '{tenant}' not found.")
        if (request.method, rest) == ("GET", "v2.0/.well-known/openid-configuration"):
            base = f"https://{LOGIN}/{tenant}"
            return {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            }
        form = request.form
        if rest == "oauth2/token" and "resource" in form:  # the endpoint of before, which older clients ask
            form["scope"] = f"{form['resource'].rstrip('/')}/.default"
        elif (request.method, rest) != ("POST", "oauth2/v2.0/token"):
            deny(404, "AADSTS900561", "The endpoint does not exist.")
        application = self._authenticated(tenant, form)
        token = self.issue(application)
        ends = {"expires_in": self.lifetime, "ext_expires_in": self.lifetime}
        return {"token_type": "Bearer", **ends, "access_token": token}

    def _authenticated(self, tenant: str, form: dict[str, str]) -> Application:
        wanted = set(form.get("scope", "").split()) & _SCOPES
        if form.get("grant_type") != "client_credentials" or not wanted:
            deny(400, "AADSTS90014", "The required field 'scope' or 'grant_type' is missing or wrong.")
        application = self.applications.get(form.get("client_id", ""))
        if application is None or application.tenant != tenant:
            deny(
                400, "AADSTS700016", f"Application '{form.get('client_id')}' was not found in the directory."
            )
        if application.disabled:
            deny(400, "AADSTS7000112", f"Application '{application.client_id}' is disabled.")
        if "client_assertion" in form:
            self._check_assertion(application, form)
        elif not application.secret or form.get("client_secret") != application.secret:
            deny(
                401,
                "AADSTS7000215",
                "Invalid client secret provided. Ensure the secret being sent in the request is the secret's "
                f"value, not its ID, for a secret added to app '{application.client_id}'.",
            )
        if application.expired:
            deny(401, "AADSTS7000222", "The provided client secret keys for app are expired.")
        return application

    def _check_assertion(self, application: Application, form: dict[str, str]) -> None:
        """RFC 7523, 3: signed by the application's certificate, for this authority, in its time."""
        head, body, signature = form["client_assertion"].split(".")
        if form["client_assertion"].strip() != form["client_assertion"]:
            deny(401, "AADSTS50027", "JWT token is invalid or malformed.")
        claims = json.loads(_unbase64(body))
        if form.get("client_assertion_type") == ASSERTION and claims["iss"].startswith("https://"):
            self.federation.check(application.client_id, form["client_assertion"], self.now())
            return
        if form.get("client_assertion_type") != ASSERTION or claims["iss"] != application.client_id:
            deny(401, "AADSTS50027", "JWT token is invalid or malformed.")
        if claims["aud"] != f"https://{LOGIN}/{application.tenant}/oauth2/v2.0/token":
            deny(401, "AADSTS700211", "The assertion's audience is another one.")
        begins = claims.get("nbf", claims.get("iat", 0))  # both may be left out
        if not begins - 300 <= self.now() < claims["exp"]:
            deny(401, "AADSTS700024", "Client assertion is not within its valid time range.")
        key = x509.load_pem_x509_certificate(application.certificate).public_key()
        assert isinstance(key, RSAPublicKey)
        pss = json.loads(_unbase64(head))["alg"] == "PS256"
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
        try:
            key.verify(_unbase64(signature), f"{head}.{body}".encode(), scheme, hashes.SHA256())
        except InvalidSignature:
            deny(401, "AADSTS700027", "Client assertion contains an invalid signature.")

    def bearer(self, request: Request) -> Application:
        """Whose access token it is; raises Denied."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.issued:
            deny(401, "InvalidAuthenticationToken", "The access token is invalid.")
        application, ends = self.issued[token]
        if ends <= self.now():
            deny(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now.")
        return application

    def _manager(self, request: Request) -> dict[str, Any]:
        application = self.bearer(request)
        found = _SUBSCRIPTION.fullmatch(request.path)
        if request.method != "GET" or found is None or "api-version" not in request.parameters:
            deny(404, "NotFound", "The resource does not exist.")
        if found["id"] != self.subscription:
            deny(404, "SubscriptionNotFound", f"The subscription '{found['id']}' could not be found.")
        action = "zones" if found["zones"] else "subscription"
        if action not in application.may:
            deny(403, "AuthorizationFailed", f"The client does not have authorization over '{request.path}'.")
        return {"value": []} if found["zones"] else {"displayName": "Production", "state": "Enabled"}


def _jwt(claims: dict[str, Any]) -> str:
    """A token that nobody but this emulator has to believe."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, {**claims, "iat": time.time_ns()})]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"-"))


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _error(host: str, refusal: Denied) -> dict[str, Any]:
    if host == MANAGER:
        return {"error": {"code": refusal.code, "message": refusal.message}}
    traces = f"Trace ID: {TRACE} Correlation ID: {TRACE} Timestamp: 2026-11-22 10:00:00Z"
    words = f"{refusal.code}: {refusal.message} {traces}"
    return {
        "error": "invalid_tenant" if refusal.code == "AADSTS90002" else "invalid_client",
        "error_description": words,
        "error_codes": [int(refusal.code.removeprefix("AADSTS"))],
        "trace_id": TRACE,
        "correlation_id": TRACE,
    }


def deny(status: int, code: str, why: str) -> NoReturn:
    """Refuse as the service does."""
    raise Denied(status, code, why)
