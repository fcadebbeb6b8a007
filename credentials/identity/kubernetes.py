"""Kubernetes: SelfSubjectReview tells who a credential is, SelfSubjectAccessReview what it may.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#self-subject-review (since 1.28); both
change nothing, and every user of a cluster may create them unless it was taken away.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from credentials.identity import (
    Identity,
    IdentityError,
    Inconclusive,
    NotVerifiable,
    Rejected,
    https,
    words_of,
)
from credentials.identity.cluster import Cluster, read
from credentials.identity.reads import Answer, ask
from credentials.secret import SecretBytes

_ANONYMOUS: Final = "system:anonymous"
_WHO: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_MAY: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

# post(path, what is reviewed) -> the answer
Post = Callable[[str, Mapping[str, Any]], https.Answer]


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The cluster, and the user in it; whether it may read and write the secrets that hold certificates."""
    cluster = read(kind, fields)
    secrets = {"token": cluster.token} if cluster.token else {}
    post = _poster(kind, cluster, timeout)
    user, unknown = _user(kind, secrets, post)
    if user.get("username") == _ANONYMOUS:
        raise Rejected(kind, code=_ANONYMOUS, words="the cluster does not know this user")
    where = f"secrets in the namespace {cluster.namespace}"
    may, cannot = ask(
        {
            f"deploy: {verb} {where}": _may(post, verb, cluster.namespace)
            for verb in ("get", "create", "update", "delete")
        }
    )
    groups = user.get("groups")
    detail = {
        "uid": str(user.get("uid", "")),
        "groups": ", ".join(map(str, groups)) if isinstance(groups, list) else "",
    }
    told = {label: words_of(value, secrets) for label, value in detail.items() if value}
    principal = words_of(user.get("username", ""), secrets)
    return Identity(urlsplit(cluster.server).netloc, principal, {**told, **may}, (*unknown, *cannot))


def _poster(kind: str, cluster: Cluster, timeout: float) -> Post:
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if cluster.token is not None:
        token = cluster.token.reveal().strip()
        if not token.isascii() or not token.decode("ascii").isprintable():
            raise NotVerifiable(kind, "its token has characters that a request can't carry")
        headers["Authorization"] = f"Bearer {token.decode('ascii')}"
    server = https.Server(kind, timeout, cluster.context(kind), cluster.name, cluster.proxy)

    def post(path: str, review: Mapping[str, Any]) -> https.Answer:
        body = json.dumps(review).encode()
        return server.ask(cluster.server.rstrip("/") + path, headers, method="POST", body=body)

    return post


def _user(
    kind: str, secrets: Mapping[str, SecretBytes], post: Post
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """What the cluster says of the user, and what of it the user may not know."""
    answer = post(_WHO, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    said = answer.json()
    message, code = str(said.get("message", "")), f"HTTP {answer.status}"
    if answer.status in (200, 201) and said.get("kind") == "SelfSubjectReview":
        return _mapping(_mapping(said.get("status")).get("userInfo")), ()
    if answer.status == 401 or (answer.status == 403 and _ANONYMOUS in message):
        raise Rejected(kind, code=str(said.get("reason") or code), words=words_of(message, secrets))
    if answer.status == 403 and said.get("kind") == "Status":
        return {}, ("tell who it is (create selfsubjectreviews)",)
    if answer.status == 404 and said.get("kind") == "Status":
        return {}, ("tell who it is (this cluster is older than Kubernetes 1.28)",)
    raise Inconclusive(kind, code=code, words=words_of(message, secrets))


def _may(post: Post, verb: str, namespace: str) -> Callable[[], Answer]:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"namespace": namespace, "verb": verb, "resource": "secrets"}},
    }

    def ask_for_it() -> Answer:
        try:
            answer = post(_MAY, review)
        except IdentityError:
            return Answer.UNKNOWN
        allowed = _mapping(answer.json().get("status")).get("allowed")
        if answer.status not in (200, 201) or not isinstance(allowed, bool):
            return Answer.UNKNOWN
        return Answer.ALLOWED if allowed else Answer.REFUSED

    return ask_for_it


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
