"""Drives the real Pulumi CLI against the state service: commands, and runs of a program of this process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import orjson

from tests.engine.state.program import Program, served

PROJECT = "proj"
PLUGIN = Path(__file__).parents[2] / "plugins" / "trivial.py"


class Cli:
    """One user's Pulumi: a project folder, a home of its own, the plugin on PATH, and one backend."""

    def __init__(self, folder: Path, engine: Path, backend: str, token: str | None) -> None:
        self.project = folder / "project"
        self.world = folder / "world"
        for path in (self.project, self.world, folder / "bin"):
            path.mkdir(parents=True)
        plugin = folder / "bin" / "pulumi-resource-trivial"
        plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PLUGIN} "$@"\n')
        plugin.chmod(0o755)
        (self.project / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        self.engine = engine
        self.environment = {
            "PATH": os.pathsep.join([str(plugin.parent), str(engine.parent), os.environ["PATH"]]),
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": backend,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "TRIVIAL_WORLD": str(self.world),
        }
        if token is not None:
            self.environment["PULUMI_ACCESS_TOKEN"] = token

    def __call__(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One command; with `check`, one that fails is a failed test."""
        process = self.start(*words)
        stdout, stderr = process.communicate(timeout=120)
        if check and process.returncode:
            raise AssertionError(f"pulumi {' '.join(words)}: {process.returncode}\n{stdout}\n{stderr}")
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def json(self, *words: str) -> Any:
        """What a command says with `--json`."""
        return orjson.loads(self(*words, "--json").stdout)

    def run(self, operation: str, program: Program, *words: str, check: bool = True) -> str:
        """`up`, `preview`, `refresh` or `destroy` with an inline program; returns what was printed."""
        with self.running(operation, program, *words) as process:
            printed, _ = process.communicate(timeout=120)
        if check and process.returncode:
            raise AssertionError(f"pulumi {operation}: {process.returncode}\n{printed}")
        return f"{printed}\nexit code {process.returncode}"

    @contextmanager
    def running(self, operation: str, program: Program, *words: str) -> "Iterator[subprocess.Popen[str]]":
        """As `run`, while it runs; what is left of it at the end of the block is killed."""
        options = ["--yes", "--skip-preview"] if operation != "preview" else []
        with served(program) as port:
            client = ["--exec-kind", "auto.inline", f"--client=127.0.0.1:{port}"]
            process = self.start(operation, *options, *client, *words, merged=True)
            try:
                yield process
            finally:
                process.kill()
                process.communicate()

    def start(self, *words: str, merged: bool = False) -> subprocess.Popen[str]:
        """Start a command; `merged` puts what it says on stderr into stdout."""
        return subprocess.Popen(
            [str(self.engine), *words, "--non-interactive"],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            text=True,
        )

    @property
    def made(self) -> list[str]:
        """The things that there are in the world, by name and without their random part."""
        return sorted(
            path.name[: -len("-00000000-0000-0000-0000-000000000000")] for path in self.world.iterdir()
        )

    def ask(self, path: str) -> Any:
        """What the service answers to a GET, without the CLI's start."""
        request = Request(self.environment["PULUMI_BACKEND_URL"] + path)  # noqa: S310 - the test's own service
        request.add_header("Authorization", f"token {self.environment['PULUMI_ACCESS_TOKEN']}")
        with urlopen(request) as answer:  # noqa: S310
            return orjson.loads(answer.read())

    def exported(self, stack: str = "dev") -> dict[str, Any]:
        """A stack's deployment."""
        deployment: dict[str, Any] = self.ask(f"/api/stacks/tic/{PROJECT}/{stack}/export")["deployment"]
        return deployment

    def history(self, stack: str = "dev") -> list[dict[str, Any]]:
        """A stack's updates, newest first."""
        updates: list[dict[str, Any]] = self.ask(f"/api/stacks/tic/{PROJECT}/{stack}/updates")["updates"]
        return updates

    def state(self, stack: str = "dev") -> dict[str, dict[str, Any]]:
        """The things in a stack's state by name."""
        resources = self.exported(stack).get("resources") or ()
        return {
            resource["urn"].rpartition("::")[2]: resource
            for resource in resources
            if resource["type"] == "trivial:index:Thing"
        }
