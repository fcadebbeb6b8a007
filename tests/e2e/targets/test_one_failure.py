"""Deployments that do not depend on one another: side by side, and one that fails stops no other (E2)."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.e2e.command import Tic
from tests.stacks.provider.acme.chains import chain

pytestmark = pytest.mark.server

PROGRAM = """
import json
from pathlib import Path

import pulumi
from stacks.deployments import Directory

given = json.loads(Path("given.json").read_text())


def deployed(name, path, command=None, **options):
    return Directory(
        name, path=path, certificate_pem=given["certificate"], chain_pem=given["chain"], command=command,
        private_key_pem=pulumi.Output.secret(given["key"]), opts=pulumi.ResourceOptions(**options),
    )


for name, command in given["commands"].items():
    deployed(name, str(Path(name).absolute()), command)
if given.get("chained"):
    first = deployed("first", str(Path("first").absolute()))
    after = deployed("after", str(Path("after").absolute()), depends_on=[first])
    made_of = deployed("made-of", pulumi.Output.concat(first.path, "-made-of"))
    pulumi.export("told", first.path.apply(lambda path: deployed("told", f"{path}-told").path))
    pulumi.export("after", after.path)
"""
# Two of them end only once both have begun.
MEETS = """#!{python} -I
import pathlib, sys, time
own, other = map(pathlib.Path, sys.argv[1:])
own.touch()
ends = time.monotonic() + 30
while not other.exists():
    if time.monotonic() > ends:
        sys.exit("the other has not begun")
    time.sleep(0.01)
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A project whose program deploys `given`."""

    tic: Tic
    given: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.tic.folder

    def issue(self, serial: int) -> None:
        """Another certificate, which the next run deploys."""
        made = chain("shop.test", serial=serial)
        pems = {"certificate": made.certificate, "chain": made.intermediate, "key": made.key}
        (self.folder / "given.json").write_text(json.dumps({**self.given, **pems}))

    def serials(self) -> dict[str, int]:
        """Which certificate is where."""
        found = self.folder.glob("*/cert.pem")
        return {
            each.parent.name: x509.load_pem_x509_certificate(each.read_bytes()).serial_number
            for each in found
        }

    def block(self, name: str) -> None:
        """Let nothing be written where this deployment goes."""
        for file in (self.folder / name).iterdir():
            file.unlink()
        (self.folder / name).rmdir()
        (self.folder / name).touch()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The stack `dev`, never run."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    tic = Tic(tmp_path / "home", folder)
    tic("vault", "init")
    tic("stack", "new", "dev")
    return Project(tic, {"commands": {"one": None, "two": None, "three": None}})


def standings(project: Project, *words: str) -> dict[str, dict[str, str]]:
    """How the deployments stand at the end of a run that fails, by name."""
    lines = project.tic("stack", *words, "dev", "--json", code=1).out.splitlines()
    end = json.loads(lines[-1])
    assert (end["event"], end["succeeded"]) == ("end", False)
    return {each["name"]: each for each in end["standings"]}


def test_two_slow_targets_overlap(project: Project) -> None:
    meets = project.folder / "meets"
    meets.write_text(MEETS.format(python=sys.executable))
    meets.chmod(0o700)
    begun = [str(project.folder / f"begun-{each}") for each in (1, 2)]
    project.given["commands"] = {"one": [str(meets), *begun], "two": [str(meets), *reversed(begun)]}
    project.issue(1)
    project.tic("stack", "up", "dev")
    assert project.serials() == {"one": 1, "two": 1}


def test_one_that_fails_stops_no_other_and_the_next_run_tries_it_alone(project: Project) -> None:
    project.issue(1)
    project.tic("stack", "up", "dev")
    project.block("two")
    project.issue(2)
    said = project.tic("stack", "up", "dev", code=1).err
    assert project.serials() == {"one": 2, "three": 2}
    summary = said[said.index("how its deployments stand:") :].splitlines()
    assert summary[1:3] == ["  ~ Directory one: updated", "  ~ Directory three: updated"]
    assert summary[3].startswith("  x Directory two: failed: the certificate can't be written to")
    assert summary[4].startswith("      next: make ")
    assert summary[-1].endswith("then: tic stack up shop/dev")
    (project.folder / "two").unlink()
    done = project.tic("stack", "up", "dev").err
    assert project.serials() == dict.fromkeys(("one", "two", "three"), 2)
    assert "1 update" in done
    assert "Directory one" not in done


def test_a_failure_deletes_nothing_that_the_program_could_not_register_or_has_dropped(
    project: Project,
) -> None:
    """C1. Not registered, because what it is made of failed, is not the same as dropped."""
    project.given["chained"] = True
    project.issue(1)
    project.tic("stack", "up", "dev")
    outputs = project.tic("stack", "outputs", "dev", "--json").json()
    project.block("first")
    del project.given["commands"]["three"]
    project.issue(2)
    stand = standings(project, "up")
    assert {name: each["state"] for name, each in stand.items()} == {
        **dict.fromkeys(("one", "two"), "updated"),
        **dict.fromkeys(("after", "made-of", "told", "three"), "not tried"),
        "first": "failed",
    }
    assert "can't be written" in stand["first"]["message"]
    assert stand["first"]["next"].startswith("make ")
    kept = dict.fromkeys(("after", "first-made-of", "first-told", "three"), 1)
    assert project.serials() == {**dict.fromkeys(("one", "two"), 2), **kept}
    assert project.tic("stack", "outputs", "dev", "--json").json() == outputs
    (project.folder / "first").unlink()
    project.tic("stack", "up", "dev")
    every = ("one", "two", "first", "after", "first-made-of", "first-told")
    assert project.serials() == dict.fromkeys(every, 2)


def test_a_destroy_goes_on_too_and_keeps_what_could_not_be_removed(project: Project) -> None:
    project.issue(1)
    project.tic("stack", "up", "dev")
    project.block("two")
    stand = standings(project, "destroy", "--yes")
    assert {name: each["state"] for name, each in stand.items()} == {
        "one": "deleted",
        "three": "deleted",
        "two": "failed",
    }
    (project.folder / "two").unlink()
    project.tic("stack", "destroy", "dev", "--yes")
    assert project.serials() == {}
