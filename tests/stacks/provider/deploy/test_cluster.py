"""A cluster is read from a credential of the kind kubernetes, or what can't be used of it is told."""

import base64
import ssl
from typing import cast

import pytest
import trustme
from urllib3.exceptions import HTTPError

from stacks.provider.deploy.cluster import Cluster, ClusterUnusable
from stacks.provider.deploy.exchange import exchange
from tests.emulators.kubernetes import Kubernetes, kubeconfig, serving
from tests.emulators.proxy import Request, Response
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.promises import CANARY

SERVER = {"server": "https://k8s.test"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"kubeconfig": kubeconfig(SERVER, {"exec": {"command": "aws"}})},
            r"a program get the token \(exec\)",
        ),
        ({"kubeconfig": kubeconfig(SERVER, {"tokenFile": "/run/token"})}, "in a file of its own"),
        ({"kubeconfig": kubeconfig(SERVER, {})}, "no token and no certificate"),
        (
            {"kubeconfig": kubeconfig({**SERVER, "insecure-skip-tls-verify": True}, {"token": CANARY})},
            "is not looked at",
        ),
        ({"kubeconfig": kubeconfig({"server": "http://k8s.test"}, {"token": CANARY})}, "not https://"),
        ({"kubeconfig": "nothing: ["}, "names no cluster and user"),
        ({"kubeconfig": "[]"}, "names no cluster and user"),
        (
            {"kubeconfig": kubeconfig(SERVER, {"client-certificate-data": "!", "client-key-data": "!"})},
            "is not base64",
        ),
        ({"server": "https://k8s.test", "token": "a\nb"}, "a request can't carry"),
    ],
)
def test_a_credential_that_can_not_be_used_is_told(fields: dict[str, str], said: str) -> None:
    with pytest.raises(ClusterUnusable, match=said) as refused:
        Cluster.read(fields)
    assert "tic creds rotate" in refused.value.hint
    assert CANARY not in f"{refused.value!r}{refused.value}"


def test_a_clients_certificate_is_presented_from_memory() -> None:
    """To a real TLS server that asks for one, under a name that is not its address."""
    authority = trustme.CA()
    client = authority.issue_cert("deployer", common_name="deployer")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("kubernetes.default.svc").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    key = client.private_key_pem.bytes().decode()
    certificate = "".join(one.bytes().decode() for one in client.cert_chain_pems)
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}

    def answer(request: Request, common_name: str) -> Response:
        return Response.json({"who": common_name})

    with serving(cast("Kubernetes", answer), context) as url:
        there = {
            "server": url,
            "certificate-authority-data": encoded(authority.cert_pem.bytes().decode()),
            "tls-server-name": "kubernetes.default.svc",
        }
        read = Cluster.read({"kubeconfig": kubeconfig(there, user)})
        assert exchange(read.connect(), "POST", f"{url}/", {}, b"{}").json() == {"who": "deployer"}
        nobody = Cluster(url, ca=read.ca, token="t", name=read.name)
        with pytest.raises((HTTPError, OSError)):
            exchange(nobody.connect(), "POST", f"{url}/", {}, b"{}")
    assert key not in repr(read)
    wrong = Cluster("https://k8s.test", certificate=certificate, key=chain("a.test").key)
    with pytest.raises(ClusterUnusable, match="do not belong together"):
        wrong.connect()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
