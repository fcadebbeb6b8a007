"""The stock Pulumi CLI as a person uses it: a project folder, a home of its own, and a served home of tic."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

CALL_SECONDS = 120
APPLY = ("--yes", "--skip-preview")


@dataclass(frozen=True, slots=True)
class Said:
    """What one command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All of it."""
        return self.out + self.err

    def json(self) -> Any:
        """Stdout as one JSON value."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Stock:
    """One project's folder and the variables in its shell."""

    command: Path
    folder: Path
    variables: Mapping[str, str] = field(repr=False)
    world: Path

    @property
    def project(self) -> str:
        """The project's name, which is that of its folder."""
        return self.folder.name

    def __call__(
        self, *words: str, code: int = 0, stdin: str = "", variables: Mapping[str, str] | None = None
    ) -> Said:
        """Run `pulumi WORDS`, with these variables too; fails the test unless it ends with `code`."""
        done = subprocess.run(
            [self.command, *words, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env={**os.environ, **self.variables, **(variables or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=CALL_SECONDS,
            check=False,
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert said.code == code, f"pulumi {' '.join(words)}: {said.code}\n{said.text}"
        return said

    def json(self, *words: str) -> Any:
        """What a command says with `--json`."""
        return self(*words, "--json").json()

    def without(self, *variables: str) -> "Stock":
        """The same, in a shell without these variables."""
        left = {name: value for name, value in self.variables.items() if name not in variables}
        return replace(self, variables=left)

    def write(
        self,
        resources: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        project: str | None = None,
    ) -> None:
        """Make this the project's program (runtime: yaml; JSON is YAML)."""
        program = {
            "name": project or self.project,
            "runtime": "yaml",
            "resources": dict(resources or {}),
            "outputs": dict(outputs or {}),
        }
        (self.folder / "Pulumi.yaml").write_text(json.dumps(program, indent=2))

    def up(
        self,
        resources: Mapping[str, Any] | None = None,
        *words: str,
        outputs: Mapping[str, Any] | None = None,
        code: int = 0,
    ) -> Said:
        """`pulumi up` of a program with these resources and outputs."""
        self.write(resources, outputs)
        return self("up", *APPLY, *words, code=code)

    def changes(self) -> dict[str, int]:
        """What the newest update changed."""
        newest: dict[str, int] = self.history()[0]["resourceChanges"]
        return newest

    def ask(self, path: str, stack: str = "dev") -> Any:
        """What the service answers about a stack, without the CLI's start."""
        request = Request(  # noqa: S310 - the test's own service
            f"{self.variables['PULUMI_BACKEND_URL']}/api/stacks/tic/{self.project}/{stack}/{path}"
        )
        request.add_header("Authorization", f"token {self.variables['PULUMI_ACCESS_TOKEN']}")
        with urlopen(request) as answer:  # noqa: S310
            return json.loads(answer.read())

    def deployment(self, stack: str = "dev") -> dict[str, Any]:
        """A stack's state."""
        exported: dict[str, Any] = self.ask("export", stack)["deployment"]
        return exported

    def history(self, stack: str = "dev") -> list[dict[str, Any]]:
        """A stack's updates, newest first."""
        updates: list[dict[str, Any]] = self.ask("updates", stack)["updates"]
        return updates

    def things(self, stack: str = "dev") -> dict[str, dict[str, Any]]:
        """The things in a stack's state by name, as far as they are not to be deleted."""
        return {
            resource["urn"].rpartition("::")[2]: resource
            for resource in self.deployment(stack).get("resources") or ()
            if resource["type"] == "trivial:index:Thing" and not resource.get("delete")
        }

    def urn(self, name: str, stack: str = "dev") -> str:
        """The URN of a thing without parent."""
        return f"urn:pulumi:{stack}::{self.project}::trivial:index:Thing::{name}"

    def exists(self, thing: Mapping[str, Any]) -> bool:
        """Whether a thing of the state is there in the world."""
        return (self.world / str(thing["id"])).exists()


def thing(options: Mapping[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    """A thing of the plugin as YAML declares it."""
    return {"type": "trivial:Thing", "properties": properties, "options": dict(options or {})}


def secret(value: Any) -> dict[str, Any]:
    """A value that the program marks as secret."""
    return {"fn::secret": value}


def names(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of stacks as `pulumi stack ls --json` lists them."""
    return [str(record["name"]) for record in records]
