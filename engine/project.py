"""A Pulumi project on disk: what its `Pulumi.yaml` says of how to run it, and how its YAML files are read."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError

if TYPE_CHECKING:
    import yaml

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # Pulumi's rule (tokens.ValidateProjectName)
DEEPEST = 100  # mappings and lists, one in another
LONGEST_FILE = 1024 * 1024  # bytes
MOST_WRITTEN_OUT = 2 * LONGEST_FILE  # characters, with every alias replaced by what it stands for


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
    file: Path
    stack_folder: Path

    def stack_file(self, stack: str) -> Path:
        """Where Pulumi looks for the configuration of `stack` (workspace.ProjectStackPath)."""
        return self.stack_folder / f"Pulumi.{stack}{self.file.suffix}"

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
            hint=f"go to the project {name}, whose folder tic remembers then: cd FOLDER && tic stack preview",
        )
    if not Path(folder).is_dir():
        raise ProjectUnusable(
            f"the project {name} was last seen in {folder}, which is gone",
            hint="go to where it is now, which tic remembers then: cd FOLDER && tic stack preview",
        )
    known = read(Path(folder))
    if known.name != name:
        raise ProjectUnusable(
            f"the project in {folder} is now called {known.name}, and the stack belongs to {name}",
            hint=f"name it {name} again in its Pulumi.yaml; or take the stack along: tic stack export-state "
            f"{name}/STACK | tic stack import-state {known.name}/STACK - --rename",
        )
    return known


def read(folder: Path) -> Project:
    """The project in `folder`; raises ProjectUnusable where its file is missing or says nothing usable."""
    path = next((folder / name for name in PROJECT_FILES if (folder / name).is_file()), None)
    if path is None:
        raise ProjectUnusable(
            f"there is no Pulumi.yaml in {folder}",
            hint="make a project: tic stack new NAME --template certificate, or go to the folder of one",
        )
    said = read_data(path)
    name = said.get("name")
    if not isinstance(name, str) or not said.get("runtime"):
        raise _not_a_project(path, "it needs a name and a runtime")
    if not NAME.fullmatch(name) or name in (".", ".."):
        raise _not_a_project(
            path, f"the name {name!r} may hold letters, digits, - _ and . only (at most 100, not . or ..)"
        )
    runtime, options = _runtime(path, said["runtime"])
    main = said.get("main") or ""
    if not isinstance(main, str):
        raise _not_a_project(path, f"main is a path, not {main!r}")
    declared = said.get("config")
    # An older form of Pulumi.yaml says `config: FOLDER` (workspace.RewriteConfigPathIntoStackConfigDir).
    stacks = said.get("stackConfigDir") or (declared if isinstance(declared, str) else "")
    if not isinstance(stacks, str):
        raise _not_a_project(path, f"stackConfigDir is a path, not {stacks!r}")
    return Project(
        name, folder, runtime, folder / main, _interpreter(folder, runtime, options), path, folder / stacks
    )


def check_program(project: Project) -> None:
    """Raise ProjectUnusable where the `main` of the project does not exist."""
    if not project.main.exists():
        raise ProjectUnusable(
            f"the program of {project.file} does not exist: {project.main}",
            hint=f"write it, or mend main in {project.file}",
        )


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file whose whole is a mapping: its values, and its nodes, which keep how each was written."""

    data: dict[str, Any]
    root: "yaml.MappingNode"


def read_document(path: Path) -> Document:
    """The mapping in a YAML file; an empty file is an empty one. Raises ProjectUnusable, for the file's size,
    its depth and what its aliases would grow to as well; the message repeats nothing of the content.
    """
    from yaml import SafeLoader

    return _document(path, SafeLoader)


def read_data(path: Path) -> dict[str, Any]:
    """As `read_document`, the values alone: six times as fast where PyYAML has libyaml, which matters for a
    project whose program is in that file.
    """
    import yaml

    return _document(path, getattr(yaml, "CSafeLoader", yaml.SafeLoader)).data


def _document(path: Path, loader_class: "type[yaml.SafeLoader | yaml.CSafeLoader]") -> Document:
    import yaml

    try:
        with path.open("rb") as stream:
            content = stream.read(LONGEST_FILE + 1)
        if len(content) > LONGEST_FILE:
            raise _unreadable(path, f"it is larger than {LONGEST_FILE} bytes")
        text = content.decode("utf-8-sig")
        if loader_class is not yaml.SafeLoader and _depth(yaml.parse(text, Loader=loader_class)) > DEEPEST:
            raise _unreadable(path, "it is nested too deeply")
        loader = loader_class(text)
        root = loader.get_single_node()
        if root is None or (isinstance(root, yaml.ScalarNode) and root.tag == "tag:yaml.org,2002:null"):
            root = yaml.MappingNode("tag:yaml.org,2002:map", [])
        if _written_out(root, {}) > MOST_WRITTEN_OUT:
            raise _unreadable(path, "its aliases stand for too much")
        data = loader.construct_document(root)
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"it is not UTF-8 (byte {error.start})") from None
    except yaml.YAMLError as error:
        raise _unreadable(path, f"it is not YAML{_place(error)}") from None
    except RecursionError:
        raise _unreadable(path, "it is nested too deeply") from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        # PyYAML lets these through for scalars that are not of their own type, such as the date 2024-99-99.
        raise _unreadable(path, "a value in it is not of its YAML type") from None
    if not isinstance(data, dict) or not isinstance(root, yaml.MappingNode):
        raise _unreadable(path, "it is not a mapping (key: value)")
    return Document(data, root)


def _depth(events: "Iterable[yaml.Event]") -> int:
    """How deep a document is nested, as far as it matters: libyaml's loader would exhaust the stack."""
    import yaml

    depth = deepest = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            deepest = max(deepest, depth)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if deepest > DEEPEST:
            break
    return deepest


def _written_out(node: "yaml.Node", known: dict[int, int]) -> int:
    """How many characters the node holds without aliases; one that holds itself is infinitely deep."""
    if isinstance(node.value, str):
        return 1 + len(node.value)
    identity = id(node)
    if identity not in known:
        known[identity] = MOST_WRITTEN_OUT + 1  # met again below itself, it has no end
        parts = (each if isinstance(each, tuple) else (each,) for each in node.value)
        known[identity] = 1 + sum(_written_out(part, known) for each in parts for part in each)
    return known[identity]


def _place(error: "yaml.YAMLError") -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def _unreadable(path: Path, reason: str) -> ProjectUnusable:
    return ProjectUnusable(f"{path} can't be read: {reason}", hint=f"mend {path}")


def _not_a_project(path: Path, reason: str) -> ProjectUnusable:
    return ProjectUnusable(f"{path} is not a Pulumi project: {reason}", hint=f"mend {path}")


def _runtime(path: Path, declared: Any) -> tuple[str, dict[str, Any]]:
    """The runtime's name and options, from `runtime: NAME` or `runtime: {name: NAME, options: {...}}`."""
    name, options = declared, None
    if isinstance(declared, dict):
        name, options = declared.get("name"), declared.get("options")
    if not isinstance(name, str) or not name:
        raise _not_a_project(path, "its runtime has no name")
    if not isinstance(options, dict | None):
        raise _not_a_project(path, f"the options of its runtime are not a mapping, but {options!r}")
    return name, options or {}


def _interpreter(folder: Path, runtime: str, options: dict[str, Any]) -> Path | None:
    if runtime != "python":
        return None
    if virtualenv := options.get("virtualenv"):
        # Whether it is there is asked when the program is to run (`engine.program_packages`).
        return folder / str(virtualenv) / "bin" / "python"
    return Path(sys.executable)
