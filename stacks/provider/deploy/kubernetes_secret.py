"""tic:deploy/kubernetesSecret:KubernetesSecret: a certificate in a Secret, as ingresses and gateways take it.

https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets: `tls.crt` has the certificate and its
chain, `tls.key` the key. Whose a Secret is stands in an annotation. It is written as it was read
(`resourceVersion`), so what others put into it, or change meanwhile, stays; it is known by its uid, so one
that somebody made anew under the name is no longer this stack's.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.bundle import Bundle, fingerprint
from stacks.provider.deploy.calls import Refused
from stacks.provider.deploy.key_form import telling_lines
from stacks.provider.deploy.kubernetes_api import CONFLICT, EXISTS, MANAGER, Object, Secrets
from stacks.provider.deploy.owner import owner
from stacks.provider.deploy.stored import Found, Stays, StoredCertificate
from stacks.provider.properties import Change, Kind, Output, Property
from stacks.provider.properties import Refused as BadValue
from stacks.provider.resource import Values
from stacks.provider.run import Operation

T = TypeVar("T")

TYPE: Final = "kubernetes.io/tls"
CERTIFICATE, KEY = "tls.crt", "tls.key"
OWNER: Final = "tic/owner"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_TRIES: Final = 5  # of a write, each after somebody else's came between


def namespace(given: str) -> str:
    """A namespace's name (RFC 1123, one label)."""
    if not re.fullmatch(_LABEL, given):
        raise BadValue("must be 1 to 63 small letters, digits and hyphens, with no hyphen at an end")
    return given


def secret_name(given: str) -> str:
    """A Secret's name (RFC 1123, labels with dots between)."""
    if len(given) > 253 or not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", given):
        raise BadValue("must be small letters, digits, hyphens and dots, as a host's name: web-tls")
    return given


class NotOurs(StackError):
    """A Secret of this name is somebody else's."""

    exit_code = 3


class Owned:
    """The Secrets of a cluster, as one deployment of this `owner` may touch them."""

    def __init__(self, secrets: Secrets, owner: str) -> None:
        self.secrets = secrets
        self.owner = owner

    def put(self, namespace: str, name: str, sent: Bundle) -> Found:
        """Make it, or write it anew where it is this deployment's."""
        data = {CERTIFICATE: _encoded(sent.fullchain_pem), KEY: _encoded(sent.private_key_pem)}

        def write() -> Object:
            there = self.secrets.read(namespace, name)
            if there is None:
                return self.secrets.create(namespace, self._new(name, data))
            self._check(namespace, there)
            if there.get("data", {}).items() >= data.items():
                return there
            return self.secrets.replace(namespace, {**there, "data": {**there.get("data", {}), **data}})

        written = _again(write)
        return Found(f"{namespace}/{name}/{written['metadata']['uid']}", sent.fingerprint)

    def find(self, id_: str) -> Object | None:
        """The Secret with this id, or None where it is gone, or another one has its name."""
        namespace, name, uid = id_.split("/")
        found = self.secrets.read(namespace, name)
        if found is None or found["metadata"]["uid"] != uid or not self._owns(found):
            return None
        return found

    def remove(self, id_: str) -> None:
        """Delete it; raises Stays where somebody else's data would go with it."""
        namespace, name, _ = id_.split("/")

        def delete() -> None:
            if (found := self.find(id_)) is None:
                return
            if others := sorted(found.get("data", {}).keys() - {CERTIFICATE, KEY}):
                raise Stays(
                    f"the secret {namespace}/{name} stays: it holds {', '.join(others)} as well, which "
                    "somebody else put there",
                    hint=f"take that out of it, or delete it yourself: kubectl delete secret -n {namespace} "
                    f"{name}; then run the command again",
                )
            self.secrets.delete(namespace, found)

        _again(delete)

    def _new(self, name: str, data: dict[str, str]) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": TYPE,
            "metadata": {"name": name, "annotations": {OWNER: self.owner}, "labels": {MANAGED_BY: MANAGER}},
            "data": data,
        }

    def _owns(self, secret: Object) -> bool:
        return bool(secret["metadata"].get("annotations", {}).get(OWNER) == self.owner)

    def _check(self, namespace: str, secret: Object) -> None:
        """Raise StackError unless this deployment may write it, and anybody can."""
        name, again = secret["metadata"]["name"], "then tic stack up"
        if not self._owns(secret):
            raise NotOurs(
                f"the cluster has a secret {namespace}/{name} that this deployment did not put there",
                hint=f"give the deployment another `secretName`; or let it have that one: kubectl annotate "
                f"secret -n {namespace} {name} {OWNER}={self.owner} --overwrite; {again}",
            )
        delete = f"kubectl delete secret -n {namespace} {name}"
        if secret.get("type") != TYPE:
            raise StackError(
                f"the secret {namespace}/{name} is of the type {secret.get('type')}, which nobody can change "
                f"to {TYPE}",
                hint=f"delete it: {delete}; {again}, which makes it anew",
            )
        if secret.get("immutable") is True:
            raise StackError(
                f"the secret {namespace}/{name} was made immutable: nobody can put another certificate in it",
                hint=f"delete it: {delete}; {again}, which makes it anew",
            )
        if secret["metadata"].get("deletionTimestamp"):
            waits = ", ".join(map(str, secret["metadata"].get("finalizers") or ())) or "the cluster"
            raise StackError(
                f"the secret {namespace}/{name} is being deleted, and waits for {waits}",
                hint=f"see that it goes: kubectl get secret -n {namespace} {name}; {again}",
            )


class KubernetesSecret(StoredCertificate[Owned]):
    """In place, always."""

    token = "tic:deploy/kubernetesSecret:KubernetesSecret"  # noqa: S105  (a type token)
    kind = "kubernetes"
    label = "Kubernetes"
    description = (
        "A certificate in a Kubernetes Secret of the type kubernetes.io/tls, with its chain and its key. A "
        "renewed one takes its place; labels, annotations and data of others stay."
    )
    own_inputs = (
        Property(
            "namespace",
            Kind.STRING,
            "The namespace, which must be there; by default the one of the credential's kubeconfig, else "
            "`default`.",
            rule=namespace,
        ),
        Property(
            "secretName",
            Kind.STRING,
            "The Secret's name; by default it is made of the resource's name.",
            rule=secret_name,
        ),
    )
    own_outputs = (
        Output("secret", Kind.STRING, "Where the Secret is: its namespace and name, as web/site."),
    )

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Owned:
        """With a token, or a kubeconfig that has a token or a client's certificate."""
        telling = telling_lines(inputs.get("privateKeyPem"))
        return Owned(Secrets(operation, account, self.label, *telling), owner(operation.urn))

    def diff(
        self, operation: Operation, state: Values, inputs: Values, ignored: Iterable[str]
    ) -> dict[str, Change]:
        """A namespace or name that is given, or no longer given, may be the same one still."""
        changes = super().diff(operation, state, inputs, ignored)
        where = state["certificateId"].split("/")
        for each, has in zip(("namespace", "secretName"), where, strict=False):
            if each in changes and inputs.get(each) in (None, has):
                changes[each] = Change.UPDATE
        return changes

    def upload(self, service: Owned, inputs: Values, sent: Bundle, name: str) -> Found:
        """Under its name, unless somebody else has that."""
        where = inputs.get("namespace") or service.secrets.cluster.namespace
        return service.put(where, inputs.get("secretName") or _default_name(service.owner), sent)

    def replace(self, service: Owned, state: Values, inputs: Values, sent: Bundle) -> Found | None:
        """In the same Secret; where that is gone there is another one of its name then."""
        where, name, _ = state["certificateId"].split("/")
        return service.put(where, name, sent)

    def find(self, service: Owned, state: Values, id_: str) -> Found | None:
        """What is in it; with another chain or key it is not what was sent."""
        found = service.find(id_)
        return None if found is None else Found(id_, _told(found, state))

    def remove(self, service: Owned, state: Values, id_: str) -> None:
        """Delete it."""
        service.remove(id_)

    def told(self, service: Owned, inputs: Values, found: Found) -> dict[str, Any]:
        """Where it is."""
        return {"secret": found.id.rpartition("/")[0]}


def _default_name(owner: str) -> str:
    own = re.sub(r"[^a-z0-9-]+", "-", owner.rpartition("/")[2].lower())[:63].strip("-")
    return own or "certificate"


def _again(act: Callable[[], T]) -> T:
    """Do it anew, from what is there then, while others write the same Secret."""
    for _ in range(_TRIES - 1):
        try:
            return act()
        except Refused as refused:
            if refused.code not in (EXISTS, CONFLICT):
                raise
    return act()


def _told(secret: Object, state: Values) -> str:
    """The fingerprint, where the Secret holds what the state has; else words that tell what it holds."""
    certificate, key = (_decoded(secret.get("data", {}).get(each, "")) for each in (CERTIFICATE, KEY))
    try:
        leaf = fingerprint(certificate)
    except ValueError:
        return "what is no certificate"
    whole = f"{state['certificatePem']}{state.get('chainPem') or ''}"
    if leaf == state["fingerprint"] and (_bare(certificate), _bare(key)) != (
        _bare(whole),
        _bare(state["privateKeyPem"]),
    ):
        return f"{leaf} with another chain or key"
    return leaf


def _bare(pem: str) -> str:
    return "".join(pem.split())


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data).decode()
    except (binascii.Error, ValueError):
        return ""
