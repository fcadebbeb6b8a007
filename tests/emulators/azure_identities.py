"""Identities of Azure without secrets: tokens of issuers that an application trusts, and machines' own.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation and
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
"""

from collections.abc import Callable, Mapping
from typing import Any

from tests.emulators.oidc import BadToken, claimed, verified
from tests.emulators.proxy import Handler, Request, Response
from tests.emulators.signing import Denied

TOKEN_PATH = "/metadata/identity/oauth2/token"
SERVICE_PATH = "/msi/token"
A_DAY = 86400


class Federation:
    """The federated credentials of applications by client id; `web` is where issuers show their keys."""

    def __init__(self) -> None:
        self.web: dict[str, Handler] = {}
        self.credentials: dict[str, list[Mapping[str, Any]]] = {}

    def check(self, client_id: str, assertion: str, now: float) -> None:
        """Refuse a token that no federated credential of the application is about."""
        claims = claimed(assertion)
        known = self.credentials.get(client_id, [])
        if not known:
            said = "No matching federated identity record found for presented assertion."
            raise Denied(401, "AADSTS70021", said)
        for code, claim, of in (
            ("AADSTS700211", "iss", "issuer"),
            ("AADSTS700213", "sub", "subject"),
            ("AADSTS700212", "aud", "audiences"),
        ):
            known = [one for one in known if claims[claim] in _listed(one[of])]
            if not known:
                said = f"No matching federated identity record found for presented assertion {of}"
                raise Denied(401, code, f"{said} '{claims[claim]}'.")
        try:
            verified(assertion, self.web, now)
        except BadToken as bad:
            raise _refusal(bad) from None


class Machine:
    """A machine's or service's own identities: each with its client id, resource id, and whose it is.

    `issue` gives the token of a client id; `header` is what App Service wants to see, where it is one.
    """

    def __init__(self, issue: Callable[[str], str], now: Callable[[], float], header: str = "") -> None:
        self.issue, self.now, self.header = issue, now, header
        self.system: str | None = None
        self.assigned: dict[str, str] = {}  # resource id -> client id

    def __call__(self, request: Request) -> Response:
        """What the service answers."""
        if request.path.startswith("/metadata/instance/") and request.headers.get("metadata") == "true":
            return Response(200, {"content-type": "text/plain"}, b"AzurePublicCloud")
        asked = request.parameters
        if request.path == TOKEN_PATH and request.headers.get("metadata") == "true" and not self.header:
            client_id = self._which(asked, "msi_res_id")
            if client_id is None:
                said = {"error": "invalid_request", "error_description": "Identity not found"}
                return Response.json(said, 400)
            return Response.json({**self._token(client_id, asked), "expires_in": str(A_DAY)})
        if request.path == SERVICE_PATH and request.headers.get("x-identity-header") == self.header:
            client_id = self._which(asked, "mi_res_id")
            if client_id is None:
                words = "No User Assigned or Delegated Managed Identity found for specified ClientId"
                return Response.json({"statusCode": 400, "message": words}, 400)
            return Response.json(self._token(client_id, asked))
        return Response(404)

    def _which(self, asked: Mapping[str, str], resource: str) -> str | None:
        if "client_id" in asked:
            return asked["client_id"] if asked["client_id"] in self.assigned.values() else None
        return self.assigned.get(asked[resource]) if resource in asked else self.system

    def _token(self, client_id: str, asked: Mapping[str, str]) -> dict[str, str]:
        ends = str(int(self.now()) + A_DAY)
        about = {"client_id": client_id, "resource": asked["resource"], "token_type": "Bearer"}
        return {"access_token": self.issue(client_id), "expires_on": ends, **about}


def _refusal(bad: BadToken) -> Denied:
    if bad.fault in ("expired", "early"):
        return Denied(401, "AADSTS700024", "Client assertion is not within its valid time range.")
    if bad.fault == "issuer":
        return Denied(401, "AADSTS50166", "Request to External OIDC endpoint failed.")
    return Denied(401, "AADSTS50013", f"Assertion failed signature validation. [Reason - {bad.fault}]")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
