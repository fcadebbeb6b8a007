"""Cases from seeds: a random program, and what a random life does to it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.engine.state.differential.program import (
    GROUP,
    OTHER,
    PAIR,
    PROVIDER,
    THING,
    Alias,
    Declared,
    FromConfig,
    Options,
    OutputOf,
    Program,
    Reference,
    Secret,
    Text,
)
from tests.engine.state.differential.steps import Case, Cut, Drift, Edit, Import, Reimport, Rename, Run, Step

NAMES = "abcdefghijklmnopqrstuvwxyz"
TYPES = {THING: 60, OTHER: 10, GROUP: 12, PROVIDER: 8, PAIR: 7}
FAILURES = ("create", "update", "delete", "read", "check")
OUTSIDE_ID = "outside#1"


def case(seed: int) -> Case:
    """The case of this seed, always the same one. Every fourth one runs side by side, and nothing fails."""
    return _Drawing(random.Random(seed), side_by_side=seed % 4 == 3).case()


@dataclass
class _Drawing:
    chance: random.Random
    side_by_side: bool
    program: Program = field(default_factory=Program)
    used: int = 0  # how many names were given so far
    stack: str = "dev"

    def case(self) -> Case:
        for _ in range(self.chance.randint(2, 8)):
            self.add()
        steps: list[Step] = [self.up()]
        while len(steps) < self.chance.randint(4, 7):
            for _ in range(self.chance.randint(0, 3)):
                self.change()
            steps += self.steps()
        # The last run shows whether the state that came of it all is one to go on from.
        self.mend()
        steps.append(self.up())
        if self.often(4):
            steps.append(self.run("destroy"))
        return Case(tuple(steps), {"plain": "text"}, {"hidden": "a secret of the configuration"})

    def often(self, one_in: int) -> bool:
        """True once in so many times."""
        return self.chance.randrange(one_in) == 0

    # Programs

    def add(self) -> None:
        """One more resource, somewhere behind those that it needs."""
        if self.used == len(NAMES):
            return
        name, self.used = NAMES[self.used], self.used + 1
        at = self.chance.randint(0, len(self.program.declared)) if self.often(3) else None
        before = self.program.declared[:at]
        after = () if at is None else self.program.declared[at:]
        kind = self.chance.choices([*TYPES], [*TYPES.values()])[0]
        declared = Declared(name, kind, self.inputs(kind, before), self.options(kind, before))
        if kind == THING and self.often(12):
            declared = Declared(name, kind, options=Options(parent=declared.options.parent), read=OUTSIDE_ID)
        elif kind == THING and self.often(25):
            declared = Declared(name, kind, {"value": "outside"}, Options(import_id=OUTSIDE_ID))
        exports = dict(self.program.exports)
        if declared.is_custom and self.often(3):
            exports[f"of-{name}"] = OutputOf(name, self.chance.choice(["made", "token", "value"]))
        self.program = replace(self.program, declared=(*before, declared, *after), exports=exports)

    def inputs(self, kind: str, before: tuple[Declared, ...]) -> dict[str, Any]:
        if kind == GROUP:
            return {}
        if kind == PROVIDER:
            return {"region": self.chance.choice(["here", "there"]), "size": self.small()}
        found: dict[str, Any] = {"value": self.small()}
        if kind == PAIR:
            return found
        for name in ("text", "more", "list"):
            if self.often(3):
                found[name] = self.value(before)
        if self.often(3):
            found["key"] = self.small()
        for name, one_in in (("first", 4), ("sealed", 4), ("stale", 15)):
            if self.often(one_in):
                found[name] = True
        return found

    def value(self, before: tuple[Declared, ...]) -> Any:
        custom = [each.name for each in before if each.is_custom and each.type != PROVIDER]
        ways: list[Callable[[], Any]] = [
            self.small,
            lambda: Secret(self.chance.choice(["hush", ["two", "hushes"], {"deep": self.small()}])),
            lambda: {
                "nested": [self.small(), Secret("inside"), None, True, 1.5, "urn:pulumi:dev::proj::x::y"]
            },
            lambda: FromConfig(self.chance.choice(["plain", "hidden"])),
            lambda: Text(f"asset {self.small()}"),
            lambda: "ü <&> 中",
        ]
        if custom:
            ways += 2 * [lambda: OutputOf(self.chance.choice(custom), self.chance.choice(["made", "token"]))]
            ways += [lambda: [Reference(self.chance.choice(custom))]]
            ways += [lambda: Secret({"of": OutputOf(self.chance.choice(custom), "made")})]
        return self.chance.choice(ways)()

    def small(self) -> int:
        return self.chance.randint(0, 3)

    def options(self, kind: str, before: tuple[Declared, ...]) -> Options:
        everyone = [each.name for each in before if each.read is None]
        groups = [each.name for each in before if each.type in (GROUP, THING) and each.read is None]
        providers = [each.name for each in before if each.type == PROVIDER]
        custom = [each.name for each in before if each.is_custom and each.read is None]
        found: dict[str, Any] = {}
        if groups and self.often(3):
            found["parent"] = self.chance.choice(groups)
        if everyone and self.often(3):
            found["depends_on"] = tuple(self.chance.sample(everyone, min(len(everyone), 2)))
        if kind in (THING, OTHER):
            if providers and self.often(2):
                found["provider"] = self.chance.choice(providers)
            if custom and self.often(8):
                found["deleted_with"] = self.chance.choice(custom)
            if custom and self.often(10):
                found["replace_with"] = (self.chance.choice(custom),)
            extra: dict[str, tuple[int, Any]] = {
                "protect": (12, True),
                "retain": (10, True),
                "delete_first": (8, self.often(2)),
                "ignore": (8, ("value",)),
                "replace_on": (8, ("value",)),
                "more_secrets": (8, ("made",)),
                "trigger": (10, self.small()),
                "timeout": (12, "5m"),
            }
            found |= {name: value for name, (one_in, value) in extra.items() if self.often(one_in)}
        return Options(**found)

    def change(self) -> None:
        """One change to the program."""
        changes = [self.add, self.remove, *3 * [self.change_input], self.change_options]
        changes += [self.rename, self.move, self.retype]
        if not self.side_by_side:
            changes += [self.spoil, self.spoil, self.mend]
        self.chance.choice(changes)()

    def one(self, *types: str) -> Declared | None:
        """Any resource of one of these types that the program manages."""
        found = [each for each in self.program.declared if each.type in types and each.read is None]
        return self.chance.choice(found) if found else None

    def before(self, declared: Declared) -> tuple[Declared, ...]:
        return self.program.declared[: self.program.names().index(declared.name)]

    def remove(self) -> None:
        if len(self.program.declared) > 1:
            self.program = self.program.without(self.chance.choice(self.program.names()))

    def change_input(self) -> None:
        if found := self.one(THING, OTHER, PAIR, PROVIDER):
            fresh = self.inputs(found.type, self.before(found))
            name = self.chance.choice([*found.inputs, *fresh] or ["value"])
            inputs = {key: value for key, value in found.inputs.items() if key != name}
            if name in fresh:
                inputs[name] = fresh[name]
            self.program = self.program.with_changed(replace(found, inputs=inputs))

    def change_options(self) -> None:
        if found := self.one(THING, OTHER):
            fresh = self.options(found.type, self.before(found))
            # A new parent is a new URN: that is what `move` is for.
            kept = replace(fresh, parent=found.options.parent, aliases=found.options.aliases)
            self.program = self.program.with_changed(replace(found, options=kept))

    def rename(self) -> None:
        if self.used < len(NAMES) and (found := self.one(THING, OTHER, GROUP)):
            name, self.used = NAMES[self.used], self.used + 1
            self.program = self.program.renamed(found.name, name)
            self.alias(name, Alias(name=found.name))

    def move(self) -> None:
        if found := self.one(THING, OTHER, GROUP):
            groups = [each.name for each in self.before(found) if each.type == GROUP and each.read is None]
            parent = self.chance.choice([None, *groups])
            alias = Alias(parent=found.options.parent or "")
            options = replace(found.options, parent=parent)
            self.program = self.program.with_changed(replace(found, options=options))
            self.alias(found.name, alias)

    def retype(self) -> None:
        if found := self.one(THING, OTHER):
            other = OTHER if found.type == THING else THING
            self.program = self.program.with_changed(replace(found, type=other))
            self.alias(found.name, Alias(type=found.type))

    def alias(self, name: str, alias: Alias) -> None:
        if self.often(6):
            return  # without it, the old one goes and a new one comes
        found = next(each for each in self.program.declared if each.name == name)
        options = replace(found.options, aliases=(alias, *found.options.aliases[:1]))
        self.program = self.program.with_changed(replace(found, options=options))

    def spoil(self) -> None:
        """Something will fail."""
        if self.often(5):
            self.program = replace(
                self.program, stops_after=self.chance.randint(0, len(self.program.declared))
            )
        elif found := self.one(THING, OTHER):
            spoilt = {"half": True} if self.often(4) else {"fail": [self.chance.choice(FAILURES)]}
            self.program = self.program.with_changed(replace(found, inputs={**found.inputs, **spoilt}))

    def mend(self) -> None:
        """Nothing will fail by itself."""
        declared = tuple(
            replace(each, inputs={k: v for k, v in each.inputs.items() if k not in ("fail", "half", "wait")})
            for each in self.program.declared
        )
        self.program = replace(self.program, declared=declared, stops_after=None)

    # Steps

    def steps(self) -> list[Step]:
        ways: list[tuple[int, Callable[[], list[Step]]]] = [
            (40, lambda: [self.up()]),
            (8, lambda: [self.run("preview")]),
            (10, self.refresh),
            (5, lambda: [self.run("destroy", *self.targets())]),
            (5, self.imported),
            (9, lambda: [self.edit()]),
            (3, self.renamed),
            (5, lambda: [Reimport(self.often(2))]),
            (6, self.cut),
            (4, lambda: [replace(self.up(), planned=True)]),
        ]
        weights, makers = zip(*ways, strict=True)
        return list(self.chance.choices(makers, weights)[0]())

    def run(self, doing: Any, *words: str) -> Run:
        return Run(doing, self.program, words, at_once=self.side_by_side)

    def up(self) -> Run:
        words: list[str] = []
        if self.often(4):
            words += self.targets()
        elif self.often(8):
            words += [self.chance.choice(["--replace", "--target-replace"]), self.target()]
        if self.often(8):
            words.append("--refresh")
        # Where targets make the engine write a state that it refuses, this makes it hang, on any backend.
        if self.often(8) and not self.side_by_side and "--target" not in words and "--exclude" not in words:
            words.append("--continue-on-error")
        return self.run("up", *words)

    def target(self) -> str:
        return f"**::{self.chance.choice(self.program.names() or ['a'])}"

    def targets(self) -> list[str]:
        way = self.chance.choice(["--target", "--target", "--exclude", ""])
        if not way:
            return []
        words = [word for _ in range(self.chance.randint(1, 2)) for word in (way, self.target())]
        if self.often(2):
            words.append("--target-dependents" if way == "--target" else "--exclude-dependents")
        return words

    def refresh(self) -> list[Step]:
        changed = {
            name: self.chance.choice([{}, {"value": 7}, {"key": 9}])
            for name in self.chance.sample(self.program.names(), min(2, len(self.program.names())))
        }
        words = self.targets() if self.often(3) else []
        if self.often(4):
            words.append("--run-program")
        if self.often(4):
            words.append("--clear-pending-creates")
        return [Drift(changed), self.run("refresh", *words)]

    def imported(self) -> list[Step]:
        """A thing is imported, and mostly declared from then on."""
        if self.used == len(NAMES):
            return []
        name, self.used = NAMES[self.used], self.used + 1
        words = ["--protect=false"] if self.often(2) else []
        if not self.often(4):
            declared = Declared(name, THING, {"value": "found"})
            self.program = replace(self.program, declared=(*self.program.declared, declared))
        return [Import(THING, name, tuple(words)), self.up()]

    def edit(self) -> Edit:
        name = "{" + self.chance.choice(self.program.names() or ["a"]) + "}"
        return self.chance.choice(
            [
                Edit(("state", "delete", name, "--yes")),
                Edit(("state", "delete", name, "--yes", "--force", "--target-dependents")),
                Edit(("state", "unprotect", "--all", "--yes")),
                Edit(("state", "protect", name, "--yes")),
                Edit(("state", "rename", name, "renamed", "--yes")),
                Edit(("state", "taint", name, "--yes")),
                Edit(("state", "untaint", "--all", "--yes")),
                Edit(("state", "repair", "--yes")),
            ]
        )

    def renamed(self) -> list[Step]:
        self.stack = "prod" if self.stack == "dev" else "dev"
        return [Rename(self.stack), self.up()]

    def cut(self) -> list[Step]:
        """A run that ends while something waits; the next one goes on."""
        found = self.one(THING, OTHER)
        if self.side_by_side or found is None:
            return [self.up()]
        waiting = self.program.with_changed(replace(found, inputs={**found.inputs, "wait": True}))
        cuts: list[Cut] = ["interrupt", "kill"]
        cut = self.chance.choice(cuts)
        return [Run("up", waiting, cut=cut), self.up()]
