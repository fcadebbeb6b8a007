"""A project of thirty resources in two editions; from the first to the second, every kind of step is needed.

Three components and twenty-seven things of tests/plugins/realm.py. The second edition replaces a chain with
the new ones made first, and one with the old ones deleted first, changes values, drops things and adds some.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = "name: thirty\nruntime: python\n"


@dataclass(frozen=True, slots=True)
class Declared:
    """One thing: in which group, after which one (whose id is its key, if `keyed`), replaced how."""

    group: str
    value: str = "plain"
    key: str = "k1"
    after: str | None = None
    keyed: bool = False
    delete_first: bool = False


def things(edition: str) -> dict[str, Declared]:
    """What the edition declares, by name, those first that others need."""
    second = edition == "second"
    key, value = ("k2", "changed") if second else ("k1", "plain")
    made = {
        "road": Declared("a", key=key),
        "road-lamp": Declared("a", after="road", keyed=True),
        "road-lamp-bulb": Declared("a", after="road-lamp", keyed=True),
        "tower": Declared("b", key=key, delete_first=True),
        "tower-flag": Declared("b", after="tower", keyed=True, delete_first=True),
        "tower-flag-pole": Declared("b", after="tower-flag", keyed=True, delete_first=True),
        "bridge": Declared("c", key=key),
        "harbour": Declared("c", key=key, delete_first=True),
        "gate": Declared("c", value=value),
        "gate-bell": Declared("c", value=value, after="gate"),
        "well": Declared("b", value=value),
        "garden": Declared("a", value=value, key=key),
    }
    made |= {f"house-{number}": Declared("a", value=value) for number in range(3)}
    made |= {f"tree-{number}": Declared("b", after="well") for number in range(6)}
    made |= {f"field-{number}": Declared("c") for number in range(3)}
    passing = ("mill", "barn", "fence") if second else ("tent", "hut", "cart")
    made[passing[0]] = Declared("a")
    made[passing[1]] = Declared("b", after=passing[0])
    made[passing[2]] = Declared("c", after="gate")
    return made


def expected(edition: str) -> dict[str, str]:
    """The value of each thing that exists when the edition is up; none exists where it is empty."""
    return {name: thing.value for name, thing in things(edition).items()} if edition else {}


def write(folder: Path, edition: str) -> None:
    """Make `folder` the project in this edition."""
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "__main__.py").write_text(program(things(edition)))


def program(declared: Mapping[str, Declared]) -> str:
    """A Pulumi program, as text."""
    lines = ["import pulumi", "", "groups, made = {}, {}"]
    lines += [
        f"groups[{group!r}] = pulumi.ComponentResource('realm:index:Group', {group!r})" for group in "abc"
    ]
    for name, thing in declared.items():
        key = f"made[{thing.after!r}].id" if thing.keyed else repr(thing.key)
        after = f"[made[{thing.after!r}]]" if thing.after else "[]"
        lines += [
            f"made[{name!r}] = pulumi.CustomResource(",
            f"    'realm:index:Thing', {name!r}, {{'value': {thing.value!r}, 'key': {key}}},",
            f"    pulumi.ResourceOptions(parent=groups[{thing.group!r}], depends_on={after},",
            f"        delete_before_replace={thing.delete_first}))",
        ]
    return "\n".join([*lines, "pulumi.export('things', len(made))", ""])
