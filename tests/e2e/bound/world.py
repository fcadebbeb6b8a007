"""Real programs with the real SDKs: stand-in plugins, emulated clouds, and keys that nobody bound.

The user's home and shell are full of credentials of their own (`STRAY`), and so is the vault; each key says
whose it is, and the clouds note every key that signs a call.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Said
from tests.cli.command import Tic as InProcess
from tests.e2e.command import Tic
from tests.emulators import alicloud, tencentcloud
from tests.emulators.alicloud import AlibabaCloud
from tests.emulators.proxy import Clouds, Handler, Request, clouds
from tests.emulators.signing import Key
from tests.emulators.tencentcloud import TencentCloud

ROOT = Path(__file__).parents[3]
SDKS = {"pulumi_alicloud": "pulumi-alicloud", "tencentcloud_iac_pulumi": "tencentcloud-iac-pulumi"}
CLOUDS = ("alicloud", "tencentcloud")

ALICLOUD = Key("LTAI-bound", "cAnArY-bound-ali-0001", "5123456789012345", "site")
TEMPORARY_ALICLOUD = Key(
    "LTAI-temporary", "cAnArY-temporary-0006", ALICLOUD.account, "site", token="cAnArY-temporary-token-0007"
)
OTHER_ALICLOUD = Key("LTAI-other", "cAnArY-other-ali-0002", "5999999999999999", "other")
TENCENTCLOUD = Key("AKID-bound", "cAnArY-bound-ten-0003", "100000000001", "200000000001")
STRAY_ALICLOUD = Key("LTAI-stray", "cAnArY-stray-ali-0004", "5123456789012345", "stray")
STRAY_TENCENTCLOUD = Key("AKID-stray", "cAnArY-stray-ten-0005", "100000000001", "200000000009")
DOMAIN, OTHER_DOMAIN = "example.com", "example.net"

STRAY = {
    "AWS_ACCESS_KEY_ID": "cAnArY-stray-aws", "AWS_SECRET_ACCESS_KEY": "cAnArY-stray-aws",
    "AWS_PROFILE": "cAnArY-stray", "AWS_SESSION_TOKEN": "cAnArY-stray-aws",
    "ALICLOUD_ACCESS_KEY": STRAY_ALICLOUD.id, "ALICLOUD_SECRET_KEY": STRAY_ALICLOUD.secret,
    "ALICLOUD_PROFILE": "default", "ALIBABA_CLOUD_ACCESS_KEY_ID": STRAY_ALICLOUD.id,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": STRAY_ALICLOUD.secret,
    "TENCENTCLOUD_PROFILE": "default", "TENCENTCLOUD_SECRET_ID": STRAY_TENCENTCLOUD.id,
    "TENCENTCLOUD_SECRET_KEY": STRAY_TENCENTCLOUD.secret,
    "HUAWEICLOUD_SDK_AK": "cAnArY-stray-hw", "HW_SECRET_KEY": "cAnArY-stray-hw",
    "ARM_CLIENT_SECRET": "cAnArY-stray-arm", "CLOUDFLARE_API_TOKEN": "cAnArY-stray-cf",
    "KUBECONFIG": "/cAnArY-stray-kubeconfig", "PULUMI_CONFIG_PASSPHRASE": "cAnArY-stray-passphrase",
    "PULUMI_ACCESS_TOKEN": "cAnArY-stray-pulumi", "VAULT_TOKEN": "cAnArY-stray-vault",
}  # fmt: skip
"""What the user's shell has; nothing of it belongs to a stack."""

# What a program notes of itself, for the test.
REPORTS = """import json, os, pathlib
seen = pathlib.Path({report!r}, f"program-{{os.getpid()}}.json")
seen.write_text(json.dumps({{"program": dict(os.environ)}}))
"""


RUNS = {"up", "preview", "refresh", "destroy"}


@dataclass(frozen=True, slots=True)
class World:
    """`tic` runs in the project `site` in `folder`; `ali` and `tencent` are the clouds behind `clouds`."""

    own: Tic
    quick: InProcess
    folder: Path
    report: Path
    clouds: Clouds
    ali: AlibabaCloud
    tencent: TencentCloud

    def tic(self, *words: str, stdin: str = "", code: int = 0) -> Said:
        """Run `tic WORDS`: what runs an engine in a process of its own, all else in the test's."""
        if words[:1] == ("stack",) and words[1] in RUNS:
            done = self.own(*words, stdin=stdin, code=None)
            said = Said(done.code, done.out, done.err)
        else:
            said = self.quick(*words, stdin=stdin)
        assert "Traceback" not in said.err.replace("Unexpected <class", ""), said.err
        assert said.code == code, f"tic {' '.join(words)} -> {said.code}\n{said.out}\n{said.err}"
        return said

    def json(self, *words: str) -> Any:
        """What `tic WORDS --json` prints."""
        return json.loads(self.tic(*words, "--json").out)

    def program(self, text: str) -> None:
        """What the project's stacks are to be."""
        (self.folder / "__main__.py").write_text(REPORTS.format(report=str(self.report)) + text)

    def new_credential(self, name: str, kind: str, **fields: str) -> Said:
        """A credential in the vault."""
        given = {field.replace("_", "-"): value for field, value in fields.items()}
        return self.tic(
            "creds", "new", name, "--provider", kind, "--secrets-from", "-", stdin=json.dumps(given)
        )

    def keep(self, name: str, key: Key) -> None:
        """A credential with this key."""
        kind = "alicloud" if key.id.startswith("LTAI") else "tencentcloud"
        names = ("access_key", "security_token") if kind == "alicloud" else ("secret_id", "session_token")
        token = {names[1]: key.token} if key.token else {}
        self.new_credential(name, kind, **{names[0]: key.id, "secret_key": key.secret}, **token)

    def calls(self) -> set[str]:
        """The ids of every key that was used for any call, let in or not."""
        return {found for request in self.clouds.requests for found in _key_ids(request)}

    def environments(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The whole environment of each program, plugin and engine that ran, with what it was."""
        for path in self.report.glob("*.json"):
            seen = json.loads(path.read_text())
            seen.pop("arguments", None)
            yield from seen.items()

    def arguments(self) -> Iterator[str]:
        """The command line of every process that lived when a plugin started."""
        for path in self.report.glob("*.json"):
            yield from json.loads(path.read_text()).get("arguments", {}).values()

    def forget(self) -> None:
        """Forget the calls and the environments up to now."""
        self.clouds.requests.clear()
        for path in self.report.glob("*.json"):
            path.unlink()

    def outputs(self, stack: str = "dev") -> dict[str, Any]:
        """What the stack exports."""
        outputs = self.json("stack", "outputs", f"site/{stack}")
        assert isinstance(outputs, dict)
        return outputs


@contextmanager
def world(
    folder: Path, pulumi_command: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[World]:
    """A fresh vault in `folder`, in the middle of stray keys."""
    work, report, user = folder / "work", folder / "report", folder / "user"
    for made in (work, report, user, folder / "bin"):
        made.mkdir()
    for cloud in CLOUDS:
        _install(folder / "bin", cloud, report)
    _litter(user)
    (work / "Pulumi.yaml").write_text("name: site\nruntime: python\n")
    ali = AlibabaCloud([ALICLOUD, TEMPORARY_ALICLOUD, OTHER_ALICLOUD, STRAY_ALICLOUD])
    tencent = TencentCloud([TENCENTCLOUD, STRAY_TENCENTCLOUD])
    ali.products.domains = {ALICLOUD.account: {DOMAIN}, OTHER_ALICLOUD.account: {OTHER_DOMAIN}}
    tencent.products.domains = {TENCENTCLOUD.account: {DOMAIN}}
    handlers: dict[str, Handler] = dict.fromkeys(alicloud.HOSTS, ali)
    handlers.update(dict.fromkeys(tencentcloud.HOSTS, tencent))
    with clouds(handlers) as there:
        search = os.pathsep.join([str(folder / "bin"), str(pulumi_command.parent), os.environ["PATH"]])
        shell = {**there, **STRAY, "HOME": str(user), "PATH": search}
        for name, value in shell.items():
            patch.setenv(name, value)
        patch.chdir(work)
        quick = InProcess(folder / "home", patch, capsys)
        quick("vault", "init")
        yield World(Tic(folder / "home", work, shell), quick, work, report, there, ali, tencent)


def _install(folder: Path, cloud: str, report: Path) -> None:
    """A plugin as Pulumi finds it on PATH; a script that becomes the stand-in."""
    start = (
        f'import sys; sys.path.insert(0, "{ROOT}"); from tests.plugins.{cloud} import main; main("{report}")'
    )
    plugin = folder / f"pulumi-resource-{cloud}"
    plugin.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{start}' \"$@\"\n")
    plugin.chmod(0o755)


def _litter(user: Path) -> None:
    """The files in a home that providers find by themselves."""
    aliyun = {
        "name": "default", "mode": "AK", "access_key_id": STRAY_ALICLOUD.id,
        "access_key_secret": STRAY_ALICLOUD.secret,
    }  # fmt: skip
    tccli = {"secretId": STRAY_TENCENTCLOUD.id, "secretKey": STRAY_TENCENTCLOUD.secret}
    for path, text in {
        ".aliyun/config.json": json.dumps({"current": "default", "profiles": [aliyun]}),
        ".tccli/default.credential": json.dumps(tccli),
        ".aws/credentials": "[default]\naws_access_key_id = AKIA\naws_secret_access_key = cAnArY-stray\n",
    }.items():
        (user / path).parent.mkdir()
        (user / path).write_text(text)


def _key_ids(request: Request) -> list[str]:
    return re.findall(r"Credential=([^/,]+)", request.headers.get("authorization", "none: Credential=nobody"))
