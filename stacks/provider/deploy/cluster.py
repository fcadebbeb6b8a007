"""A Kubernetes cluster, and a user of it, as a credential of the kind `kubernetes` names them.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/; a kubeconfig of a
credential is whole in itself, and its current context is there: that was checked when it was kept. A program
that it names to get a token is not run here.
"""

import base64
import binascii
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stacks.dns.way_out import way_out
from stacks.errors import StackError
from stacks.provider.deploy.calls import SECONDS

if TYPE_CHECKING:
    from urllib3 import PoolManager

_NEXT: Final = (
    "give it a service account's token (server, token, ca): tic creds rotate NAME; then tic stack up"
)
# What a kubeconfig can say of a user that is no token and no certificate, each with why it can't be used.
_OTHERWISE: Final = {
    "exec": "has a program get the token (exec)",
    "auth-provider": "has a program get the token (auth-provider)",
    "tokenFile": "has the token in a file of its own (tokenFile)",
    "username": "has a user name and a password, which Kubernetes takes no more",
}


class ClusterUnusable(StackError):
    """The credential names no cluster and user that can be asked; the text holds none of its secrets."""

    exit_code = 2

    def __init__(self, fault: str) -> None:
        super().__init__(f"the credential for Kubernetes {fault}", hint=_NEXT)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The server's URL, the namespace by default, and who asks: a token, or a certificate with its key (PEM).

    `ca` (PEM) is trusted alone where it is there; `name` is the one in the server's certificate, `proxy` a
    URL, where the kubeconfig says so.
    """

    server: str
    namespace: str = "default"
    ca: str | None = None
    token: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    name: str | None = None
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "Cluster":
        """From a credential's fields; raises ClusterUnusable."""
        if "kubeconfig" in fields:
            made = _current(fields["kubeconfig"])
        else:
            made = cls(fields["server"], ca=fields.get("ca"), token=fields["token"].strip())
        if not made.server.startswith("https://"):
            raise ClusterUnusable(
                "has a server that is not https://, where its token could be read on the way"
            )
        if made.token and not (made.token.isascii() and made.token.isprintable()):
            raise ClusterUnusable("has a token with characters that a request can't carry")
        return made

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of it must be told nowhere."""
        return tuple(one for one in (self.token, *(self.key or "").splitlines()) if one)

    def connect(self) -> "PoolManager":
        """The way to it. Raises ClusterUnusable, WayUnusable."""
        trusted = self._trusted() if self.ca or self.certificate else None
        return way_out(self.server, os.environ, SECONDS, trusted=trusted, name=self.name, through=self.proxy)

    def _trusted(self) -> ssl.SSLContext:
        try:
            made = ssl.create_default_context(
                cafile=None if self.ca else os.environ.get("SSL_CERT_FILE") or None, cadata=self.ca
            )
            if self.ca:  # authorities that clusters make for themselves leave out what strictness asks for
                made.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if self.certificate and self.key:
                _present(made, f"{self.certificate}\n{self.key}")
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            raise ClusterUnusable(
                "has certificates or a key that are none, or do not belong together"
            ) from None
        return made


def _current(kubeconfig: str) -> Cluster:
    """The cluster and the user of the current context."""
    import yaml

    try:
        config = yaml.load(kubeconfig, Loader=yaml.BaseLoader)  # noqa: S506  (it makes text alone)
        context = _named(config["contexts"], "context")[config["current-context"]]
        cluster = _named(config["clusters"], "cluster")[context["cluster"]]
        user = _named(config["users"], "user")[context["user"]]
        server = str(cluster["server"])
    except (yaml.YAMLError, LookupError, TypeError, AttributeError):
        raise ClusterUnusable("has a kubeconfig whose current context names no cluster and user") from None
    if cluster.get("insecure-skip-tls-verify") == "true":
        raise ClusterUnusable("has a kubeconfig by which the server's certificate is not looked at")
    certificate, key = _decoded(user, "client-certificate-data"), _decoded(user, "client-key-data")
    if not user.get("token") and not (certificate and key):
        why = (why for said, why in _OTHERWISE.items() if user.get(said))
        raise ClusterUnusable(
            f"has a kubeconfig that {next(why, 'has no token and no certificate with its key')}"
        )
    return Cluster(
        server,
        context.get("namespace") or "default",
        _decoded(cluster, "certificate-authority-data"),
        user.get("token") or None,
        certificate,
        key,
        cluster.get("tls-server-name") or None,
        cluster.get("proxy-url") or None,
    )


def _named(entries: list[dict[str, Any]], of: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry.get(of) or {} for entry in entries}


def _decoded(entry: Mapping[str, str], key: str) -> str | None:
    try:
        return (
            base64.b64decode("".join(entry[key].split()), validate=True).decode() if entry.get(key) else None
        )
    except (binascii.Error, ValueError):
        raise ClusterUnusable(f"has a kubeconfig whose {key} is not base64 of a PEM text") from None


def _present(context: ssl.SSLContext, pem: str) -> None:
    """Give a client's certificate to OpenSSL, which takes files alone: one in memory, of no folder."""
    if not hasattr(os, "memfd_create"):
        raise ClusterUnusable("is a client's certificate, which can be presented on Linux alone")
    descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "w", closefd=False) as file:
            file.write(pem)
        # a key with a password would ask for it at the terminal
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=lambda: "")
    finally:
        os.close(descriptor)
