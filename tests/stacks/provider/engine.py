"""Stacks on the real Pulumi engine: its CLI, a program's own process, the plugin on PATH."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from engine.home import Home
from engine.toolchain import pulumi as toolchain
from engine.toolchain.progress import Printer
from tests.servers.pebble import Pebble
from tests.stacks.provider import plugin
from tests.stacks.provider.broker_server import BrokerServer

PROGRAMS = Path(__file__).with_name("programs.py")
HOST = plugin.ROOT / "engine" / "program.py"
RUN_SECONDS = 240
# What Pulumi adds of its own when it ends a failed run.
ADDED = ("update failed", "preview failed", "resource monitor shut down", "client connection is closing")


@dataclass(slots=True)
class Ended:
    """How one operation ended: what was said, and the operations on each type (by its last word)."""

    failed: bool
    said: str
    errors: list[str] = field(default_factory=list)
    done: dict[str, list[str]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def note(self, event: dict[str, Any]) -> None:
        if (diagnostic := event.get("diagnosticEvent")) and diagnostic["severity"] == "error":
            self.errors.append(diagnostic["message"].strip())
        if step := event.get("resourcePreEvent"):
            metadata = step["metadata"]
            if metadata["op"] not in {"same", "read", "refresh"} and ":providers:" not in metadata["type"]:
                self.done.setdefault(metadata["type"].rpartition(":")[2], []).append(metadata["op"])

    @property
    def own_errors(self) -> list[str]:
        """What the resources said."""
        return [each for each in self.errors if not any(noise in each for noise in ADDED)]


@dataclass(frozen=True, slots=True)
class Programs:
    """Settings of the programs, for one CA."""

    ca: Pebble

    def __call__(
        self, domains: Sequence[str], path: Path | None = None, *, vault: bool = False, **inputs: Any
    ) -> dict[str, Any]:
        """The component, its certificate in `path`, and in a key vault."""
        own = {"inputs": {"domains": list(domains), **inputs}, "path": str(path) if path else None}
        return {**self.other("issue"), **own, "vault": vault}

    def other(self, program: str, **settings: Any) -> dict[str, Any]:
        """Another program."""
        ca = {"directory_url": self.ca.directory_url, "ca_certificates": self.ca.ca_file.read_text()}
        return {"program": program, "ca": ca, **settings}


class Site:
    """One stack; `settings` are its program's, and may be changed between the runs."""

    def __init__(self, folder: Path, broker: BrokerServer, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.broker = broker
        self._engine = toolchain.ensure(Home.find(), Printer(sys.stderr)).path
        self._folder = folder / "project"
        self._events = folder / "events"
        self._shown: list[dict[str, Any]] | None = None
        self._folder.mkdir()
        (folder / "state").mkdir()
        (self._folder / "Pulumi.yaml").write_text("name: proj\nruntime: python\n")
        self._plugin = plugin.install(folder / "bin")
        self._environment = plugin.environment(
            folder / "bin",
            PULUMI_BACKEND_URL=f"file://{folder / 'state'}",
            PULUMI_CONFIG_PASSPHRASE="passphrase",
            PULUMI_HOME=str(folder / "pulumi"),
            PULUMI_SKIP_UPDATE_CHECK="true",
            PULUMI_DEBUG_COMMANDS="true",  # what shows --event-log
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION="true",
            **broker.environment,
        )
        self._pulumi("stack", "init", "dev")

    def preview(self) -> Ended:
        with self._program() as client:
            return self._run("preview", "--client", client)

    def up(self) -> Ended:
        with self._program() as client:
            ended = self._run("up", "--yes", "--skip-preview", "--client", client)
        if not ended.failed:
            ended.outputs = json.loads(self._pulumi("stack", "output", "--json", "--show-secrets").stdout)
        return ended

    def refresh(self) -> Ended:
        return self._run("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Ended:
        return self._run("destroy", "--yes", "--skip-preview")

    def schema(self) -> dict[str, Any]:
        """What `pulumi package get-schema` reads from the plugin."""
        words = [str(self._engine), "package", "get-schema", str(self._plugin)]
        done = subprocess.run(words, env=self._environment, capture_output=True, text=True, check=True)
        read: dict[str, Any] = json.loads(done.stdout)
        return read

    def cancel(self) -> None:
        """Take the lock away that a killed engine left in the folder of states."""
        self._pulumi("cancel", "--yes")

    def state(self) -> list[dict[str, Any]]:
        """The resources, secrets encrypted."""
        return json.loads(self.state_text())["deployment"].get("resources") or []

    def state_text(self) -> str:
        """All that is kept of the stack."""
        return self._pulumi("stack", "export").stdout

    def make_due(self) -> None:
        """From now on the broker shows the certificates as ones whose time to be renewed has come."""
        self._shown = self.state()
        past = {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}
        for resource in self._shown:
            if resource["type"].endswith(":Certificate"):
                resource["outputs"]["renewalWindow"] = past

    def make_true(self) -> None:
        """From now on the broker shows the state as it is."""
        self._shown = None

    def interrupt(self) -> None:
        """As Ctrl-C: the engine ends what is under way."""
        for engine in self.processes("pulumi"):
            engine.send_signal(signal.SIGINT)

    def processes(self, name: str) -> list[psutil.Process]:
        """What runs below this process: the engine, `pulumi`, or the plugin, `pulumi-resource-tic`."""
        found = []
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess, IndexError):
                if name in {Path(word).name for word in process.cmdline()[:2]}:
                    found.append(process)
        return found

    def _run(self, *words: str) -> Ended:
        before = self.state() if self._shown is None else self._shown
        self.broker.state = lambda: before
        self._events.unlink(missing_ok=True)
        done = self._pulumi(*words, "--event-log", str(self._events), check=False)
        ended = Ended(done.returncode != 0, done.stdout + done.stderr)
        if self._events.exists():
            for line in self._events.read_text().splitlines():
                ended.note(json.loads(line))
        return ended

    def _pulumi(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        command = [
            self._engine,
            "--non-interactive",
            *words,
            *(() if words[1:2] == ("init",) else ("-s", "dev")),
        ]
        if words[0] == "cancel":
            command = [self._engine, "cancel", "--yes", "dev"]
        return subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=check,
        )

    @contextmanager
    def _program(self) -> Iterator[str]:
        """The program, served to the engine; gives its address."""
        environment = {**self._environment, "SITE": json.dumps(self.settings), "PYTHONPATH": str(plugin.ROOT)}
        host = subprocess.Popen(
            [sys.executable, HOST, PROGRAMS], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert host.stdout is not None
        with host.stdout:
            try:
                yield f"127.0.0.1:{int(host.stdout.readline())}"
            finally:
                host.kill()
                host.wait()
