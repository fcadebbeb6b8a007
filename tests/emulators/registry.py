"""A container registry and its token server, by the distribution project's specification of both."""

import base64
import binascii
import secrets
from collections.abc import Mapping

from tests.emulators.proxy import Request, Response


def login(request: Request) -> tuple[str, str] | None:
    """The user name and password of a request with HTTP basic authentication; None without."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if scheme.lower() == "basic" and colon else None


class BasicRegistry:
    """One that asks for a user name and a password itself; `passwords` by user name."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.passwords = passwords

    def __call__(self, request: Request) -> Response:
        """What the registry answers."""
        given = login(request)
        if request.path != "/v2/":
            return Response(404)
        if given is None or self.passwords.get(given[0]) != given[1]:
            challenge = {"WWW-Authenticate": 'Basic realm="a registry"'}
            errors = {"errors": [{"code": "UNAUTHORIZED", "message": request.headers.get("authorization")}]}
            return Response(401, challenge, Response.json(errors).body)
        return Response.json({})


class TokenRegistry:
    """One that has a token server give tokens; `challenge` is what it sends those who come without."""

    def __init__(self, passwords: Mapping[str, str], realm: str, service: str) -> None:
        self.passwords, self.service = passwords, service
        self.challenge = f'Bearer realm="{realm}",service="{service}"'
        self.tokens: set[str] = set()

    def registry(self, request: Request) -> Response:
        """What the registry answers."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if request.path != "/v2/":
            return Response(404)
        if scheme != "Bearer" or token not in self.tokens:
            return Response(401, {"WWW-Authenticate": self.challenge})
        return Response.json({})

    def token_server(self, request: Request) -> Response:
        """What the token server answers; a stranger without a password gets a token for what is public."""
        given = login(request)
        if request.parameters.get("service") != self.service:
            return Response(400)
        if "authorization" in request.headers and (given is None or self.passwords.get(given[0]) != given[1]):
            said = {"details": f"incorrect username or password: {request.headers['authorization']}"}
            return Response.json(said, 401)
        token = secrets.token_urlsafe(12)
        self.tokens.add(token)
        return Response.json({"token": token, "expires_in": 300})
