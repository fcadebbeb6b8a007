"""Six clouds' services and a folder in one stack, and a tenth of all calls fails: it converges (E2)."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from stacks.provider.deploy.baiducloud_cas import HOST as BAIDU
from stacks.provider.deploy.jdcloud_ssl import HOST as JD
from stacks.provider.deploy.volcengine_certificate_centre import HOST as VOLCANO
from tests.e2e.command import Tic
from tests.emulators import alicloud_certificates as alibaba
from tests.emulators import huaweicloud_certificates as huawei
from tests.emulators import tencentcloud_certificates as tencent
from tests.emulators.baiducloud_certificates import BaiduCloudCertificates
from tests.emulators.faults import Faulty
from tests.emulators.jdcloud_certificates import JdCloudCertificates
from tests.emulators.proxy import clouds
from tests.emulators.signing import Key
from tests.emulators.volcengine_certificates import VolcengineCertificates
from tests.stacks.provider.acme.chains import Chain, chain

pytestmark = pytest.mark.server

SEED = 20_261_122
MOST_RUNS = 12  # that a certificate may take until it is everywhere
SECRET = "cAnArY-secret-of-one"
KEY = Key("ONE", SECRET, "1", "alice")
IDS = {"tencentcloud": "secret-id"}  # of what the others call access-key
CLASSES = {
    "alicloud": "AlicloudCas",
    "baiducloud": "BaiducloudCas",
    "huaweicloud": "HuaweicloudScm",
    "jdcloud": "JdcloudSsl",
    "tencentcloud": "TencentcloudSsl",
    "volcengine": "VolcengineCertificateCentre",
}
PROGRAM = """
import json
from pathlib import Path

import pulumi
from stacks import deployments

given = json.loads(Path("given.json").read_text())
pems = {{
    "certificate_pem": given["certificate"], "chain_pem": given["chain"],
    "private_key_pem": pulumi.Output.secret(given["key"]),
}}
deployments.Directory("folder", path=str(Path("folder").absolute()), **pems)
for provider, target in {classes!r}.items():
    getattr(deployments, target)(provider, **pems)
"""


@dataclass(slots=True)
class Sky:
    """The services, the faults of each, and a project that deploys to all of them."""

    tic: Tic
    services: Mapping[str, Any]
    faults: list[Faulty]
    runs: list[int] = field(default_factory=list)

    @property
    def injected(self) -> int:
        return sum(each.count for each in self.faults)

    def begin(self, seed: int, share: float) -> None:
        for number, each in enumerate(self.faults):
            each.begin(seed + number, share)

    def issue(self, made: Chain) -> None:
        """Another certificate, which the next run deploys."""
        pems = {"certificate": made.certificate, "chain": made.intermediate, "key": made.key}
        (self.tic.folder / "given.json").write_text(json.dumps(pems))

    def converge(self, *words: str) -> None:
        """Run it until it succeeds; what has succeeded once is not done again."""
        done: set[str] = set()
        for number in range(1, MOST_RUNS + 1):
            run = self.tic("stack", *words, "dev", "--json", code=None)
            events = [json.loads(line) for line in run.out.splitlines()]
            assert run.code in (0, 1), run.err
            steps = [each for each in events if each["event"] == "step" and each["phase"] == "done"]
            changed = {each["urn"] for each in steps if each["operation"] not in ("same", "refresh")}
            again = {each for each in changed & done if "::tic:deploy/" in each}
            assert not again
            done |= changed
            assert SECRET not in run.out + run.err
            if run.code == 0:
                self.runs.append(number)
                return
            self.told(events[-1]["standings"])
        raise AssertionError(f"not there after {MOST_RUNS} runs: {run.out}")

    def told(self, standings: list[dict[str, str]]) -> None:
        """Each target has its state, and one that failed says what and what to do."""
        states = {each["name"]: each["state"] for each in standings if each["type"].startswith("tic:deploy/")}
        assert states.keys() <= {*CLASSES, "folder"}
        failed = [each for each in standings if each["state"] == "failed"]
        assert failed
        assert all(each["message"] and each["next"] for each in failed), failed
        # What depends on nothing that failed was done.
        assert {each for each, state in states.items() if state == "not tried"} == set()

    def serials(self) -> dict[str, list[int]]:
        """The certificates at each place."""
        files = (self.tic.folder / "folder").glob("cert.pem")
        kept = {
            name: [each.certificate.serial_number for each in service.store.kept.values()]
            for name, service in self.services.items()
        }
        here = [x509.load_pem_x509_certificate(each.read_bytes()).serial_number for each in files]
        return {**kept, "folder": here}


@contextmanager
def sky(folder: Path) -> Iterator[Sky]:
    """The stack `dev`, never run, bound to a key of each cloud."""
    work = folder / "shop"
    work.mkdir()
    services: dict[str, Any] = {
        "alicloud": alibaba.AlibabaCertificates([KEY]),
        "baiducloud": BaiduCloudCertificates([KEY]),
        "huaweicloud": huawei.HuaweiCertificates([KEY]),
        "jdcloud": JdCloudCertificates([KEY]),
        "tencentcloud": tencent.TencentCertificates([KEY]),
        "volcengine": VolcengineCertificates([KEY]),
    }
    faulty = {name: Faulty(service) for name, service in services.items()}
    hosts = {
        alibaba.HOST: faulty["alicloud"],
        BAIDU: faulty["baiducloud"],
        huawei.HOST: faulty["huaweicloud"],
        huawei.IAM: faulty["huaweicloud"],
        JD: faulty["jdcloud"],
        tencent.HOST: faulty["tencentcloud"],
        VOLCANO: faulty["volcengine"],
    }
    with clouds(hosts) as env:
        tic = Tic(folder / "home", work, dict(env))
        tic("vault", "init")
        for kind in services:
            key = IDS.get(kind, "access-key")
            public = ("--field", f"{key}={KEY.id}", "--secrets-from", "-")
            tic("creds", "new", kind, "--provider", kind, *public, stdin=json.dumps({"secret-key": SECRET}))
        (work / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (work / "__main__.py").write_text(PROGRAM.format(classes=CLASSES))
        tic("stack", "new", "dev", *(word for kind in services for word in ("--provider", kind)))
        yield Sky(tic, services, list(faulty.values()))


def everywhere(serials: list[int]) -> dict[str, list[int]]:
    """These certificates, and no others, at each place."""
    return dict.fromkeys((*CLASSES, "folder"), serials)


def converges(folder: Path, certificates: int) -> None:
    """Deploy that many, one after another, then destroy; each comes everywhere, and nothing is left."""
    with sky(folder) as made:
        for number in range(1, certificates + 1):
            made.begin(SEED + 10 * number, 0.1)
            made.issue(chain("shop.test", serial=number))
            made.converge("up")
            assert made.serials() == everywhere([number])
        made.converge("destroy", "--yes")
        assert made.serials() == everywhere([])
        told = (
            f"seed {SEED}: {certificates} certificates at 6 services and a folder, {made.injected} faults, "
            f"{sum(made.runs)} runs, at most {max(made.runs)} until all was there"
        )
        print(f"\n{told}")  # noqa: T201 - the proof's figures


def test_with_a_tenth_of_all_calls_failing_all_targets_converge(tmp_path: Path) -> None:
    converges(tmp_path, 1)


@pytest.mark.soak
def test_twenty_certificates_converge_in_the_same_way(tmp_path: Path) -> None:
    converges(tmp_path, 20)
