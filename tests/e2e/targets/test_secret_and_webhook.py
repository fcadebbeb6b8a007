"""A stack that deploys to a cluster and tells a receiver, with credentials of the vault."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.command import Tic
from tests.emulators.kubernetes import User
from tests.emulators.kubernetes_secrets import KubernetesSecrets
from tests.emulators.proxy import clouds
from tests.emulators.webhook_receiver import Receiver
from tests.stacks.provider.acme.chains import Chain, chain

pytestmark = pytest.mark.server

CLUSTER, HOOKS = "k8s.example.test", "hooks.example.test"
TOKEN = "cAnArY.token.of.the.cluster"
SECRET = "whsec_cAnArYcAnArYcAnArYcAnArYcAnArYcAnArYcAnA"
DEPLOYER = User("system:serviceaccount:web:tic")
PROGRAM = f"""
import json
from pathlib import Path

import pulumi
from stacks.deployments import KubernetesSecret, Webhook

given = json.loads(Path("given.json").read_text())
material = dict(
    certificate_pem=given["certificate"],
    chain_pem=given["chain"],
    private_key_pem=pulumi.Output.secret(given["key"]),
)
secret = KubernetesSecret("site", namespace="web", **material)
told = Webhook("told", url="https://{HOOKS}/certificates", announce_removal=True, **material)
pulumi.export("secret", secret.secret)
pulumi.export("message", told.message_id)
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A stack bound to a cluster and a receiver."""

    tic: Tic
    cluster: KubernetesSecrets
    receiver: Receiver

    def issue(self, serial: int) -> Chain:
        """Another certificate, which the next run deploys."""
        made = chain("shop.test", serial=serial)
        pems = {"certificate": made.certificate, "chain": made.intermediate, "key": made.key}
        (self.tic.folder / "given.json").write_text(json.dumps(pems))
        return made

    def new(self, kind: str, secret: dict[str, str], *public: str) -> None:
        """A credential of this kind, for the stack."""
        fields = [word for each in public for word in ("--field", each)]
        given = ("--provider", kind, *fields, "--secrets-from", "-")
        self.tic("creds", "new", kind, *given, stdin=json.dumps(secret))
        self.tic("stack", "bind", "dev", kind)

    def served(self) -> str:
        """The certificates in the Secret."""
        return base64.b64decode(self.cluster.kept["web", "site"]["data"]["tls.crt"]).decode()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    cluster, receiver = KubernetesSecrets({TOKEN: DEPLOYER}, {"web"}), Receiver(SECRET)
    with clouds({CLUSTER: cluster, HOOKS: receiver}) as env:
        tic = Tic(tmp_path / "home", folder, dict(env))
        tic("vault", "init")
        tic("stack", "new", "dev")
        made = Project(tic, cluster, receiver)
        made.new("kubernetes", {"token": TOKEN}, f"server=https://{CLUSTER}")
        made.new("webhook", {"secret": SECRET})
        yield made
        assert env.refused == []


def test_a_renewal_reaches_both_in_place_and_a_destroy_removes_them(project: Project) -> None:
    """E2, E4."""
    tic, first = project.tic, project.issue(0x11)
    tic("stack", "up", "dev")
    assert project.served() == first.certificate + first.intermediate
    uid = project.cluster.kept["web", "site"]["metadata"]["uid"]
    assert tic("stack", "outputs", "dev", "--json").json()["secret"] == "web/site"
    second = project.issue(0x12)
    tic("stack", "up", "dev")
    assert project.served() == second.certificate + second.intermediate
    assert project.cluster.kept["web", "site"]["metadata"]["uid"] == uid
    assert project.receiver.told == [("certificate.deployed", "11"), ("certificate.deployed", "12")]
    again = tic("stack", "up", "dev")
    assert "update" not in again.err
    assert len(project.receiver.seen) == 2
    project.cluster.touch("web", "site", data={"tls.crt": "", "tls.key": ""})
    assert "KubernetesSecret" in tic("stack", "refresh", "dev").err
    tic("stack", "up", "dev")
    assert project.served() == second.certificate + second.intermediate
    tic("stack", "destroy", "dev", "--yes")
    assert project.cluster.kept == {}
    assert project.receiver.told[-1] == ("certificate.removed", "12")
    lines = [*first.key.splitlines()[1:-1], *second.key.splitlines()[1:-1]]
    kept = b"".join(each.read_bytes() for each in tic.home.rglob("*") if each.is_file())
    assert [secret for secret in (TOKEN, SECRET, *lines) if secret.encode() in kept] == []


def test_a_role_that_lacks_a_permission_is_told_what_to_grant(project: Project) -> None:
    """B9."""
    project.issue(0x11)
    project.cluster.denied = frozenset({"create secrets"})
    failed = project.tic("stack", "up", "dev", code=1).err
    assert "Kubernetes refuses create secrets: 403 Forbidden" in failed
    assert "tic creds privileges kubernetes --for deploy --format policy" in failed
    assert project.receiver.told == [("certificate.deployed", "11")]
    project.cluster.denied = frozenset()
    project.tic("stack", "up", "dev")
    assert len(project.receiver.seen) == 1
    assert set(project.cluster.kept) == {("web", "site")}
