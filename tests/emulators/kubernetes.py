"""A Kubernetes API server as far as it tells who asks and what they may."""

import http.server
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.emulators.proxy import Request, Response

WHO: Final = ("authentication.k8s.io/v1", "SelfSubjectReview")
MAY: Final = ("authorization.k8s.io/v1", "SelfSubjectAccessReview")


@dataclass(frozen=True, slots=True)
class User:
    """Who a token or a certificate is, the verbs that it has on secrets, and whether it may ask who it is."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    verbs: frozenset[str] = frozenset({"get", "create", "update", "delete"})
    reviews_itself: bool = True


ANONYMOUS: Final = User("system:anonymous", groups=("system:unauthenticated",), verbs=frozenset())


class Kubernetes:
    """Answers SelfSubjectReview (not `before_1_28`) and SelfSubjectAccessReview for the users of its tokens.

    Who comes without a token is who its certificate says (`certificates`, by common name), or anonymous.
    """

    def __init__(self, tokens: Mapping[str, User], certificates: Mapping[str, User] | None = None) -> None:
        self.tokens, self.certificates = tokens, certificates or {}
        self.before_1_28 = False

    def __call__(self, request: Request, common_name: str = "") -> Response:
        """What the API server answers."""
        user = self.certificates.get(common_name, ANONYMOUS)
        authorization = request.headers.get("authorization", "")
        if authorization:
            user = self.tokens.get(authorization.removeprefix("Bearer "), ANONYMOUS)
            if user is ANONYMOUS:
                return status(401, "Unauthorized", "Unauthorized")
        asked = request.json()
        what = (asked["apiVersion"], asked["kind"])
        if (request.method, request.path) != ("POST", f"/apis/{what[0]}/{what[1].lower()}s"):
            return status(404, "NotFound", "the server could not find the requested resource")
        if what == WHO and not self.before_1_28:
            return self.who(user)
        if what == MAY:
            return self.may(user, asked)
        return status(404, "NotFound", "the server could not find the requested resource")

    def who(self, user: User) -> Response:
        """A SelfSubjectReview."""
        if not user.reviews_itself:
            denied = f'User "{user.name}" cannot create resource "selfsubjectreviews"'
            return status(403, "Forbidden", f"selfsubjectreviews is forbidden: {denied}")
        info = {"username": user.name, "uid": user.uid, "groups": [*user.groups]}
        return Response.json({"apiVersion": WHO[0], "kind": WHO[1], "status": {"userInfo": info}}, 201)

    def may(self, user: User, asked: Mapping[str, Any]) -> Response:
        """A SelfSubjectAccessReview."""
        attributes = asked["spec"]["resourceAttributes"]
        allowed = attributes["resource"] == "secrets" and attributes["verb"] in user.verbs
        return Response.json({"apiVersion": MAY[0], "kind": MAY[1], "status": {"allowed": allowed}}, 201)


def status(code: int, reason: str, message: str) -> Response:
    """A failure as the API server says it."""
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    return Response.json({**said, "message": message, "reason": reason, "code": code}, code)


@contextmanager
def serving(api: Kubernetes, context: ssl.SSLContext) -> Iterator[str]:
    """The API server by itself on loopback, behind TLS that looks at client certificates; yields its URL."""

    class Connection(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            subject = dict(pair for (pair,) in (self.connection.getpeercert() or {}).get("subject", ()))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            request = Request("POST", "127.0.0.1", self.path, "", headers, body)
            answer = api(request, subject.get("commonName", ""))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server names it
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Connection) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            serving.join()


def kubeconfig(cluster: Mapping[str, Any], user: Mapping[str, Any], **context: str) -> str:
    """A kubeconfig with one context."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", **context}}],
        }
    )
