"""Kinds that programs read from a file, in real runs: the provider reads it, and nothing of it stays."""

import base64
import hashlib
import json
import os
import sqlite3
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from tests.e2e.command import Tic
from tests.emulators.messengers import DingTalk, hosts
from tests.emulators.proxy import clouds

pytestmark = pytest.mark.server

PLUGIN = Path(__file__).parents[1] / "plugins" / "reader.py"
TOKEN, PASSWORD = "canary-token-of-the-cluster", "canary-password-of-the-rest"
KUBECONFIG = f"""
current-context: here
clusters: [{{name: c, cluster: {{server: https://k8s.example.test}}}}]
users: [{{name: u, user: {{token: {TOKEN}}}}}]
contexts: [{{name: here, context: {{cluster: c, user: u}}}}]
"""
PROGRAM = """
import pulumi
class Reading(pulumi.CustomResource):
    def __init__(self, name, **given):
        super().__init__("reader:index:Reading", name, {{**given, "seen": None, "copied": None}})
reading = Reading({name!r}, **{given!r})
pulumi.export("seen", reading.seen)
"""
VARIABLES = ("KUBECONFIG", "DOCKER_CONFIG", "MAVEN_SETTINGS", "NETRC")


class Site:
    """A stack that is bound to four credentials which make files, and its provider."""

    def __init__(self, folder: Path, pulumi: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        plugins = folder / "bin"
        plugins.mkdir()
        plugin = plugins / "pulumi-resource-reader"
        plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PLUGIN} "$@"\n')
        plugin.chmod(0o755)
        search = os.pathsep.join([str(plugins), str(pulumi.parent), os.environ["PATH"]])
        self.tic = Tic(folder / "home", self.folder, {"PATH": search})
        (self.folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        self.program("one")
        self.tic("vault", "init")
        for name, provider, fields in (
            ("k", "kubernetes", {"kubeconfig": KUBECONFIG}),
            ("r", "container-registry", {"server": "docker.io", "username": "me", "password": PASSWORD}),
            ("m", "maven-settings", {"server-id": "nexus", "username": "me", "password": PASSWORD}),
            ("g", "username-password", {"username": "me", "password": PASSWORD, "url": "https://git.test/"}),
        ):
            self.tic(
                "creds", "new", name, "--provider", provider, "--secrets-from", "-", stdin=json.dumps(fields)
            )
        kinds = ("kubernetes", "container-registry", "maven-settings", "username-password")
        self.tic("stack", "new", "dev", *(word for kind in kinds for word in ("--provider", kind)))

    def program(self, name: str, **given: object) -> None:
        """What the stack is to be: one reading."""
        text = PROGRAM.format(name=name, given={"names": list(VARIABLES), **given})
        (self.folder / "__main__.py").write_text(text)

    def seen(self) -> dict[str, dict[str, str]]:
        """What the provider found."""
        outputs = self.tic("stack", "outputs", "--json").json()["seen"]
        assert isinstance(outputs, dict)
        return outputs

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Everything that is kept, and what of it is compressed as it was before."""
        for path in (*self.tic.home.rglob("*"), *self.folder.rglob("*")):
            if path.is_file():
                yield str(path), path.read_bytes()
        with closing(sqlite3.connect(self.tic.home / "tic.db")) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in names:
                for row in connection.execute(f"SELECT * FROM {name}"):  # noqa: S608 - from the schema
                    for value in row:
                        if isinstance(value, bytes):
                            with suppress(zlib.error):  # not compressed
                                yield f"a row of {name}", zlib.decompress(value)


@pytest.fixture
def site(tmp_path: Path, pulumi_command: Path) -> Site:
    return Site(tmp_path, pulumi_command)


def leaking(site: Site, *said: str) -> list[str]:
    """Where a secret is, as it is or in base64."""
    pair = base64.b64encode(f"me:{PASSWORD}".encode())
    forms = [TOKEN.encode(), PASSWORD.encode(), base64.b64encode(TOKEN.encode()), pair]
    places = [*site.texts(), *(("printed", text.encode()) for text in said)]
    return [place for place, text in places if any(form in text for form in forms)]


def test_the_provider_reads_each_file_at_the_same_path_in_each_run_and_none_stays(site: Site) -> None:
    """B6, C2."""
    site.tic("stack", "up")
    first = site.seen()
    assert set(first) == set(VARIABLES)
    assert {each["mode"] for each in first.values()} == {"600"}
    assert first["KUBECONFIG"]["sha256"] == hashlib.sha256(KUBECONFIG.encode()).hexdigest()
    assert not any(Path(each["path"]).exists() for each in first.values())
    site.program("two")
    up = site.tic("stack", "up")
    assert site.seen() == first
    assert leaking(site, up.out, up.err) == []


def test_a_provider_that_copies_the_files_has_them_sealed_in_the_state(site: Site) -> None:
    """C2."""
    site.program("one", copy=True)
    up = site.tic("stack", "up")
    shown = site.tic("stack", "show", "--json").out, site.tic("stack", "history", "--json").out
    assert up.err.count("it is kept sealed") >= len(VARIABLES)
    assert leaking(site, up.out, up.err, *shown) == []


def test_a_killed_run_leaves_no_file(site: Site, tmp_path: Path) -> None:
    """C3."""
    gate = tmp_path / "gate"
    site.program("one", wait=str(gate))
    with site.tic.running("stack", "up") as run:
        while not gate.with_name("gate.reached").exists():
            assert run.poll() is None
            psutil.wait_procs([], timeout=0.05)
        below = psutil.Process(run.pid).children(recursive=True)
        files = [path for path, text in site.texts() if TOKEN.encode() in text]
        assert len(files) == 1
        seen = [part for one in below for part in one.cmdline()]
        assert not any(TOKEN in part or PASSWORD in part for part in seen)
        run.kill()
    psutil.wait_procs(below, timeout=20)
    assert leaking(site) == []


def test_a_bot_is_told_how_a_run_ended_and_its_silence_changes_nothing(site: Site) -> None:
    bot = DingTalk("canarytoken", "SECcanary")
    fields = {"token": "canarytoken", "secret": "SECcanary"}
    site.tic("creds", "new", "bot", "--provider", "dingtalk", "--secrets-from", "-", stdin=json.dumps(fields))
    told = ("--notify", "bot")
    with clouds(hosts({"dingtalk": bot})) as env:
        site.tic.variables.update(env)
        assert "warning" not in site.tic("stack", "up", *told).err
        (site.folder / "__main__.py").write_text("raise RuntimeError('canary of the program')\n")
        site.tic("stack", "up", *told, code=1)
        (site.folder / "Pulumi.dev.yaml").write_text("config:\n  shop:pw:\n    secure: v1:abc:def\n")
        site.tic("stack", "up", *told, code=2)
        (site.folder / "Pulumi.dev.yaml").unlink()
        assert "error: 'k' is of the kind" in site.tic("stack", "up", "--notify", "k", code=2).err
    done, failed, not_run = (text.splitlines() for text in bot.heard)
    assert done[0] == "up of shop/dev is done"
    assert "create" in done[1]
    assert failed[0] == "up of shop/dev failed"
    assert not_run[0] == "up of shop/dev was not run"
    assert "canary" not in "".join(bot.heard)
    destroyed = site.tic("stack", "destroy", "--yes", *told)  # nobody answers any more
    assert "warning: the message was not sent with 'bot' (dingtalk)" in destroyed.err
    assert "canarytoken" not in destroyed.err
