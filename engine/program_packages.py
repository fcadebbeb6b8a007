"""Whether the interpreter of a Python program has what the program needs, before anything is started.

The SDKs of Pulumi's packages are large, and no part of tic: a project has them in a virtual environment of
its own (`virtualenv` in its Pulumi.yaml) or in tic's. What it needs is what its requirements.txt names of
them; whatever else stands there is the program's own business.
"""

import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.project import Project

REQUIREMENTS: Final = "requirements.txt"
LONGEST_FILE: Final = 1024 * 1024  # characters
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NAMED_BY_PULUMI: Final = re.compile(r"(^|-)pulumi($|-)")


class ProgramNotReady(EngineError):
    """The program's interpreter is not there, or lacks packages that the project names."""

    exit_code = 6


def check(project: "Project") -> None:
    """Raise ProgramNotReady where the project's program has no interpreter, or that has not its SDKs."""
    python = project.interpreter
    if python is None:
        return
    if not python.exists():
        raise ProgramNotReady(
            f"the program of {project.name} runs in a virtual environment of its own, and "
            f"{python.parent.parent} does not exist",
            hint=f"make it: {install_command(project)}",
        )
    wanted = needed(project.folder)
    there = _installed(python) if wanted else None
    missing = [name for name in wanted if there is not None and name not in there]
    if missing:
        raise ProgramNotReady(
            f"the program of {project.name} needs {', '.join(missing)}, and {python} does not have "
            f"{'it' if len(missing) == 1 else 'them'}",
            hint=f"install what {REQUIREMENTS} names: {_pip(project)}",
        )


def install_command(project: "Project") -> str:
    """The commands that make the program's own virtual environment with what it needs."""
    assert project.interpreter is not None  # noqa: S101 - asked of Python programs alone
    environment = project.interpreter.parent.parent
    return f"python3 -m venv {shlex.quote(str(environment))} && {_pip(project)}"


def needed(folder: Path) -> list[str]:
    """The packages of Pulumi's that the project's requirements.txt names, normalized (PEP 503)."""
    try:
        with (folder / REQUIREMENTS).open(encoding="utf-8", errors="replace") as stream:
            lines = stream.read(LONGEST_FILE).splitlines()
    except OSError:
        return []
    return list(dict.fromkeys(_named(lines)))


def _named(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        requirement, _, marker = line.partition("#")[0].partition(";")
        found = _NAME.match(requirement.strip())
        if found is None or marker.strip():
            continue  # an option, a path, or for some machines only
        name = _normal(found[0])
        if _NAMED_BY_PULUMI.search(name):
            yield name


def _pip(project: "Project") -> str:
    what = f"-r {shlex.quote(str(project.folder / REQUIREMENTS))}"
    if not (project.folder / REQUIREMENTS).exists():
        what = "pulumi"
    return f"{shlex.quote(str(project.interpreter))} -m pip install {what}"


def _installed(python: Path) -> set[str] | None:
    """The distributions that an interpreter finds; None where its folder alone does not tell."""
    if python == Path(sys.executable):
        folders = [Path(folder) for folder in sys.path if folder]
    else:
        environment = python.parent.parent
        try:
            settings = (environment / "pyvenv.cfg").read_text(encoding="utf-8").lower()
        except (OSError, UnicodeDecodeError):
            return None
        if re.search(r"(?m)^\s*include-system-site-packages\s*=\s*true", settings):
            return None
        folders = list(environment.glob("lib*/python*/site-packages"))
    return {
        _normal(path.stem.rpartition("-")[0] or path.stem)
        for folder in folders
        for path in folder.glob("*.*-info")
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
