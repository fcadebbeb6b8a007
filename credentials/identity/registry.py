"""A container registry: `GET /v2/`, and where it challenges for a token, its token server.

https://distribution.github.io/distribution/spec/auth/token/ and the OCI distribution specification. The
password goes to the registry and to the token server that it names, over TLS alone; no redirect is followed.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from credentials.identity import Identity, Inconclusive, NotVerifiable, Rejected
from credentials.identity.https import Answer, Server, basic, is_loopback
from credentials.identity.values import text
from credentials.secret import SecretBytes

# Docker Hub's names, all of which stand for one registry.
_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com"})
_HUB_REGISTRY: Final = "registry-1.docker.io"
_CHALLENGE: Final = re.compile(
    r'(?:^|,)\s*(Basic|Bearer)\s+((?:[a-z_]+="[^"]*"\s*(?:,\s*)?)*)', re.IGNORECASE
)
_PARAMETER: Final = re.compile(r'([a-z_]+)="([^"]*)"', re.IGNORECASE)


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The registry, and the user name that it takes."""
    named = text(kind, fields, "server").lower()
    host = _HUB_REGISTRY if named in _HUB else named
    url = f"{'http' if is_loopback(_name(host)) else 'https'}://{host}/v2/"
    server = Server(kind, timeout)
    challenges = _challenges(kind, server.ask(url))
    login = basic(kind, fields["username"], fields["password"])
    if "bearer" in challenges:
        asked = _token(kind, server, url, challenges["bearer"], login, fields)
    elif "basic" in challenges:
        asked = _name(host)
        _accepted(kind, server.ask(url, login))
    else:
        raise NotVerifiable(kind, f"{host} asks for another way to log in than a name and a password")
    username = fields["username"].reveal().decode(errors="replace")
    return Identity(named, username, {"asked": asked})


def _challenges(kind: str, answer: Answer) -> dict[str, dict[str, str]]:
    """What the registry asks for, by scheme, with its parameters (RFC 9110 11.6.1)."""
    if answer.status == 200:
        raise NotVerifiable(kind, "the registry lets everybody in, so it tells nothing of a password")
    if answer.status != 401:
        raise Inconclusive(kind, code=f"HTTP {answer.status}", words="no registry's answer to GET /v2/")
    found = _CHALLENGE.findall(answer.headers.get("www-authenticate", ""))
    return {scheme.lower(): dict(_PARAMETER.findall(parameters.strip())) for scheme, parameters in found}


def _token(
    kind: str,
    server: Server,
    url: str,
    challenge: Mapping[str, str],
    login: Mapping[str, str],
    fields: Mapping[str, SecretBytes],
) -> str:
    """Get a token and show it to the registry; returns the host of the token server."""
    realm = challenge.get("realm", "")
    if not realm:
        raise Inconclusive(kind, code="a challenge that names no token server")
    asked = {"account": fields["username"].reveal().decode(errors="replace")}
    if "service" in challenge:
        asked["service"] = challenge["service"]
    answer = server.ask(f"{realm}{'&' if urlsplit(realm).query else '?'}{urlencode(asked)}", login)
    _accepted(kind, answer)
    said = answer.json()
    token = said.get("token") or said.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise Inconclusive(kind, code="an answer without a token")
    if (shown := server.ask(url, {"Authorization": f"Bearer {token}"})).status != 200:
        raise Inconclusive(
            kind, code=f"HTTP {shown.status}", words="the registry does not take its own token"
        )
    return urlsplit(realm).hostname or ""


def _accepted(kind: str, answer: Answer) -> None:
    """Nothing of the answer's text is repeated: it may hold what was sent, encoded."""
    if answer.status in (401, 403):
        raise Rejected(kind, code=f"HTTP {answer.status}", words="wrong user name, password or token")
    if answer.status != 200:
        raise Inconclusive(kind, code=f"HTTP {answer.status}")


def _name(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""
