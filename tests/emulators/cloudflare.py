"""Cloudflare's API v4: bearer tokens, global keys with their email address, and what it says of others.

Refusals: https://developers.cloudflare.com/fundamentals/api/troubleshooting/, and as the API itself answers.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from tests.emulators.proxy import Request, Response
from tests.emulators.signing import Denied

HOST = "api.cloudflare.com"
PREFIX = "/client/v4"
RAY = "8f2a61b2cc1c2d3e-FRA"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{40,80}")
_GLOBAL_KEY = re.compile(r"[0-9a-f]{37,45}")


@dataclass(frozen=True, slots=True)
class Token:
    """A token as Cloudflare keeps it; with an `account` it belongs to that, else to a user."""

    id: str
    value: str = field(repr=False)
    status: str = "active"
    account: str = ""
    reads_zones: bool = True
    edits_dns: bool = True
    expires_on: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A user with a global key, who may do everything, unless suspended."""

    id: str
    email: str
    key: str = field(repr=False)
    suspended: bool = False


class Cloudflare:
    """Answers for tokens, users, and zones, which all belong to one account."""

    account = "01a7362d577a6c3019a474fd6f485823"

    def __init__(self, *owners: Token | User, zones: int = 2) -> None:
        self.tokens = {one.value: one for one in owners if isinstance(one, Token)}
        self.users = {one.email: one for one in owners if isinstance(one, User)}
        self.zones = zones

    def __call__(self, request: Request) -> Response:
        """What the API answers, in its envelope."""
        try:
            said = {"success": True, "errors": [], "messages": [], **self.served(request)}
            answer = Response.json(said)
        except Denied as refusal:
            error = {"code": int(refusal.code), "message": refusal.message}
            said = {"success": False, "errors": [error], "messages": [], "result": None}
            answer = Response.json(said, refusal.status)
        return Response(answer.status, {**answer.headers, "CF-RAY": RAY}, answer.body)

    def served(self, request: Request) -> dict[str, Any]:
        """What the owner of this request's token or key may have; raises Denied."""
        owner = self.authenticated(request)
        known = {
            "/user": self._user,
            "/user/tokens/verify": self._token_of_a_user,
            f"/accounts/{self.account}/tokens/verify": self._token_of_the_account,
            "/zones": self._zones,
        }
        answer = known.get(request.path.removeprefix(PREFIX))
        if request.method != "GET" or answer is None or not request.path.startswith(PREFIX):
            deny(400, 7003, "Could not route to this path, perhaps your object identifier is invalid?")
        return answer(owner)

    def authenticated(self, request: Request) -> Token | User:
        """Whose request it is; raises Denied. One way of authenticating at a time."""
        bearer, email = request.headers.get("authorization"), request.headers.get("x-auth-email")
        if bearer is not None and email is None:
            scheme, _, value = bearer.partition(" ")
            if scheme != "Bearer" or not _TOKEN.fullmatch(value):
                deny(400, 6003, "Invalid request headers")
            if value not in self.tokens:
                deny(401, 1000, "Invalid API Token")
            return self.tokens[value]
        key = request.headers.get("x-auth-key", "")
        if bearer is not None or email is None or not _GLOBAL_KEY.fullmatch(key):
            deny(400, 6003, "Invalid request headers")
        user = self.users.get(email)
        if user is None or user.key != key:
            deny(403, 9103, "Unknown X-Auth-Key or X-Auth-Email")
        return user

    def _user(self, owner: Token | User) -> dict[str, Any]:
        if isinstance(owner, Token):
            deny(403, 9109, "Valid user-level authentication not found")
        return {"result": {"id": owner.id, "email": owner.email, "suspended": owner.suspended}}

    def _token_of_a_user(self, owner: Token | User) -> dict[str, Any]:
        if isinstance(owner, User) or owner.account:
            deny(401, 1000, "Invalid API Token")
        return self._described(owner)

    def _token_of_the_account(self, owner: Token | User) -> dict[str, Any]:
        if isinstance(owner, User) or owner.account != self.account:
            deny(401, 1000, "Invalid API Token")
        return self._described(owner)

    def _described(self, token: Token) -> dict[str, Any]:
        expires = {"expires_on": token.expires_on} if token.expires_on else {}
        return {"result": {"id": token.id, "status": token.status, **expires}}

    def _zones(self, owner: Token | User) -> dict[str, Any]:
        if isinstance(owner, Token) and not owner.reads_zones:
            deny(403, 9109, "Unauthorized to access requested resource")
        if isinstance(owner, Token) and owner.status != "active":
            deny(403, 9109, "Invalid access token")
        zones = [
            {
                "id": f"{number:032x}",
                "name": f"zone{number}.test",
                "account": {"id": self.account, "name": "A"},
            }
            for number in range(self.zones)
        ]
        page = {"page": 1, "per_page": 5, "count": len(zones), "total_count": len(zones), "total_pages": 1}
        return {"result": zones, "result_info": page}


def deny(status: int, code: int, why: str) -> NoReturn:
    """Refuse as the API does."""
    raise Denied(status, str(code), why)
