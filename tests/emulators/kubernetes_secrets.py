"""Secrets behind a Kubernetes API server: who asks and what they may (RBAC), versions, types, preconditions.

What it refuses, and how it says so, is what the API server's registry, its validation of Secrets and its
authorizer do: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions and
https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go (ValidateSecret,
ValidateSecretUpdate).
"""

import base64
import binascii
import copy
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from itertools import count
from typing import Any, Final, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.emulators.kubernetes import ANONYMOUS, User, status
from tests.emulators.proxy import Request, Response

PATH: Final = re.compile(r"/api/v1/namespaces/([^/]+)/secrets(?:/([^/]+))?")
NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
REQUIRED: Final = {"kubernetes.io/tls": ("tls.crt", "tls.key"), "Opaque": ()}
MOST_BYTES: Final = 1024 * 1024
VERBS: Final = {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete", "PATCH": "patch"}

Object = dict[str, Any]


class Answered(Exception):
    """The request ends with this answer."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.answer = status(code, reason, message)


@dataclass(slots=True)
class KubernetesSecrets:
    """Secrets by namespace and name, for the users of these tokens; `calls` are verbs that users needed.

    `denied` are verbs that no role grants; `meanwhile` is done once, before the next write of one that is
    there, as by another client; `busy` answers 429 so many times. Versions and uids are numbers
    from `first` on.
    """

    tokens: Mapping[str, User]
    namespaces: set[str] = field(default_factory=lambda: {"default"})
    kept: dict[tuple[str, str], Object] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    denied: frozenset[str] = frozenset()
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    busy: int = 0
    managers: list[str] = field(default_factory=list)
    first: InitVar[int] = 1000
    _counted: "count[int]" = field(init=False)

    def __post_init__(self, first: int) -> None:
        self._counted = count(first)

    def __call__(self, request: Request) -> Response:
        """What the API server answers."""
        try:
            return self._answer(request)
        except Answered as ended:
            return ended.answer

    def _answer(self, request: Request) -> Response:
        user = self._user(request)
        if self.busy:
            self.busy -= 1
            answer = status(429, "TooManyRequests", "too many requests, please try again later")
            return Response(429, {**answer.headers, "retry-after": "0"}, answer.body)
        if (found := PATH.fullmatch(request.path)) is None:
            raise Answered(404, "NotFound", "the server could not find the requested resource")
        namespace, name = found[1], found[2] or ""
        verb = VERBS[request.method]
        self._authorize(user, verb, namespace, name)
        if verb == "get":
            return Response.json(self._there(namespace, name))
        if verb == "create":
            return self._create(namespace, request)
        if self.meanwhile:
            self.meanwhile.pop()()
        if verb == "update":
            return self._update(namespace, name, request)
        if verb == "delete":
            return self._delete(namespace, name, request)
        raise Answered(405, "MethodNotAllowed", "the server does not allow this method")

    def put(self, namespace: str, name: str, data: Mapping[str, bytes], **more: Any) -> Object:
        """A Secret that another client made."""
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        return self._keep(namespace, name, {"type": "kubernetes.io/tls", **more, "data": encoded})

    def touch(self, namespace: str, name: str, **changes: Any) -> None:
        """Let another client change it: keys of the object, or `metadata` to merge."""
        there = self.kept[namespace, name]
        there["metadata"].update(changes.pop("metadata", {}))
        there.update(changes)
        there["metadata"]["resourceVersion"] = str(next(self._counted))

    def sha256(self, secret: Object) -> str:
        """The fingerprint of the certificate in it."""
        leaf = x509.load_pem_x509_certificates(base64.b64decode(secret["data"]["tls.crt"]))[0]
        return leaf.fingerprint(hashes.SHA256()).hex()

    def taken(self) -> list[str]:
        """The verbs that were needed since this was asked last, as `get secrets`."""
        calls, self.calls = self.calls, []
        return calls

    def _user(self, request: Request) -> User:
        authorization = request.headers.get("authorization", "")
        if not authorization:
            return ANONYMOUS
        user = self.tokens.get(authorization.removeprefix("Bearer "))
        if user is None or not authorization.startswith("Bearer "):
            raise Answered(401, "Unauthorized", "Unauthorized")
        return user

    def _authorize(self, user: User, verb: str, namespace: str, name: str) -> None:
        self.calls.append(f"{verb} secrets")
        if verb in user.verbs and f"{verb} secrets" not in self.denied:
            return
        what = f'secrets "{name}" is forbidden' if name else "secrets is forbidden"
        raise Answered(
            403,
            "Forbidden",
            f'{what}: User "{user.name}" cannot {verb} resource "secrets" in API group "" in the namespace '
            f'"{namespace}"',
        )

    def _there(self, namespace: str, name: str) -> Object:
        if (namespace, name) not in self.kept:
            raise Answered(404, "NotFound", f'secrets "{name}" not found')
        return self.kept[namespace, name]

    def _create(self, namespace: str, request: Request) -> Response:
        given = self._read(request)
        name = given["metadata"].get("name", "")
        if namespace not in self.namespaces:
            raise Answered(404, "NotFound", f'namespaces "{namespace}" not found')
        if given["metadata"].get("resourceVersion"):
            raise Answered(400, "BadRequest", "resourceVersion should not be set on objects to be created")
        if not NAME.fullmatch(name) or len(name) > 253:
            invalid(name, f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain')
        validate(name, given)
        if (namespace, name) in self.kept:
            raise Answered(409, "AlreadyExists", f'secrets "{name}" already exists')
        self.managers.append(request.parameters.get("fieldManager", ""))
        return Response.json(self._keep(namespace, name, given), 201)

    def _update(self, namespace: str, name: str, request: Request) -> Response:
        given, there = self._read(request), self._there(namespace, name)
        metadata, own = given["metadata"], there["metadata"]
        if metadata.get("name") != name or metadata.get("namespace", namespace) != namespace:
            raise Answered(400, "BadRequest", "the name of the object does not match the name on the URL")
        if metadata.get("uid", own["uid"]) != own["uid"]:
            conflict(name, f"Precondition failed: UID in precondition: {metadata['uid']}")
        if metadata.get("resourceVersion") not in ("", None, own["resourceVersion"]):
            conflict(
                name,
                "the object has been modified; please apply your changes to the latest version and try again",
            )
        validate(name, given)
        if given.get("type") != there["type"]:
            invalid(name, f'type: Invalid value: "{given.get("type")}": field is immutable')
        if there.get("immutable"):
            if not given.get("immutable"):
                invalid(name, "immutable: Forbidden: field is immutable when `immutable` is set")
            if given.get("data") != there["data"]:
                invalid(name, "data: Forbidden: field is immutable when `immutable` is set")
        for key in ("uid", "creationTimestamp"):
            metadata[key] = own[key]
        self.managers.append(request.parameters.get("fieldManager", ""))
        metadata |= {"namespace": namespace, "resourceVersion": str(next(self._counted))}
        self.kept[namespace, name] = given
        return Response.json(given)

    def _delete(self, namespace: str, name: str, request: Request) -> Response:
        there = self._there(namespace, name)
        metadata = there["metadata"]
        asked = (request.json() if request.body else {}).get("preconditions") or {}
        for key, called in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            if asked.get(key, metadata[key]) != metadata[key]:
                conflict(
                    name,
                    f"Precondition failed: {called} in precondition: {asked[key]}, {called} in object meta: "
                    f"{metadata[key]}",
                )
        if metadata.get("finalizers"):
            self.touch(namespace, name, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
            return Response.json(there)
        del self.kept[namespace, name]
        return Response.json({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _read(self, request: Request) -> Object:
        if request.headers.get("content-type") != "application/json":
            raise Answered(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        given: Object = request.json()
        if (given.get("apiVersion"), given.get("kind")) != ("v1", "Secret"):
            raise Answered(400, "BadRequest", "the object provided is unrecognized")
        return given

    def _keep(self, namespace: str, name: str, given: Object) -> Object:
        number = next(self._counted)
        made = {
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "name": name,
            "namespace": namespace,
            "resourceVersion": str(number),
            "uid": f"00000000-0000-4000-8000-{number:012d}",
        }
        metadata = {**given.get("metadata", {}), **made}
        self.kept[namespace, name] = {"apiVersion": "v1", "kind": "Secret", **given, "metadata": metadata}
        return copy.deepcopy(self.kept[namespace, name])


def validate(name: str, given: Object) -> None:
    """What the API server asks of a Secret; that key and certificate belong together is not among it."""
    data = given.get("data") or {}
    size = 0
    for key, value in data.items():
        try:
            size += len(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            raise Answered(400, "BadRequest", "illegal base64 data at input byte 0") from None
        if not re.fullmatch(r"[-._a-zA-Z0-9]+", key):
            invalid(name, f'data[{key}]: Invalid value: "{key}"')
    if size > MOST_BYTES:
        invalid(name, f"data: Too long: must have at most {MOST_BYTES} bytes")
    for key in missing(given.get("type", "Opaque"), data):
        invalid(name, f"data[{key}]: Required value")


def missing(type_: str, data: Mapping[str, str]) -> Iterable[str]:
    """The keys that a Secret of this type must have."""
    return (key for key in REQUIRED.get(type_, ()) if key not in data)


def invalid(name: str, why: str) -> NoReturn:
    """Refuse an object (422)."""
    raise Answered(422, "Invalid", f'Secret "{name}" is invalid: {why}')


def conflict(name: str, why: str) -> NoReturn:
    """Refuse a write that is not of the newest version (409)."""
    raise Answered(409, "Conflict", f'Operation cannot be fulfilled on secrets "{name}": {why}')
