"""A vault, a project, and one emulated cloud whose role can be linked: what the way of every provider needs.

`tic` is run in the test's own process, or in one of its own (`in_process`): both live in the same clouds.
"""

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest
from moto.sts.models import sts_backends

from credentials.roles import SourceKind, provider
from credentials.vault import Vault
from engine.bindings import Usage
from engine.database import Database
from engine.home import Home
from tests.credentials.identity.asking import settle
from tests.credentials.roles import (
    test_alicloud,
    test_aws,
    test_azure,
    test_baiducloud,
    test_huaweicloud,
    test_jdcloud,
    test_tencentcloud,
    test_volcengine,
)
from tests.credentials.roles.contract import RoleCloud, Way
from tests.credentials.roles.signed_cloud import SignedCloud, key
from tests.e2e.command import Tic
from tests.emulators import aws as aws_cloud
from tests.emulators.alicloud import HOSTS as ALICLOUD_HOSTS
from tests.emulators.alicloud import AlibabaCloud
from tests.emulators.azure import LOGIN, MANAGER, Application
from tests.emulators.baiducloud import BaiduCloud
from tests.emulators.huaweicloud import HuaweiCloud
from tests.emulators.jdcloud import JdCloud
from tests.emulators.proxy import Clouds, Handler, clouds
from tests.emulators.signing import Key
from tests.emulators.tencentcloud import HOSTS as TENCENTCLOUD_HOSTS
from tests.emulators.tencentcloud import TencentCloud
from tests.emulators.volcengine import Volcengine

KEYLESS: tuple[SourceKind, ...] = ("metadata", "oidc")
OF_AZURE = {
    **test_azure.SETTINGS,
    "client-id": "22222222-2222-4333-8444-555555555555",
    "client-secret": "cAnArY-of-an-application",
}
OF_THE_CALLER = ("AWS_", "AZURE_", "IDENTITY_", "MSI_")
PROJECT = "name: site\nruntime: yaml\n"


class Said(Protocol):
    """What one command printed, and its exit code."""

    @property
    def code(self) -> int: ...
    @property
    def out(self) -> str: ...
    @property
    def err(self) -> str: ...


class Runs(Protocol):
    """One command."""

    def __call__(self, *words: str, stdin: str = "") -> Said: ...


@dataclass
class RoleWorld:
    """One vault beside one cloud; each call is one command, whose exit code the test names."""

    cloud: RoleCloud
    clouds: Clouds
    home: Path
    folder: Path
    run: Runs
    open: ExitStack
    monkeypatch: pytest.MonkeyPatch
    key: Mapping[str, str] = field(repr=False)
    said: list[str] = field(default_factory=list)
    way: Way | None = None

    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> Said:
        """Run `tic WORDS`."""
        done = self.run(*words, stdin=stdin)
        self.said += [done.out, done.err]
        assert "Traceback" not in done.err, done.err
        assert done.code == code, f"tic {' '.join(words)} -> {done.code}\n{done.out}\n{done.err}"
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        """What `tic WORDS --json` prints."""
        return json.loads(self(*words, "--json", code=code).out)

    @property
    def provider(self) -> str:
        """The cloud's own name."""
        return self.cloud.provider

    @property
    def keyless(self) -> SourceKind:
        """A source without a key, where the provider knows one."""
        sources, usual = provider(self.provider).SOURCES, self.cloud.usual
        return next((kind for kind in (usual, *KEYLESS) if kind in sources & set(KEYLESS)), usual)

    def settle(self, kind: SourceKind | None = None) -> Way:
        """Let this machine have a source of this kind; or the usual one, beside a credential named `first`,
        which is the source where that is usual.
        """
        if kind is None or kind == "credential":
            self.new_credential("first")
        self.way = self.open.enter_context(self.cloud.way(kind or self.cloud.usual, self.folder))
        settle(self.monkeypatch, self.way.environ)
        return self.way

    def new_credential(self, name: str, key: Mapping[str, str] | None = None, *, code: int = 0) -> Said:
        """A credential of this cloud, with this key, else with one that it takes."""
        given = ("creds", "new", name, "--provider", self.provider, "--secrets-from", "-")
        return self(*given, stdin=json.dumps(dict(key or self.key)), code=code)

    def words_of_enable(self) -> list[str]:
        """`role enable` with everything that the role has."""
        assert self.way is not None
        role = self.way.role
        words = ["role", "enable", self.provider, "--role", role.role]
        words += ["--external-id", role.external_id] if role.external_id else []
        return words + [
            word for name, value in role.settings.items() for word in ("--set", f"{name}={value}")
        ]

    def enable(self, *words: str, code: int = 0) -> Said:
        """Link the role."""
        return self(*self.words_of_enable(), *words, code=code)

    def new_stack(self, name: str = "dev", *, code: int = 0) -> Said:
        """A stack that needs this provider."""
        return self("stack", "new", name, "--provider", self.provider, code=code)

    def linked(self, *, code: int = 0) -> Any:
        """The role as `status` shows it after a trial."""
        (only,) = self.json("role", "status", self.provider, code=code)
        return only

    def served_by(self, stack: str = "dev") -> str | None:
        """`role`, or the name of the credential that serves the stack."""
        (only,) = self.json("stack", "show", f"site/{stack}")["bindings"]
        return "role" if only["role"] else only["credential"]

    def credentials(self) -> set[str]:
        """The names of those that the vault has."""
        return {one["name"] for one in self.json("creds", "list")}

    def lent(self) -> list[str]:
        """The secrets of every session that the cloud gave, and of the source."""
        if isinstance(self.cloud, test_aws.AwsCloud):
            taken = sts_backends[aws_cloud.ACCOUNT]["aws"].assumed_roles
            own = [text for one in taken for text in (one.secret_access_key, one.session_token)]
            return own + self.cloud.secrets()
        return self.cloud.secrets()


Made = AbstractContextManager[tuple[RoleCloud, Clouds]]


@contextmanager
def _served(cloud: Callable[[Any], RoleCloud], hosts: Iterable[str], emulator: Handler) -> Iterator[Any]:
    with clouds(dict.fromkeys(hosts, emulator)) as env:
        yield cloud(emulator), env


@contextmanager
def _aws() -> Iterator[tuple[RoleCloud, Clouds]]:
    with aws_cloud.aws() as made, clouds(dict.fromkeys(aws_cloud.HOSTS, made)) as env:
        yield test_aws.AwsCloud(made), env


@contextmanager
def _azure() -> Iterator[tuple[RoleCloud, Clouds]]:
    made, another = test_azure.AzureCloud(), OF_AZURE["client-id"]
    made.azure.applications[another] = Application(
        another, another, test_azure.TENANT, secret=OF_AZURE["client-secret"], may=test_azure.MAY
    )
    with clouds(dict.fromkeys((LOGIN, MANAGER), made.azure)) as env:
        yield made, env


def _signed(cloud: type[SignedCloud], emulator: Callable[[list[Key]], Handler]) -> Made:
    return _served(cloud, cloud.hosts, emulator([key(cloud.account)]))


def _alicloud() -> Made:
    return _served(test_alicloud.AlibabaRoles, ALICLOUD_HOSTS, AlibabaCloud([test_alicloud.KEY]))


def _tencentcloud() -> Made:
    return _served(test_tencentcloud.TencentRoles, TENCENTCLOUD_HOSTS, TencentCloud([test_tencentcloud.KEY]))


CLOUDS: Mapping[str, Callable[[], Made]] = {
    "alicloud": _alicloud,
    "aws": _aws,
    "azure": _azure,
    "baiducloud": lambda: _signed(test_baiducloud.BaiduRoles, BaiduCloud),
    "huaweicloud": lambda: _signed(test_huaweicloud.Agencies, HuaweiCloud),
    "jdcloud": lambda: _signed(test_jdcloud.JdRoles, JdCloud),
    "tencentcloud": _tencentcloud,
    "volcengine": lambda: _signed(test_volcengine.VolcanoCloud, Volcengine),
}


@cache
def _new_home() -> Path:
    """A home with a new vault: making one each time would take longer than most tests."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    database = Database.open(Home(folder / "home", folder / "cache"), create=True)
    Vault.create(database, folder / "home", usage=Usage())
    database.close()
    return folder / "home"


def _key(cloud: RoleCloud, folder: Path) -> Mapping[str, str]:
    """The fields of a credential that this cloud takes."""
    if isinstance(cloud, test_azure.AzureCloud):
        return OF_AZURE
    with cloud.way("credential", folder) as way:
        return {name: value.reveal().decode() for name, value in (way.identity or {}).items()}


@contextmanager
def role_world(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Runs | None = None
) -> Iterator[RoleWorld]:
    """A fresh vault beside this cloud; `run` is how commands are run, else each is a process of its own."""
    for variable in [one for one in os.environ if one.startswith(OF_THE_CALLER)]:
        monkeypatch.delenv(variable)
    home, folder = tmp_path / "home", tmp_path / "work"
    shutil.copytree(_new_home(), home)
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(PROJECT)
    monkeypatch.chdir(folder)
    with ExitStack() as open_:
        cloud, env = open_.enter_context(CLOUDS[name]())
        settle(monkeypatch, {**env, **cloud.nothing_here})
        own = Tic(home, folder)
        made = RoleWorld(
            cloud, env, home, folder, run or (lambda *words, stdin="": own(*words, stdin=stdin, code=None)),
            open_, monkeypatch, _key(cloud, folder),
        )  # fmt: skip
        yield made
