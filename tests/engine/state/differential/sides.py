"""The two backends, each with a world, a project folder and the real CLI: the same is done to both."""

import base64
import json
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import orjson
from pulumi.runtime.proto import language_pb2_grpc, provider_pb2_grpc

from engine.state import checkpoints, history, stacks
from engine.state.passphrase import Passphrase
from engine.state.sealing import SECRET, context
from engine.state.service import Access, StateService
from engine.state.urns import SIGNATURE
from tests.engine.state.differential.language import Language
from tests.engine.state.differential.program import THING
from tests.engine.state.differential.steps import Drift, Edit, Import, Reimport, Rename, Run, Step
from tests.plugins.world import Provider, World

PROJECT = "proj"
PHRASE = "correct horse battery staple"
SECONDS = 60
OUTSIDE = "outside"  # a thing that no stack has made: its id is `outside#1`


class Hung(Exception):
    """A command did not end."""

    def __init__(self, side: "type[Side]", command: str) -> None:
        super().__init__(f"{side.__name__}: {command}")
        self.side = side


@dataclass(frozen=True)
class State:
    """A deployment with its secrets open, its schema number and the features that it names."""

    deployment: dict[str, Any]
    schema: int
    features: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """An entry of the history."""

    kind: str
    result: str
    changes: dict[str, int]


@dataclass(frozen=True)
class Seen:
    """What there is after a step: how it ended, what was said, the state, what the history has of it."""

    code: int
    said: str
    state: State
    record: Record | None


class Side(ABC):
    """One backend, and a stack on it."""

    def __init__(self, folder: Path, engine: Path) -> None:
        self.folder, self.engine, self.stack = folder, engine, "dev"
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        (self.project / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        self.world, self.language = World(), Language()
        self.world.make(THING, OUTSIDE, {"checked": True, "value": OUTSIDE})
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=24))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(self.world), self._server)
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(self.language, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self.environment = {
            "PATH": os.pathsep.join([str(engine.parent), os.environ["PATH"]]),
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_PROVIDERS": f"world:{self.port}",
        }

    def close(self) -> None:
        """Stop what is served."""
        self._server.stop(None)

    @abstractmethod
    def make(self, config: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """Make the stack, and its configuration file; secrets as this backend seals them."""

    @abstractmethod
    def state(self) -> State:
        """The stack's state."""

    @abstractmethod
    def records(self) -> list[Record]:
        """The history, oldest first."""

    def do(self, step: Step) -> Seen:
        """Do the step; what there is then."""
        known = len(self.records())
        code, said = self._do(step)
        new = self.records()[known:]
        return Seen(code, said, self.state(), new[-1] if new else None)

    def _configure(self, values: Mapping[str, Any], **more: str) -> None:
        path = self.project / f"Pulumi.{self.stack}.yaml"
        path.write_text(
            json.dumps({**more, "config": {f"{PROJECT}:{name}": one for name, one in values.items()}})
        )

    def exported(self) -> State:
        """The state as `pulumi stack export --show-secrets` has it."""
        code, out, said = self.pulumi("stack", "export", "--show-secrets")
        if code:
            raise AssertionError(f"{type(self).__name__}: no export\n{said}")
        found = orjson.loads(out)
        deployment = opened(found["deployment"] or {}, str.encode)
        return State(deployment, found["version"], tuple(found.get("features") or ()))

    def pulumi(self, *words: str, stdin: str | None = None) -> tuple[int, str, str]:
        """One command; its exit code, stdout and stderr."""
        try:
            done = subprocess.run(
                self._argv(*words),
                cwd=self.project,
                env=self.environment,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Hung(type(self), " ".join(words)) from None
        return done.returncode, done.stdout, done.stderr

    def _argv(self, *words: str) -> list[str]:
        return [str(self.engine), *words, "--stack", self.stack, "--non-interactive", "--color", "never"]

    def _do(self, step: Step) -> tuple[int, str]:
        match step:
            case Run():
                return self._run(step)
            case Drift(changes):
                for name, changed in changes.items():
                    for identity in [each for each in self.world.things if each.startswith(f"{name}#")]:
                        self.world.drift(identity, **changed)
                return 0, ""
            case Import(type_, name, words):
                identity, _ = self.world.make(type_, name, {"value": "found"})
                options = ["--yes", "--skip-preview", "--generate-code=false"]
                return self._told("import", type_, name, identity, *options, *words)
            case Edit(words):
                urns = {each["urn"].rpartition("::")[2]: each["urn"] for each in self._resources()}
                return self._told(*(urns.get(word[1:-1], word) if word[0] == "{" else word for word in words))
            case Rename(name):
                code, said = self._told("stack", "rename", name)
                if not code:
                    self.stack = name
                return code, said
            case Reimport(show_secrets):
                code, out, said = self.pulumi("stack", "export", *(["--show-secrets"] * show_secrets))
                return (code, said) if code else self._told("stack", "import", stdin=out)

    def _told(self, *words: str, stdin: str | None = None) -> tuple[int, str]:
        code, out, said = self.pulumi(*words, stdin=stdin)
        return code, out + said

    def _resources(self) -> list[dict[str, Any]]:
        return list(self.state().deployment.get("resources") or ())

    def _run(self, step: Run) -> tuple[int, str]:
        self.language.program, self.language.at_once = step.program, step.at_once
        self.world.gate.set()
        words = ["--exec-kind", "auto.inline", f"--client=127.0.0.1:{self.port}", *step.words]
        words += ["--parallel", "8" if step.at_once else "1"]
        if step.planned:
            plan = str(self.folder / "plan.json")
            code, said = self._told("preview", *words, "--save-plan", plan)
            if code:
                return code, said
            words += ["--plan", plan]
        if step.doing != "preview":
            words += ["--yes", "--skip-preview"]
        if step.cut is None:
            return self._told(step.doing, *words)
        return self._cut(step, words)

    def _cut(self, step: Run, words: list[str]) -> tuple[int, str]:
        """Run until something waits, and end it there; a run in which nothing waits is a run like others."""
        self.world.close_gate()
        process = subprocess.Popen(
            self._argv(step.doing, *words),
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            while process.poll() is None and not self.world.waiting.wait(0.02):
                pass
            if step.cut == "kill" and process.poll() is None:
                process.kill()
            elif process.poll() is None:
                process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
            process.communicate()
            self.world.gate.set()
        if step.cut == "kill" and process.returncode == -signal.SIGKILL:
            self.pulumi("cancel", "--yes", self.stack)
        return process.returncode, said


class FileSide(Side):
    """Pulumi's own file backend, secrets sealed under a passphrase."""

    def __init__(self, folder: Path, engine: Path, sealed: Passphrase) -> None:
        super().__init__(folder, engine)
        self.sealed = sealed
        self.store = folder / "store"
        self.store.mkdir()
        self.environment |= {
            "PULUMI_BACKEND_URL": f"file://{self.store}",
            "PULUMI_CONFIG_PASSPHRASE": PHRASE,
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        }

    def make(self, config: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        # The file that `pulumi stack init` writes; a test proves that it is.
        meta = self.store / ".pulumi" / "meta.yaml"
        meta.parent.mkdir()
        meta.write_text("version: 1\n")
        self._state.parent.mkdir(parents=True)
        self._state.write_text(
            json.dumps({"version": 3, "checkpoint": {"stack": f"organization/{PROJECT}/dev"}})
        )
        sealed = {name: {"secure": self.sealed.seal(text.encode())} for name, text in secrets.items()}
        self._configure({**config, **sealed}, encryptionsalt=self.sealed.state)

    def state(self) -> State:
        kept = orjson.loads(self._state.read_bytes())
        deployment = kept["checkpoint"].get("latest") or {}
        return State(
            opened(deployment, self.sealed.unseal), int(kept["version"]), tuple(kept.get("features") or ())
        )

    def records(self) -> list[Record]:
        found = sorted((self.store / ".pulumi" / "history" / PROJECT / self.stack).glob("*.history.json"))
        told = [orjson.loads(path.read_bytes()) for path in found]
        return [Record(each["kind"], each["result"], each.get("resourceChanges") or {}) for each in told]

    @property
    def _state(self) -> Path:
        return self.store / ".pulumi" / "stacks" / PROJECT / f"{self.stack}.json"


class TicSide(Side):
    """tic's state service, secrets sealed by a vault's key."""

    def __init__(self, folder: Path, engine: Path, service: StateService, url: str) -> None:
        super().__init__(folder, engine)
        self.service = service
        self.environment |= {
            "PULUMI_BACKEND_URL": url,
            "PULUMI_ACCESS_TOKEN": service.admit(Access("tester")),
            "PULUMI_JOURNALING_BATCH_PERIOD": "10",
        }

    def make(self, config: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        with self.service.write() as connection:
            self.id = stacks.create(connection, PROJECT, self.stack).id
        seal = self.service.encrypter(self.id)
        sealed = {name: {"secure": seal(text.encode())} for name, text in secrets.items()}
        self._configure({**config, **sealed})

    def close(self) -> None:
        super().close()
        with self.service.write() as connection:
            stacks.remove(connection, self.id)

    def state(self) -> State:
        with self.service.read() as connection:
            latest = checkpoints.latest(connection, self.id)
        sealing, bound = self.service.sealing, context(self.id)
        found = opened(latest.deployment, lambda text: sealing.unseal(bound, base64.b64decode(text)))
        return State(found, latest.schema, latest.features)

    def records(self) -> list[Record]:
        with self.service.read() as connection:
            found = history.history(connection, self.id)
        # To Pulumi an update succeeded or failed: one that was cancelled has failed.
        results = {"succeeded": "succeeded"}
        return [
            Record(each.kind, results.get(each.status, "failed"), each.resource_changes)
            for each in reversed(found)
        ]


def opened(value: Any, unseal: Callable[[str], bytes]) -> Any:
    """Property values with their secrets in plaintext, as `--show-secrets` has them, and parsed."""
    if isinstance(value, list):
        return [opened(item, unseal) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET and "plaintext" in value:
        return {SIGNATURE: SECRET, "plaintext": opened(orjson.loads(value["plaintext"]), unseal)}
    if value.get(SIGNATURE) == SECRET and "ciphertext" in value:
        # What is secret inside a secret is not sealed once more: its "ciphertext" is its JSON.
        return {SIGNATURE: SECRET, "plaintext": opened(orjson.loads(unseal(value["ciphertext"])), str.encode)}
    return {name: opened(item, unseal) for name, item in value.items()}
