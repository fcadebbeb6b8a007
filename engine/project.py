"""A Pulumi project on disk: what its `Pulumi.yaml` says of how to run it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml")


class ProjectUnusable(EngineError):
    """There is no Pulumi project where one was looked for, or its file can't be read."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Project:
    """One project: `folder` holds Pulumi.yaml; `interpreter` runs its program inline when the runtime is
    Python.
    """

    name: str
    folder: Path
    runtime: str
    main: Path
    interpreter: Path | None

    @property
    def inline(self) -> bool:
        """Whether tic serves the program itself; every other runtime uses Pulumi's language host."""
        return self.runtime == "python"


def find(start: Path) -> Project | None:
    """The project of `start` or of the nearest folder above it."""
    for folder in (start, *start.parents):
        for name in PROJECT_FILES:
            if (folder / name).is_file():
                return read(folder)
    return None


def of_stack(name: str, folder: str, here: Path) -> Project:
    """The project `name` that `here` is in, else the one in `folder`, where the stack was last run from.

    So a stack runs the program of the checkout that one stands in. Raises ProjectUnusable.
    """
    found = find(here)
    if found is not None and found.name == name:
        return found
    if not folder:
        raise ProjectUnusable(
            f"no folder of project {name} is known, and {here} is not one",
            hint=f"go to the project {name}, then again",
        )
    if not Path(folder).is_dir():
        raise ProjectUnusable(
            f"the project {name} was last seen in {folder}, which is gone",
            hint="go to where it is now, then again",
        )
    known = read(Path(folder))
    if known.name != name:
        raise ProjectUnusable(
            f"the project in {folder} is now called {known.name}, and the stack belongs to {name}",
            hint=f"name it {name} again in its Pulumi.yaml, or go to the project {name}",
        )
    return known


def read(folder: Path) -> Project:
    """The project in `folder`; raises ProjectUnusable where its file is missing or says nothing usable."""
    import yaml

    path = next((folder / name for name in PROJECT_FILES if (folder / name).is_file()), None)
    if path is None:
        raise ProjectUnusable(
            f"there is no Pulumi.yaml in {folder}",
            hint="make a project: tic stack new NAME --template certificate, or go to the folder of one",
        )
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProjectUnusable(f"{path} can't be read: {_brief(error)}", hint=f"mend {path}") from error
    if (
        not isinstance(document, dict)
        or not isinstance(document.get("name"), str)
        or "runtime" not in document
    ):
        raise ProjectUnusable(
            f"{path} is not a Pulumi project: it needs a name and a runtime", hint=f"mend {path}"
        )
    runtime, options = _runtime(document["runtime"])
    main = folder / str(document.get("main") or "")
    return Project(document["name"], folder, runtime, main, _interpreter(folder, runtime, options))


def _runtime(declared: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(declared, dict):
        return str(declared.get("name", "")), declared.get("options") or {}
    return str(declared), {}


def _interpreter(folder: Path, runtime: str, options: dict[str, Any]) -> Path | None:
    if runtime != "python":
        return None
    if virtualenv := options.get("virtualenv"):
        python = folder / str(virtualenv) / "bin" / "python"
        if not python.exists():
            raise ProjectUnusable(
                f"the project's virtual environment {folder / str(virtualenv)} does not exist",
                hint=f"make it: python3 -m venv {folder / str(virtualenv)} && {python} -m pip install pulumi",
            )
        return python
    return Path(sys.executable)


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
