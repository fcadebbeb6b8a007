"""A certificate in a Kubernetes Secret: its own ways, besides what every target in place promises."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from credentials import privileges
from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.bundle import bundle
from stacks.provider.deploy.kubernetes_api import CREATE, DELETE, UPDATE
from stacks.provider.deploy.kubernetes_secret import OWNER, TYPE, KubernetesSecret
from stacks.provider.properties import Change
from tests.emulators.kubernetes import User, kubeconfig
from tests.emulators.kubernetes_secrets import KubernetesSecrets
from tests.emulators.proxy import Request, Response
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.deploy.placed import Placed, placed
from tests.stacks.provider.deploy.promises import CANARY, Named, Promises, renewal

HOST = "k8s.example.test"
DEPLOYER = User("system:serviceaccount:web:tic")
SITE = ("default", "site")


@dataclass(slots=True)
class AtCluster:
    cluster: KubernetesSecrets
    place: Placed

    def has(self) -> dict[str, str]:
        return {id_of(one): self.cluster.sha256(one) for one in self.cluster.kept.values()}

    def put(self, made: Chain) -> str:
        data = {"tls.crt": (made.certificate + made.intermediate).encode(), "tls.key": made.key.encode()}
        return id_of(self.cluster.put("default", f"theirs-{len(self.cluster.kept)}", data))

    def swap(self, id_: str, made: Chain) -> None:
        self.write(id_, **{"tls.crt": made.certificate + made.intermediate, "tls.key": made.key})

    def write(self, id_: str, **data: str) -> None:
        """Let another client put this into it."""
        where = (id_.split("/")[0], id_.split("/")[1])
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.cluster.touch(*where, data={**self.cluster.kept[where]["data"], **encoded})

    def lose(self, id_: str) -> None:
        del self.cluster.kept[id_.split("/")[0], id_.split("/")[1]]

    def deny(self, *actions: str) -> None:
        self.cluster.denied = frozenset(actions)

    def taken(self) -> list[str]:
        return self.cluster.taken()


def id_of(secret: dict[str, Any]) -> str:
    metadata = secret["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}/{metadata['uid']}"


def text(secret: dict[str, Any], key: str) -> str:
    return base64.b64decode(secret["data"][key]).decode()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[AtCluster]:
    cluster = KubernetesSecrets({CANARY: DEPLOYER})
    with placed(monkeypatch, KubernetesSecret(), cluster, (HOST,)) as place:
        place.bind(server=f"https://{HOST}", token=CANARY, ca=Path(place.env["SSL_CERT_FILE"]).read_text())
        yield AtCluster(cluster, place)


class TestKubernetesSecret(Promises, Named):
    WRITE = CREATE
    DELETE = DELETE


def test_it_is_a_tls_secret_with_the_whole_chain_and_an_owner(at: AtCluster) -> None:  # E2
    made = chain("a.test")
    state = at.place.up(made)
    secret = at.cluster.kept[SITE]
    assert (secret["type"], state["secret"]) == (TYPE, "default/site")
    assert text(secret, "tls.crt") == made.certificate + made.intermediate
    sent = bundle(
        {"certificatePem": made.certificate, "chainPem": made.intermediate, "privateKeyPem": made.key}, ""
    )
    assert text(secret, "tls.key") == sent.private_key_pem
    assert secret["metadata"]["annotations"] == {OWNER: "proj/dev/site"}
    assert secret["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "tic"}
    assert at.cluster.managers == ["tic"]


def test_what_others_put_into_it_stays(at: AtCluster) -> None:
    at.place.up(chain("a.test"))
    at.write(at.place.id, **{"ca.crt": "theirs"})
    at.cluster.touch(
        *SITE, metadata={"labels": {"team": "web"}, "annotations": {"x/y": "z", OWNER: "proj/dev/site"}}
    )
    state = at.place.up(renewal(2))
    secret = at.cluster.kept[SITE]
    assert at.has() == {at.place.id: state["fingerprint"]}
    assert text(secret, "ca.crt") == "theirs"
    assert secret["metadata"]["labels"] == {"team": "web"}
    assert secret["metadata"]["annotations"]["x/y"] == "z"
    with pytest.raises(StackError, match=r"it holds ca\.crt as well") as stays:
        at.place.destroy()
    assert "kubectl delete secret -n default site" in stays.value.hint
    del secret["data"]["ca.crt"]
    at.place.destroy()
    assert at.has() == {}


def test_a_name_that_somebody_else_has_is_not_taken(at: AtCluster) -> None:
    theirs = at.put(chain("theirs.test"))
    before = at.has()
    with pytest.raises(StackError, match="did not put there") as refused:
        at.place.up(chain("a.test"), secretName="theirs-0")
    assert refused.value.exit_code == 3
    assert at.has() == before
    annotate = f"kubectl annotate secret -n default theirs-0 {OWNER}=proj/dev/site --overwrite"
    assert annotate in refused.value.hint
    at.cluster.touch("default", "theirs-0", metadata={"annotations": {OWNER: "proj/dev/site"}})
    state = at.place.up(chain("a.test"), secretName="theirs-0")
    assert at.has() == {theirs: state["fingerprint"]}


def test_one_that_somebody_made_anew_under_its_name_is_theirs(at: AtCluster) -> None:
    made = chain("a.test")
    at.place.up(made)
    gone = at.place.state
    at.lose(at.place.id)
    data = {"tls.crt": made.certificate.encode(), "tls.key": made.key.encode()}
    theirs = id_of(at.cluster.put(*SITE, data))
    with pytest.raises(StackError, match="did not put there"):
        at.place.up(renewal(2))
    at.place.destroy()
    assert set(at.has()) == {theirs}
    at.place.state = gone
    assert at.place.refresh() is None


def test_another_key_or_chain_beside_the_same_certificate_is_seen(at: AtCluster) -> None:
    made = chain("a.test")
    at.place.up(made)
    at.write(at.place.id, **{"tls.key": chain("a.test").key})
    seen = at.place.refresh()
    assert seen is not None
    assert seen["drift"].endswith("with another chain or key")
    at.place.up(made)
    assert text(at.cluster.kept[SITE], "tls.key").split() == made.key.split()
    at.write(at.place.id, **{"tls.crt": "nothing"})
    seen = at.place.refresh()
    assert seen is not None
    assert seen["drift"] == "what is no certificate"
    at.place.up(made)
    assert at.place.diff(made) == {}


def test_what_is_written_at_the_same_moment_is_not_lost(at: AtCluster) -> None:
    """A write of somebody else between what is read and what is written: resourceVersion."""
    at.place.up(chain("a.test"))
    at.cluster.meanwhile += [lambda: at.cluster.touch(*SITE, metadata={"labels": {"late": "yes"}})]
    at.taken()
    state = at.place.up(renewal(2))
    assert at.taken().count(UPDATE) == 2
    assert at.cluster.kept[SITE]["metadata"]["labels"] == {"late": "yes"}
    assert at.has() == {at.place.id: state["fingerprint"]}
    at.cluster.meanwhile += [lambda: at.write(at.place.id, **{"ca.crt": "theirs"})]
    with pytest.raises(StackError, match=r"it holds ca\.crt as well"):
        at.place.destroy()
    assert set(at.has()) == {at.place.id}


def test_a_write_that_never_comes_through_is_told(at: AtCluster) -> None:
    at.place.up(chain("a.test"))

    def always(request: Request) -> Response:
        if request.method == "PUT":
            at.cluster.touch(*SITE)
        return at.cluster(request)

    at.place.faults.cloud = always
    with pytest.raises(StackError, match="409 Conflict Operation cannot be fulfilled"):
        at.place.up(renewal(2))


def test_a_secret_that_is_made_at_the_same_moment_is_looked_at(at: AtCluster) -> None:
    made = chain("a.test")

    def first(request: Request) -> Response:
        if request.method == "POST":
            at.cluster.kept.setdefault(SITE, at.cluster.put(*SITE, {"tls.crt": b"", "tls.key": b""}))
        return at.cluster(request)

    at.place.faults.cloud = first
    with pytest.raises(StackError, match="did not put there"):
        at.place.up(made)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"immutable": True}, "was made immutable"),
        ({"type": "Opaque"}, "is of the type Opaque"),
        (
            {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x/y"]}},
            "is being deleted, and waits for x/y",
        ),
    ],
)
def test_what_can_not_be_written_is_told_before_it_is_tried(
    at: AtCluster, changes: dict[str, Any], said: str
) -> None:
    at.place.up(chain("a.test"))
    at.cluster.touch(*SITE, **changes)
    at.taken()
    with pytest.raises(StackError, match=said) as refused:
        at.place.up(renewal(2))
    assert "kubectl" in refused.value.hint
    assert UPDATE not in at.taken()


def test_the_namespace_is_the_one_that_is_given_or_the_kubeconfigs(at: AtCluster) -> None:
    at.cluster.namespaces |= {"web", "shop"}
    ca = base64.b64encode(Path(at.place.env["SSL_CERT_FILE"]).read_bytes()).decode()
    cluster = {"server": f"https://{HOST}/", "certificate-authority-data": ca}
    at.place.bind(kubeconfig=kubeconfig(cluster, {"token": CANARY}, namespace="web"))
    made = chain("a.test")
    at.place.up(made)
    assert set(at.cluster.kept) == {("web", "site")}
    assert at.place.diff(made, namespace="web", secretName="site") == {
        "namespace": Change.UPDATE,
        "secretName": Change.UPDATE,
    }
    assert at.place.diff(made, namespace="shop") == {"namespace": Change.REPLACE}
    at.place.up(made, namespace="web", secretName="site")
    assert at.place.diff(made) == {"namespace": Change.UPDATE, "secretName": Change.UPDATE}
    at.place.lose()
    at.place.up(made, namespace="shop", secretName="site.tls")
    assert set(at.cluster.kept) == {("web", "site"), ("shop", "site.tls")}


def test_a_namespace_that_is_not_there_is_told(at: AtCluster) -> None:
    with pytest.raises(StackError, match='namespaces "web" not found') as refused:
        at.place.up(chain("a.test"), namespace="web")
    assert "kubectl create namespace web" in refused.value.hint


def test_a_role_that_lacks_the_permission_to_update_is_named(at: AtCluster) -> None:  # B9
    at.place.up(chain("a.test"))
    at.deny(UPDATE)
    with pytest.raises(StackError, match="Kubernetes refuses update secrets: 403 Forbidden") as refused:
        at.place.up(renewal(2))
    assert "tic creds privileges kubernetes --for deploy" in refused.value.hint


def test_a_quota_is_no_missing_permission(at: AtCluster) -> None:
    def full(request: Request) -> Response:
        said = 'secrets "site" is forbidden: exceeded quota: objects, requested: count/secrets=1'
        if request.method == "POST":
            return Response.json({"kind": "Status", "reason": "Forbidden", "message": said, "code": 403}, 403)
        return at.cluster(request)

    at.place.faults.cloud = full
    with pytest.raises(StackError, match="exceeded quota") as refused:
        at.place.up(chain("a.test"))
    assert "privileges" not in refused.value.hint


def test_a_cluster_that_is_busy_is_waited_for(at: AtCluster) -> None:
    at.cluster.busy = 2
    at.place.up(chain("a.test"))
    at.cluster.busy = 10
    with pytest.raises(StackError, match="429 TooManyRequests") as refused:
        at.place.up(renewal(2))
    assert "wait until" in refused.value.hint


def test_a_token_that_the_cluster_does_not_know_is_told(at: AtCluster) -> None:
    at.place.bind(server=f"https://{HOST}", token="of-somebody-else")
    with pytest.raises(StackError, match="401 Unauthorized") as refused:
        at.place.up(chain("a.test"))
    assert "tic creds rotate" in refused.value.hint
    assert "of-somebody-else" not in at.place.failures[0]


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"<html>portal</html>", b'{"kind": "Secret", "metadata": 7}']
)
@pytest.mark.parametrize("status", [200, 403])
def test_an_answer_that_is_none_of_a_clusters_is_told(at: AtCluster, body: bytes, status: int) -> None:
    at.place.faults.cloud = lambda request: Response(status, {"content-type": "text/html"}, body)
    with pytest.raises(StackError, match="none of Kubernetes's answers"):
        at.place.up(chain("a.test"))


def test_a_server_of_another_authority_gets_nothing(at: AtCluster) -> None:
    at.place.bind(server=f"https://{HOST}", token=CANARY, ca=trustme.CA().cert_pem.bytes().decode())
    with pytest.raises(StackError, match="its certificate is not trusted here"):
        at.place.up(chain("a.test"))
    assert at.place.env.requests == []


def test_another_cluster_gets_it_and_the_former_one_loses_it(at: AtCluster) -> None:
    made = chain("a.test")
    at.place.up(made)
    other = KubernetesSecrets({"of-other": DEPLOYER}, first=5000)
    at.place.faults.cloud = lambda request: (
        other(request) if request.headers["authorization"].endswith("of-other") else at.cluster(request)
    )
    fields = {"server": f"https://{HOST}", "token": "of-other"}
    at.place.broker.credentials["other"] = OpenedFields("kubernetes", fields)
    at.place.up(made, credential="other")
    assert (len(other.kept), at.has()) == (1, {})
    at.place.up(made)
    assert (len(other.kept), len(at.has())) == (0, 1)


def test_another_credential_of_the_same_cluster_changes_nothing(at: AtCluster) -> None:
    made = chain("a.test")
    at.place.up(made)
    before = at.has()
    at.place.broker.credentials["again"] = at.place.broker.credentials["kubernetes"]
    at.place.up(made, credential="again")
    assert at.has() == before


def test_a_resource_of_any_name_has_a_secret_of_a_name_that_fits(at: AtCluster) -> None:
    for name in ("My Site!", "___", "x" * 100):
        at.place.another(name).up(chain("a.test"))
    assert {name for _, name in at.cluster.kept} == {"my-site", "certificate", "x" * 63}


@pytest.mark.parametrize("given", ["Web", "a_b", "-a", "a" * 64, "a.b"])
def test_a_namespace_that_is_none_is_refused(given: str) -> None:
    failures = KubernetesSecret().check({"namespace": given}).failures
    assert [each.path for each in failures if each.path == "namespace"]


@pytest.mark.parametrize("given", ["Web", "a_b", "a.", ".a", "a" * 254, "a/b"])
def test_a_secrets_name_that_is_none_is_refused(given: str) -> None:
    failures = KubernetesSecret().check({"secretName": given}).failures
    assert [each.path for each in failures if each.path == "secretName"]


def test_what_is_called_is_what_the_role_grants(at: AtCluster) -> None:  # B9
    at.place.up(chain("a.test"))
    at.place.up(renewal(2))
    at.place.refresh()
    at.place.destroy()
    assert set(at.taken()) == set(privileges.load("kubernetes").purposes["deploy"].privileges)
