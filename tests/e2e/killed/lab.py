"""Runs that are struck down at a chosen place, each in a fresh copy of the same home, project and realm."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from engine.database import Database
from engine.home import Home
from engine.state import checkpoints, stacks
from tests.e2e.command import Result, Tic
from tests.e2e.killed import thirty
from tests.plugins.realm import Realm

PLUGIN = Path(__file__).parents[2] / "plugins" / "realm.py"
STOPPER = Path(__file__).with_name("stopper.py")
PASSED = ("REALM_FILE", "REALM_SECONDS", "REALM_STOP", "PULUMI_JOURNALING_BATCH_SIZE")
RFC2136 = [word for field in ("nameserver=127.0.0.1:1", "tsig-key=k.", "tsig-algorithm=hmac-sha256")
           for word in ("--field", field)]  # fmt: skip
SECRET = json.dumps({"tsig-secret": "c2VjcmV0IG9mIHRoZSByZWFsbQ=="})
COUNTED = "transactions"
NAMED = re.compile(r"cut off while creating (\S+) (\S+?),")
SECONDS = "0.02"  # how long each operation of the realm takes
GONE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Cut:
    """A run that was struck: what it said, and the processes that it had then."""

    result: Result
    processes: dict[str, int]

    @property
    def struck(self) -> bool:
        """Whether the run came to the chosen place."""
        return bool(self.processes)


@dataclass(frozen=True, slots=True)
class Truth:
    """What exists, beside what the state says; names of things, each as often as it is there.

    `missing` are in the state and do not exist, `orphans` exist and are in no state, `stale` have another
    value than the program says, `unfinished` are to be deleted or replaced, or are pending and no create.
    """

    things: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    pending_creates: list[str] = field(default_factory=list)


class Lab:
    """One home with the stack `thirty`, one project, and one realm, in one folder."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.realm = folder / "realm.db"
        self.project = folder / "project"
        self.home = folder / "home"
        path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
        given = {
            "PATH": path,
            "REALM_FILE": str(self.realm),
            "REALM_SECONDS": SECONDS,
            "REALM_STOP": "",
            "PULUMI_JOURNALING_BATCH_SIZE": "1",  # so that every entry is a call of its own
        }
        self.tic = Tic(self.home, self.project, {**given, **variables})

    @property
    def counted(self) -> Path:
        """The file with a line for each transaction of a run that was to be struck."""
        return self.folder / COUNTED

    @property
    def stopped(self) -> Path:
        """The file that says that the realm has come to the place where it was told to stop."""
        return self.realm.with_name(f"{self.realm.name}.stopped")

    @classmethod
    def made(cls, folder: Path, edition: str, **variables: str) -> "Lab":
        """A new one whose stack was brought up to this edition ("": not at all)."""
        lab = cls(folder, **variables)
        (folder / "bin").mkdir(parents=True)
        plugin = folder / "bin" / "pulumi-resource-realm"
        plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PLUGIN} "$@"\n')
        plugin.chmod(0o755)
        lab.edit(edition or "first")
        lab.tic("vault", "init")
        lab.tic("creds", "new", "dns", "--provider", "rfc2136", *RFC2136, "--secrets-from", "-", stdin=SECRET)
        lab.tic("stack", "new", "thirty", "--provider", "rfc2136")
        Realm(lab.realm)
        if edition:
            lab.run("up")
        return lab

    def copy(self, folder: Path, **variables: str) -> "Lab":
        """The same in another place."""
        shutil.copytree(self.folder, folder)
        return Lab(folder, **variables)

    def edit(self, edition: str) -> None:
        """Let the program be this edition."""
        thirty.write(self.project, edition)

    def words(self, kind: str, *more: str) -> list[str]:
        """The command line of an operation on the stack."""
        passed = [word for name in PASSED for word in ("--env", name)]
        return ["stack", kind, "thirty", *passed, *(["--yes"] if kind == "destroy" else []), *more]

    def run(self, kind: str, *more: str, code: int | None = 0) -> Result:
        """An operation that nobody strikes."""
        return self.tic(*self.words(kind, *more), code=code)

    def cut(self, kind: str, *, victims: Sequence[str], **place: Any) -> Cut:
        """An operation that is struck at a place (see stopper.py), or ends where it never comes there."""
        return strike(self.tic, self.words(kind), self.folder, victims=victims, **place)

    def truth(self, edition: str) -> Truth:
        """What exists, compared with the state, and with the values that the edition declares."""
        resources, operations = self._state()
        world = Realm(self.realm).everything()
        held = {each["id"]: each for each in resources if each["type"] == "realm:index:Thing"}
        wanted = thirty.expected(edition)
        return Truth(
            things=Counter(name for name, _value in world.values()),
            missing=[identity for identity in held if identity not in world],
            orphans=[name for identity, (name, _value) in world.items() if identity not in held],
            stale=[
                name for identity, (name, value) in world.items()
                if identity in held and wanted.get(name) != value
            ],
            unfinished=[
                *(each["urn"] for each in resources if each.get("delete") or each.get("pendingReplacement")),
                *(each["resource"]["urn"] for each in operations if each["type"] != "creating"),
            ],
            pending_creates=[each["resource"]["urn"] for each in operations if each["type"] == "creating"],
        )  # fmt: skip

    def differences(self, edition: str) -> set[str]:
        """The names of things that the state has and the edition does not declare, or the other way round."""
        resources, _ = self._state()
        held = {each["urn"].rpartition("::")[2] for each in resources if each["type"] == "realm:index:Thing"}
        return held ^ set(thirty.expected(edition))

    def is_bound(self) -> bool:
        """Whether the stack has its credential."""
        (shown,) = self.tic("stack", "list", "--json").json()
        return bool(shown["credentials"])

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The home's database."""
        opened = Database.open(Home(self.home, self.home, self.tic.variables.get("TIC_DATABASE_URL")))
        try:
            yield opened
        finally:
            opened.close()

    def _state(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        with self.database() as database, database.read() as connection:
            stack = stacks.find(connection, "thirty", "thirty")
            assert stack is not None
            state = checkpoints.deployment(connection, stack.id)
        return state.get("resources") or [], state.get("pending_operations") or []


def strike(tic: Tic, words: Sequence[str], folder: Path, *, victims: Sequence[str], **place: Any) -> Cut:
    """`tic WORDS`, struck at a place (see stopper.py); `folder` is for what is said about it."""
    report, plan, counted = folder / "report.json", folder / "plan.json", folder / COUNTED
    for file in (report, counted):
        file.unlink(missing_ok=True)
    files = {"report": str(report), "counted": str(counted)}
    plan.write_text(json.dumps({"victims": victims, **files, **place}))
    done = subprocess.run(
        [sys.executable, str(STOPPER), str(plan), *words],
        cwd=tic.folder,
        env=tic.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    result = Result(done.returncode, done.stdout, done.stderr)
    return Cut(result, json.loads(report.read_text()) if report.exists() else {})


def named(*said: Result) -> set[str]:
    """The things that these commands named as made or not, nobody knows."""
    return {match[1] for result in said for match in NAMED.findall(result.err)}


def all_gone(processes: dict[str, int]) -> bool:
    """Whether the processes end, within some seconds."""
    found = []
    for pid in processes.values():
        try:
            found.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
    _gone, alive = psutil.wait_procs(found, timeout=GONE_SECONDS)
    return all(each.status() == psutil.STATUS_ZOMBIE for each in alive if each.is_running())
