"""A cluster tells who a token or a certificate is, and whether it may write the secrets of certificates."""

import base64
import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import trustme

from credentials.identity import Identity, Inconclusive, NotVerifiable, Rejected, Unreachable, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.kubernetes import Kubernetes, User, kubeconfig, serving, status
from tests.emulators.proxy import Clouds, Request, Response, clouds

HOST = "k8s.example.test"
TOKEN = "cAnArY.token.e5d1"
DEPLOYER = User(
    "system:serviceaccount:ci:deployer", "0b1c", ("system:serviceaccounts", "system:authenticated")
)
SECRETS = "deploy: {} secrets in the namespace default"


@pytest.fixture
def api() -> Kubernetes:
    return Kubernetes({TOKEN: DEPLOYER})


@pytest.fixture(autouse=True)
def env(monkeypatch: pytest.MonkeyPatch, api: Kubernetes) -> Iterator[Clouds]:
    with clouds({HOST: api}) as made:
        settle(monkeypatch, made)
        yield made


def ca(env: Clouds) -> str:
    return Path(env["SSL_CERT_FILE"]).read_text()


def asked(fields: Mapping[str, str]) -> Identity:
    return verify("kubernetes", secrets(fields), timeout=5)


def token_fields(env: Clouds, token: str = TOKEN) -> dict[str, str]:
    return {"server": f"https://{HOST}", "token": token, "ca": ca(env)}


def test_a_token_is_told_who_it_is_and_what_it_can(env: Clouds) -> None:  # B9
    assert asked(token_fields(env)) == Identity(
        account=HOST,
        principal="system:serviceaccount:ci:deployer",
        detail={
            "uid": "0b1c",
            "groups": "system:serviceaccounts, system:authenticated",
            "can": "; ".join(SECRETS.format(verb) for verb in ("get", "create", "update", "delete")),
        },
    )


def test_what_its_roles_do_not_allow_is_said(env: Clouds, api: Kubernetes) -> None:  # B9
    api.tokens = {TOKEN: User("reader", verbs=frozenset({"get"}))}
    assert asked(token_fields(env)).cannot == tuple(
        SECRETS.format(verb) for verb in ("create", "update", "delete")
    )


def test_a_kubeconfig_is_asked_about_in_the_namespace_of_its_context(env: Clouds, api: Kubernetes) -> None:
    cluster = {"server": f"https://{HOST}/", "certificate-authority-data": encoded(ca(env))}
    api.tokens = {TOKEN: User("reader", verbs=frozenset())}
    told = asked({"kubeconfig": kubeconfig(cluster, {"token": TOKEN}, namespace="web")})
    assert told.principal == "reader"
    assert told.cannot[0] == "deploy: get secrets in the namespace web"


def test_a_name_in_the_certificate_that_is_not_the_servers_is_taken_from_the_kubeconfig(
    api: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("kubernetes.default.svc").configure_cert(context)
    with serving(api, context) as url:
        cluster = {
            "server": url,
            "certificate-authority-data": encoded(authority.cert_pem.bytes().decode()),
            "tls-server-name": "kubernetes.default.svc",
        }
        assert asked({"kubeconfig": kubeconfig(cluster, {"token": TOKEN})}).principal == DEPLOYER.name
        del cluster["tls-server-name"]
        with pytest.raises(Unreachable, match="not trusted"):
            asked({"kubeconfig": kubeconfig(cluster, {"token": TOKEN})})


def test_a_proxy_of_the_kubeconfigs_own_is_used(env: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name)
    cluster = {
        "server": f"https://{HOST}",
        "certificate-authority-data": encoded(ca(env)),
        "proxy-url": env["HTTPS_PROXY"],
    }
    assert asked({"kubeconfig": kubeconfig(cluster, {"token": TOKEN})}).principal == DEPLOYER.name


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files in memory")
def test_a_client_certificate_is_told_who_it_is_and_stays_in_memory(tmp_path: Path) -> None:
    authority, clients = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=clients.cert_pem.bytes().decode())
    alice = clients.issue_cert(common_name="alice")
    user = {
        "client-certificate-data": encoded(alice.cert_chain_pems[0].bytes().decode()),
        "client-key-data": encoded(alice.private_key_pem.bytes().decode()),
    }
    with serving(Kubernetes({}, {"alice": User("alice")}), context) as url:
        cluster = {
            "server": url,
            "certificate-authority-data": encoded(authority.cert_pem.bytes().decode()),
        }
        assert asked({"kubeconfig": kubeconfig(cluster, user)}).principal == "alice"


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files in memory")
def test_a_certificate_that_the_cluster_does_not_know_is_nobodys() -> None:
    authority, others = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    mallory = others.issue_cert(common_name="mallory")
    user = {
        "client-certificate-data": encoded(mallory.cert_chain_pems[0].bytes().decode()),
        "client-key-data": encoded(mallory.private_key_pem.bytes().decode()),
    }
    with serving(Kubernetes({}), context) as url:
        cluster = {
            "server": url,
            "certificate-authority-data": encoded(authority.cert_pem.bytes().decode()),
        }
        with pytest.raises(Rejected, match="does not know this user"):
            asked({"kubeconfig": kubeconfig(cluster, user)})


def test_a_wrong_token_is_rejected_and_never_repeated(
    env: Clouds, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    fields = token_fields(env, "cAnArY.wrong")
    with pytest.raises(Rejected, match="Unauthorized") as caught:
        asked(fields)
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


def test_a_user_who_may_not_even_ask_who_it_is_is_right_all_the_same(env: Clouds, api: Kubernetes) -> None:
    api.tokens = {TOKEN: User("quiet", reviews_itself=False)}
    assert asked(token_fields(env)).cannot == ("tell who it is (create selfsubjectreviews)",)


def test_a_cluster_too_old_to_tell_who_asks_tells_what_it_may(env: Clouds, api: Kubernetes) -> None:
    api.before_1_28 = True
    told = asked(token_fields(env))
    assert told.cannot == ("tell who it is (this cluster is older than Kubernetes 1.28)",)
    assert "get secrets" in told.detail["can"]


def test_only_the_authority_that_the_credential_names_is_trusted(env: Clouds) -> None:
    fields = {**token_fields(env), "ca": trustme.CA().cert_pem.bytes().decode()}
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        asked(fields)
    assert env.requests == []


def test_without_an_authority_this_machines_are_trusted(env: Clouds) -> None:
    assert asked({"server": f"https://{HOST}", "token": TOKEN}).principal == DEPLOYER.name


def encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


CLUSTER = {"server": f"https://{HOST}"}
REFUSED = {
    "program": (kubeconfig(CLUSTER, {"exec": {"command": "aws"}}), r"a program get the token \(exec\)"),
    "plugin": (kubeconfig(CLUSTER, {"auth-provider": {"name": "gcp"}}), "a program get the token"),
    "file of a token": (kubeconfig(CLUSTER, {"tokenFile": "/var/run/token"}), "in a file of its own"),
    "password": (kubeconfig(CLUSTER, {"username": "a", "password": "cAnArY"}), "takes no more"),
    "nothing": (kubeconfig(CLUSTER, {}), "no token and no certificate"),
    "no TLS": (kubeconfig({**CLUSTER, "insecure-skip-tls-verify": True}, {"token": "x"}), "not looked at"),
    "plain": (kubeconfig({"server": f"http://{HOST}"}, {"token": "cAnArY"}), "can be read on the way"),
    "no base64": (
        kubeconfig({**CLUSTER, "certificate-authority-data": "!"}, {"token": "cAnArY"}),
        "not base64",
    ),
    "no certificate": (
        kubeconfig({**CLUSTER, "certificate-authority-data": "AAAA"}, {"token": "cAnArY"}),
        "certificates or key are none",
    ),
    "no key": (
        kubeconfig(CLUSTER, {"client-certificate-data": "AAAA", "client-key-data": "Y0FuQXJZ"}),
        "certificates or key are none",
    ),
    "no kubeconfig": ("cAnArY: [", "not YAML"),
    "token": (kubeconfig(CLUSTER, {"token": "cAnArY\u00e9"}), "characters that a request can't carry"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_can_not_be_asked_about_is_refused_in_words_before_anything_is_sent(
    env: Clouds, what: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    content, words = REFUSED[what]
    with pytest.raises(NotVerifiable, match=words) as caught:
        asked({"kubeconfig": content})
    assert env.requests == []
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


@pytest.mark.parametrize(
    "answer", [Response(503), status(429, "TooManyRequests", "later"), Response(200, body=b"<html>")]
)
def test_an_answer_that_says_nothing_of_the_user_is_said_to_be_that(
    monkeypatch: pytest.MonkeyPatch, answer: Response
) -> None:
    def service(_: Request) -> Response:
        return answer

    with clouds({HOST: service}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive):
            asked(token_fields(env))
