"""A stack that is bound to credentials full of canaries, and whose provider copies all that it is given."""

import base64
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.e2e.command import Tic
from tests.e2e.residue.searching import files, hits, pem, rows

PLUGIN = Path(__file__).parents[2] / "plugins" / "copier.py"
PROGRAM = """
import json
import pulumi

class Copy(pulumi.CustomResource):
    def __init__(self, name, **given):
        super().__init__("copier:index:Copy", name, {"copied": None, "listed": None, "named": None, **given})

for name, given in json.loads(pulumi.Config().require("copies")).items():
    Copy(name, **given)
"""
INTO = ("inputs", "outputs", "names", "log", "stderr", "id")
WAYS = ("plain", "base64", "shifted", "json", "twice", "url", "wrapped", "hex")
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789+/="
OPERATIONS = ("up", "up", "up", "preview", "refresh", "destroy")


@dataclass(slots=True)
class Careless:
    """The home, the project, and the canaries by name; every run is searched for."""

    tic: Tic
    folder: Path
    secrets: dict[str, str]
    chance: random.Random
    runs: int = 0
    killed: int = 0
    warned: int = 0
    found: list[str] = field(default_factory=list)

    def run(self, operation: str, copies: Mapping[str, object], *, kill_after: float | None = None) -> str:
        """One run; what it printed. Killed with SIGKILL after so many seconds, where that is said."""
        self.tic("stack", "config", "set", "copies", stdin=json.dumps(copies))
        words = [operation, *(["--yes"] if operation == "destroy" else [])]
        words += ["--json"] if self.chance.random() < 0.3 else []
        process = subprocess.Popen(
            self.tic.argv("stack", *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.tic.folder,
            env=self.tic.environment(),
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=120 if kill_after is None else kill_after)
        except subprocess.TimeoutExpired:
            assert kill_after is not None, "the run hangs"
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            self.killed += 1
        self.runs += 1
        self.warned += said.count(b"repeated a credential's secret")
        self.found += hits(self.secrets, iter([(f"what run {self.runs} ({operation}) printed", said)]))
        self.found += hits(self.secrets, self.left())
        return said.decode(errors="replace")

    def any_run(self) -> None:
        """A random one."""
        operation = self.chance.choice(OPERATIONS)
        copies = {}
        for name in self.chance.sample(["a", "b", "c"], self.chance.randint(1, 2)):
            given: dict[str, object] = {
                "into": self.chance.sample(INTO, self.chance.randint(1, len(INTO))),
                "ways": self.chance.sample(WAYS, self.chance.randint(1, 4)),
                "turn": self.runs,
            }
            if self.chance.random() < 0.3:
                given["fail"] = self.chance.choice(["create", "update", "delete", "read"])
                given["into"] = ["log", "stderr", self.chance.choice(["error", "crash"])]
            copies[name] = given
        kill_after = self.chance.uniform(0.3, 4) if self.chance.random() < 0.25 else None
        self.run(operation, copies, kill_after=kill_after)

    def left(self) -> Iterator[tuple[str, bytes]]:
        """All that is kept: the home with the database and its log, the project, temporary files."""
        self._settle()
        yield from files(self.folder)
        yield from rows(self.tic.home / "tic.db")

    def _settle(self) -> None:
        """A killed run's supervisor ends what it left within its grace period."""
        end = time.monotonic() + 20
        run = self.tic.home / "run"
        while any(path.is_dir() for path in run.glob("*-*")) and time.monotonic() < end:
            time.sleep(0.05)


def careless(folder: Path, pulumi: Path, seed: int) -> Careless:
    """A fresh home whose stack `dev` is bound to credentials of five kinds."""
    chance = random.Random(seed)

    def canary(length: int) -> str:
        return "".join(chance.choices(ALPHABET, k=length))

    odd = f'{canary(9)}"quoted"<&>ünï\\{canary(9)}'
    token, key = canary(40), base64.b64encode(pem(chance.randbytes(900)).encode()).decode()
    user = {"name": "me", "user": {"token": token, "client-key-data": key}}
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://cluster.test"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "me"}}],
        "current-context": "x",
        "users": [user],
    }
    secrets = {
        "tencentcloud": {"secret-id": canary(36), "secret-key": canary(32)},
        "alicloud": {"access-key": canary(24), "secret-key": canary(30)},
        "kubernetes": {"kubeconfig": yaml.safe_dump(kubeconfig, width=100_000)},
        "container-registry": {"server": "registry.test", "username": "me", "password": odd},
        "username-password": {"username": "me", "password": canary(20), "url": "https://git.test/"},
    }
    project, programs = folder / "project", folder / "bin"
    for path in (project, programs, folder / "tmp"):
        path.mkdir()
    plugin = programs / "pulumi-resource-copier"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PLUGIN} "$@"\n')
    plugin.chmod(0o755)
    variables = {
        "PATH": os.pathsep.join([str(programs), str(pulumi.parent), os.environ["PATH"]]),
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder),
        "TIC_DEBUG": "1",
    }
    tic = Tic(folder / "home", project, variables)
    (project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (project / "__main__.py").write_text(PROGRAM)
    tic("vault", "init")
    for kind, fields in secrets.items():
        tic("creds", "new", kind, "--provider", kind, "--secrets-from", "-", stdin=json.dumps(fields))
    tic("stack", "new", "dev", *(word for kind in secrets for word in ("--provider", kind)))
    canaries = {
        f"{field} of {kind}": value
        for kind, fields in secrets.items()
        for field, value in fields.items()
        if field in ("secret-key", "password")
    }
    canaries |= {"token of kubernetes": token, "client key of kubernetes": key}
    return Careless(tic, folder, canaries, chance)
