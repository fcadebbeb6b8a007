"""What AWS gives an instance (IMDSv2) and a container (ECS, EKS): the temporary keys of its role.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
"""

import secrets
from typing import Any

from tests.emulators.proxy import Request, Response
from tests.emulators.signing import Key

_LIFETIME = "x-aws-ec2-metadata-token-ttl-seconds"
_ROLE = "/latest/meta-data/iam/security-credentials/"


class Instance:
    """Answers nobody without a session's token (IMDSv2); `role` is its name, None for an instance without."""

    def __init__(self, role: str | None, key: Key) -> None:
        self.role, self.key = role, key
        self.tokens: set[str] = set()

    def __call__(self, request: Request) -> Response:
        """What the service answers."""
        if request.path == "/latest/api/token":
            if request.method != "PUT" or _LIFETIME not in request.headers:
                return Response(400)
            token = secrets.token_urlsafe(12)
            self.tokens.add(token)
            return Response(200, {_LIFETIME: request.headers[_LIFETIME]}, token.encode())
        if request.headers.get("x-aws-ec2-metadata-token") not in self.tokens or request.method != "GET":
            return Response(401)
        if self.role is not None and request.path == _ROLE:
            return Response(200, {}, self.role.encode())
        if self.role is not None and request.path == f"{_ROLE}{self.role}":
            return Response.json({"Code": "Success", "Type": "AWS-HMAC", **_keys(self.key)})
        return Response(404)


class Container:
    """Answers under its path to its token."""

    def __init__(self, path: str, token: str, key: Key) -> None:
        self.path, self.token, self.key = path, token, key

    def __call__(self, request: Request) -> Response:
        """What the service answers."""
        if request.path != self.path:
            return Response(404)
        if request.headers.get("authorization") != self.token:
            return Response.json({"code": "AccessDenied", "message": "the token is wrong"}, 403)
        return Response.json({"RoleArn": self.key.principal, **_keys(self.key)})


def _keys(key: Key) -> dict[str, Any]:
    ends = "2099-12-31T23:59:59Z"
    pair = {"AccessKeyId": key.id, "SecretAccessKey": key.secret, "Token": key.token}
    return {**pair, "Expiration": ends, "LastUpdated": "2026-11-22T00:00:00Z"}
