"""Jenkins as far as it tells who asks, and a web server that asks for a password."""

from collections.abc import Mapping

from tests.emulators.proxy import Request, Response
from tests.emulators.registry import login


class Jenkins:
    """Answers /whoAmI/api/json under its prefix, by API token; a wrong one is refused, none is anonymous."""

    def __init__(self, tokens: Mapping[str, str], prefix: str = "") -> None:
        self.tokens, self.prefix = tokens, prefix

    def __call__(self, request: Request) -> Response:
        """What Jenkins answers."""
        if request.path != f"{self.prefix}/whoAmI/api/json":
            return Response(404, body=b"<html>Not Found</html>")
        given = login(request)
        if given is None:
            return self.told("anonymous", ["anonymous"])
        if self.tokens.get(given[0]) != given[1]:
            challenge = {"WWW-Authenticate": 'Basic realm="Jenkins"'}
            return Response(401, challenge, f"Invalid password/token for user: {given}".encode())
        return self.told(given[0], ["authenticated", "deployers"])

    @staticmethod
    def told(name: str, authorities: list[str]) -> Response:
        """Who it is."""
        return Response.json(
            {
                "_class": "hudson.security.WhoAmI",
                "anonymous": name == "anonymous",
                "authenticated": name != "anonymous",
                "authorities": authorities,
                "name": name,
            }
        )


class Protected:
    """Any web server with a page behind HTTP basic authentication; `forbidden` users may not see it."""

    def __init__(self, passwords: Mapping[str, str], forbidden: frozenset[str] = frozenset()) -> None:
        self.passwords, self.forbidden = passwords, forbidden
        self.challenge = 'Basic realm="the page", charset="UTF-8"'

    def __call__(self, request: Request) -> Response:
        """What the server answers."""
        given = login(request)
        if given is None or self.passwords.get(given[0]) != given[1]:
            return Response(401, {"WWW-Authenticate": self.challenge}, f"who is {given}?".encode())
        return Response(403 if given[0] in self.forbidden else 200)
