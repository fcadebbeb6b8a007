"""A Kubernetes cluster and a user of it, as a credential names them."""

import base64
import binascii
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from credentials.errors import CredentialError
from credentials.files import kubeconfig
from credentials.identity.errors import NotVerifiable
from credentials.identity.network import ca_file
from credentials.secret import SecretBytes

# What a kubeconfig can say of a user that can't be asked for, each with why.
_OTHERWISE: Final = {
    "exec": "its kubeconfig has a program get the token (exec)",
    "auth-provider": "its kubeconfig has a program get the token (auth-provider)",
    "tokenFile": "its kubeconfig has the token in a file of its own (tokenFile)",
    "username": "its kubeconfig has a user name and a password, which Kubernetes takes no more",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """The server's URL; `ca` in PEM; a token, or a client's `certificate` and `key` in PEM; the namespace.

    `name` is the one in the server's certificate, `proxy` a URL, where the kubeconfig says so.
    """

    server: str
    ca: bytes | None
    token: SecretBytes | None
    certificate: SecretBytes | None = None
    key: SecretBytes | None = None
    namespace: str = "default"
    name: str | None = None
    proxy: str | None = None

    def context(self, kind: str) -> ssl.SSLContext:
        """TLS that trusts the cluster's authority alone, or those of this machine where it names none."""
        try:
            made = ssl.create_default_context(
                cafile=None if self.ca else ca_file(), cadata=self.ca.decode() if self.ca else None
            )
            if self.ca:  # authorities that clusters make for themselves leave out what strictness asks for
                made.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if self.certificate and self.key:
                _present(kind, made, self.certificate, self.key)
        except (ssl.SSLError, UnicodeDecodeError, ValueError):
            raise NotVerifiable(kind, "its certificates or key are none, or do not belong together") from None
        return made


def read(kind: str, fields: Mapping[str, SecretBytes]) -> Cluster:
    """The cluster and the user of the fields; raises NotVerifiable for a user that can't be asked for."""
    if "kubeconfig" not in fields:
        ca = fields["ca"].reveal() if "ca" in fields else None
        return Cluster(fields["server"].reveal().decode(), ca, fields["token"])
    content = fields["kubeconfig"].reveal()
    try:
        kubeconfig.check(content)
    except CredentialError as error:
        raise NotVerifiable(kind, str(error)) from None
    return _current(kind, content)


def _current(kind: str, content: bytes) -> Cluster:
    import yaml

    config = yaml.load(content.decode(), Loader=yaml.BaseLoader)  # noqa: S506 - it makes text alone
    context = _named(config["contexts"], "context")[config["current-context"]]
    cluster = _named(config["clusters"], "cluster")[context["cluster"]]
    user = _named(config["users"], "user")[context["user"]]
    if cluster.get("insecure-skip-tls-verify") == "true":
        raise NotVerifiable(kind, "its kubeconfig has the server's certificate not looked at")
    token = user.get("token")
    certificate, key = user.get("client-certificate-data"), user.get("client-key-data")
    if not token and not (certificate and key):
        found = (why for said, why in _OTHERWISE.items() if user.get(said))
        raise NotVerifiable(kind, next(found, "its kubeconfig has no token and no certificate with its key"))
    return Cluster(
        server=cluster["server"],
        ca=_decoded(kind, cluster.get("certificate-authority-data")),
        token=SecretBytes(token.encode()) if token else None,
        certificate=_secret(_decoded(kind, certificate)),
        key=_secret(_decoded(kind, key)),
        namespace=context.get("namespace") or "default",
        name=cluster.get("tls-server-name") or None,
        proxy=cluster.get("proxy-url") or None,
    )


def _named(entries: list[dict[str, Any]], of: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry.get(of) or {} for entry in entries}


def _decoded(kind: str, data: str | None) -> bytes | None:
    try:
        return base64.b64decode("".join(data.split()), validate=True) if data else None
    except (binascii.Error, ValueError):
        raise NotVerifiable(kind, "its kubeconfig has a certificate or key that is not base64") from None


def _secret(value: bytes | None) -> SecretBytes | None:
    return SecretBytes(value) if value else None


def _present(kind: str, context: ssl.SSLContext, certificate: SecretBytes, key: SecretBytes) -> None:
    """Give the client's certificate to OpenSSL, which takes files alone: one in memory, of no folder."""
    if not hasattr(os, "memfd_create"):
        raise NotVerifiable(kind, "a client certificate can be presented on Linux alone")
    descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(certificate.reveal() + b"\n" + key.reveal())
        # a key with a password would ask for it at the terminal
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=lambda: "")
    finally:
        os.close(descriptor)
