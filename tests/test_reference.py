"""What the pages say of commands, options and variables is what the program has: no more and no less."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import app
from credentials.withheld import VARIABLES

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_SECTION = re.compile(r"^### `tic ([^`]+)`\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"--[a-z][a-z-]*|-[a-z](?=[`, ])")
_SPAN = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"\bTIC_[A-Z_]+[A-Z]\b")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: the words after `tic` with its arguments, and its options; some of these must be given."""

    usage: str
    options: frozenset[str]
    required: frozenset[str]


def walk(node: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every group and command of the program below `node`, by its words."""
    yield path, node
    for name, below in getattr(node, "commands", {}).items():
        yield from walk(below, *path, name)


TREE = dict(walk(typer.main.get_command(app)))


def command(path: tuple[str, ...], found: Any) -> Command:
    """A command as the program has it."""
    behind = [piece for piece in found.collect_usage_pieces(typer.Context(found)) if piece.startswith("-- ")]
    given = [_shown(one) for one in found.params if one.param_type_name == "argument"]
    options = [one for one in found.params if one.param_type_name == "option" and one.name != "help"]
    return Command(
        " ".join((*path, *given, *behind)),
        frozenset(name for one in options for name in (*one.opts, *one.secondary_opts)),
        frozenset(one.opts[0] for one in options if one.required),
    )


def _shown(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).strip("[]")
    return name if argument.required else f"[{name}]"


def documented() -> dict[str, str]:
    """The section of each command of the reference, by its heading."""
    return {found[1]: found[2] for found in _SECTION.finditer(REFERENCE) if found[1] != "--version"}


def bullets(section: str) -> Iterator[tuple[frozenset[str], str]]:
    """For each line of a section that tells of options: their names, and the line."""
    for line in section.splitlines():
        if line.startswith("- "):
            names, _, _ = line.partition(": ")
            spans = [span for span in _SPAN.findall(names) if span.startswith("-")]
            yield frozenset(_OPTION.findall(" ".join(f"{span} " for span in spans))), line


COMMANDS = [command(path, found) for path, found in TREE.items() if not hasattr(found, "commands")]


def test_the_reference_has_every_command_with_its_arguments_and_no_other() -> None:
    assert sorted(documented()) == sorted(each.usage for each in COMMANDS)


@pytest.mark.parametrize("known", COMMANDS, ids=lambda known: known.usage.replace(" ", "_"))
def test_the_reference_has_every_option_of_a_command_and_no_other(known: Command) -> None:
    said = list(bullets(documented()[known.usage]))
    assert frozenset().union(*(names for names, _line in said)) == known.options
    assert {name for names, line in said if "required" in line for name in names} == known.required


def test_every_group_is_in_the_reference_or_waits_to_be() -> None:
    groups = {path[0] for path, node in TREE.items() if len(path) == 1 and hasattr(node, "commands")}
    sections = set(re.findall(r"^## tic (\w+)$", REFERENCE, re.MULTILINE)) - {"itself"}
    assert sections == groups


def invocations(text: str) -> Iterator[list[str]]:
    """The words of each `tic ...` that a page shows as code, as far as the next command of a shell."""
    code = [*_FENCE.findall(text), *_SPAN.findall(_FENCE.sub("", text))]
    for line in "\n".join(code).replace("\\\n", " ").splitlines():
        for part in re.split(r"[;&]|\s#|\s\|\s|\$\(|\)", line):
            words = part.replace("(", " ").split()
            while words and ("=" in words[0] or words[0] in ("$", "run", "export")):
                words = words[1:]  # variables before the command, prompts
            if words and words[0] == "tic":
                yield words[1:]


def unknown(words: list[str]) -> str | None:
    """What of a command line the program does not have; `up|refresh` stands for both."""
    paths: list[tuple[str, ...]] = [()]
    rest = list(words)
    while rest and hasattr(TREE[paths[0]], "commands") and re.fullmatch(r"[a-z|-]+", rest[0]):
        if rest[0].startswith("-"):
            break
        paths = [(*path, name) for path in paths for name in rest[0].split("|")]
        if missing := [path for path in paths if path not in TREE]:
            return f"tic {' '.join(missing[0])}"
        rest = rest[1:]
    own = rest[: rest.index("--")] if "--" in rest else rest
    for option in (word.split("=")[0] for word in own if word.startswith("--")):
        for path in paths:
            names = {name for one in TREE[path].params for name in (*one.opts, *one.secondary_opts)}
            if option not in {*names, "--help"}:
                return f"tic {' '.join(path)} {option}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_no_command_and_no_option_that_is_not_there(page: Path) -> None:
    said = list(invocations(page.read_text(encoding="utf-8")))
    assert [found for words in said if (found := unknown(words))] == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("`tic creds list --here`", None),
        ("`tic creds lits`", "tic creds lits"),
        ("`tic creds list --hear`", "tic creds list --hear"),
        ("`tic stack up|refresh --notify bot`", None),
        ("`tic stack up|down`", "tic stack down"),
        ("`tic creds exec shop -- ls --all`", None),
        ("```sh\nA=1 tic stack new site \\\n    --sett a=b   # why\n```", "tic stack new --sett"),
        ("```sh\ncd site && tic stack upp\n```", "tic stack upp"),
        ("`tic COMMAND --help`", None),
    ],
)
def test_this_test_sees_what_is_not_there(line: str, what: str | None) -> None:
    found = [unknown(words) for words in invocations(line)]
    assert found == [what]


def test_the_reference_has_every_variable_and_no_other() -> None:
    packages = ("cli", "credentials", "engine", "stacks")
    sources = [path for name in packages for path in (ROOT / name).rglob("*.py")]
    quoted = re.compile(r'"(TIC_[A-Z_]+[A-Z])"')
    read = {name for path in sources for name in quoted.findall(path.read_text(encoding="utf-8"))}
    assert set(_VARIABLE.findall(REFERENCE)) == read | set(VARIABLES)


def test_every_link_between_the_pages_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", _FENCE.sub("", text)):
            path, _, anchor = target.partition("#")
            other = (page.parent / path).resolve() if path else page
            if not other.exists() or (anchor and anchor not in anchors(other)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """What the headings of a page are linked by: lower case, no punctuation, dashes for spaces."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^\d+\. \[.+\]\((.+)\)$", (folder / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")
