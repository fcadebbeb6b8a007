"""An OIDC issuer of a test's own: it signs tokens (RS256) and shows its keys, as Kubernetes and GitHub do.

OpenID Connect Discovery 1.0 (https://openid.net/specs/openid-connect-discovery-1_0.html), RFC 7515, 7517 and
7519. `verified` is what a cloud does with a token: it asks the issuer for its keys.
"""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.emulators.proxy import Handler, Request, Response

HOST = "issuer.example.test"


class Issuer:
    """Issues tokens, and answers for its host; `rotate` gives it another key, as if it were somebody else."""

    def __init__(self, host: str = HOST, *, path: str = "") -> None:
        self.host, self.url = host, f"https://{host}{path}"
        self._path, self._key_number = path, 1

    def token(
        self,
        subject: str,
        audience: str | list[str],
        *,
        seconds: float = 3600,
        now: float | None = None,
        **claims: Any,
    ) -> str:
        """A signed token that is good for so many seconds; `claims` are added, or stand instead."""
        issued = time.time() if now is None else now
        head = {"alg": "RS256", "typ": "JWT", "kid": str(self._key_number)}
        said = {"iss": self.url, "sub": subject, "aud": audience, "iat": int(issued), "nbf": int(issued)}
        body = {**said, "exp": int(issued + seconds), **claims}
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (head, body))
        signature = _key(self._key_number).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"

    def written(self, path: Path, token: str) -> Path:
        """The token in a file, as an issuer leaves it there."""
        path.touch(mode=0o600)
        path.write_text(token)
        return path

    def rotate(self) -> None:
        """Forget the key; what it signed is nobody's from now on."""
        self._key_number += 1

    def __call__(self, request: Request) -> Response:
        """What the issuer's web server answers."""
        if request.path == f"{self._path}/.well-known/openid-configuration":
            return Response.json({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        if request.path == f"{self._path}/keys":
            numbers = _key(self._key_number).public_key().public_numbers()
            modulus, exponent = (
                _base64(one.to_bytes((one.bit_length() + 7) // 8)) for one in (numbers.n, numbers.e)
            )
            key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": str(self._key_number)}
            return Response.json({"keys": [{**key, "n": modulus, "e": exponent}]})
        return Response(404)


@dataclass(frozen=True, slots=True)
class BadToken(Exception):
    """Why a token is not taken: `form`, `issuer`, `key`, `signature`, `early` or `expired`."""

    fault: str
    issuer: str = ""


def claimed(token: str) -> dict[str, Any]:
    """What a token says of itself, true or not."""
    return dict(json.loads(_unbase64(token.split(".")[1])))


def verified(token: str, web: Mapping[str, Handler], now: float) -> dict[str, Any]:
    """The claims of a token that its issuer signed, asked for its keys in this `web`; raises BadToken."""
    try:
        head, payload, signature = token.split(".")
        header, claims = json.loads(_unbase64(head)), json.loads(_unbase64(payload))
        issuer = str(claims["iss"])
    except (ValueError, KeyError):
        raise BadToken("form") from None
    configuration = _fetched(web, f"{issuer}/.well-known/openid-configuration")
    if configuration is None or configuration["issuer"] != issuer:
        raise BadToken("issuer", issuer)
    published = _fetched(web, configuration["jwks_uri"]) or {"keys": []}
    keys = [key for key in published["keys"] if key["kid"] == header.get("kid")]
    if not keys or header.get("alg") != "RS256":
        raise BadToken("key", issuer)
    modulus, exponent = (int.from_bytes(_unbase64(keys[0][name])) for name in ("n", "e"))
    try:
        rsa.RSAPublicNumbers(exponent, modulus).public_key().verify(
            _unbase64(signature), f"{head}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        raise BadToken("signature", issuer) from None
    if claims.get("nbf", 0) > now + 300:
        raise BadToken("early", issuer)
    if claims["exp"] <= now:
        raise BadToken("expired", issuer)
    return dict(claims)


def _fetched(web: Mapping[str, Handler], url: str) -> dict[str, Any] | None:
    where = urlsplit(url)
    handler = web.get(where.netloc)
    answer = handler(Request("GET", where.netloc, where.path, "", {}, b"")) if handler else Response(404)
    return dict(json.loads(answer.body)) if answer.status == 200 else None


@cache
def _key(number: int) -> rsa.RSAPrivateKey:
    """The issuers' keys, each made once: making one is slow."""
    return rsa.generate_private_key(65537, 2048)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
