"""Journals as the engine writes them, drawn at random: each step begins and ends as the engine's steps do.

An `Engine` knows which resources of the base and of its own are still there, so every index and operation
number that it writes speaks of something.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from engine.state.replay import Kind, replay

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TYPES = ["pkg:m:A", "pkg:m:B"]
Journal = tuple[dict[str, Any] | None, list[dict[str, Any]]]


def urn(name: str, type_: str = "pkg:m:A", stack: str = "dev") -> str:
    return f"urn:pulumi:{stack}::proj::{type_}::{name}"


def resource(name: str, **more: Any) -> dict[str, Any]:
    type_ = more.pop("type", "pkg:m:A")
    return {"urn": urn(name, type_), "custom": True, "id": f"id-{name}", "type": type_, **more}


@st.composite
def resources(draw: st.DrawFn, known: list[str]) -> dict[str, Any]:
    """A resource that may refer to those in `known`, in every way that resources do."""
    name = draw(st.sampled_from("abcdefghij"))
    made = resource(name, type=draw(st.sampled_from(TYPES)), inputs={"x": draw(st.integers(0, 9))})
    some = st.lists(st.sampled_from(known), max_size=2) if known else st.just([])
    if dependencies := draw(some):
        made["dependencies"] = dependencies
        made["propertyDependencies"] = {"x": dependencies[:1]}
    for key in ("parent", "deletedWith", "viewOf"):
        if known and draw(st.integers(0, 5)) == 0:
            made[key] = draw(st.sampled_from(known))
    if draw(st.integers(0, 5)) == 0:
        made["replaceWith"] = draw(some)
    if draw(st.integers(0, 3)) == 0:
        made["aliases"] = [urn(f"former-{name}-{draw(st.integers(0, 2))}")]
    if draw(st.integers(0, 3)) == 0:
        made["provider"] = f"{urn('provider', 'pulumi:providers:pkg')}::id"
    for key in ("taint", "refreshBeforeUpdate", "delete", "pendingReplacement"):
        if draw(st.integers(0, 9)) == 0:
            made[key] = True
    return made


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    """A deployment with resources, and perhaps with operations that were cut short."""
    made: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 6))):
        made.append(draw(resources([each["urn"] for each in made])))
    operations = [
        {"resource": draw(resources([])), "type": draw(st.sampled_from(["creating", "updating"]))}
        for _ in range(draw(st.integers(0, 2)))
    ]
    found: dict[str, Any] = {"resources": made, "pending_operations": operations, "metadata": {}}
    if draw(st.booleans()):
        found["secrets_providers"] = {"type": "service", "state": {"owner": "tic"}}
    if draw(st.integers(0, 4)) == 0:
        found["extensions"] = {"ref": {"name": "base", "version": "1.0.0", "value": ""}}
    return found


class Engine:
    """Writes entries; each public method is a step, and says whether it was possible."""

    def __init__(self, draw: st.DrawFn, base: dict[str, Any] | None) -> None:
        self.draw = draw
        self.base = base
        self.entries: list[dict[str, Any]] = []
        self.operation = 0
        self.old = list(range(len((base or {}).get("resources") or ())))  # indices that are still there
        self.new: list[int] = []  # operations whose resource is still there

    def _state(self) -> dict[str, Any]:
        known = [res["urn"] for res in (self.base or {}).get("resources") or ()]
        known += [entry["state"]["urn"] for entry in self.entries if entry.get("state")]
        return self.draw(resources(known))

    def write(self, kind: Kind, number: int, **more: Any) -> None:
        self.entries.append(
            {
                "version": 1,
                "kind": int(kind),
                "sequenceID": len(self.entries) + 1,
                "operationID": number,
                "removeOld": None,
                "removeNew": None,
                **more,
            }
        )

    def _begin(self, doing: str | None = None) -> int:
        self.operation += 1
        more = {"operation": {"resource": self._state(), "type": doing}} if doing else {}
        self.write(Kind.BEGIN, self.operation, **more)
        return self.operation

    def _some_old(self, *, take: bool) -> int | None:
        if not self.old:
            return None
        index = self.draw(st.sampled_from(self.old))
        if take:
            self.old.remove(index)
        return index

    def _some_new(self, *, take: bool) -> int | None:
        if not self.new:
            return None
        operation = self.draw(st.sampled_from(self.new))
        if take:
            self.new.remove(operation)
        return operation

    def same_or_update(self) -> None:
        old = self._some_old(take=True)
        operation = self._begin(self.draw(st.sampled_from([None, "updating"])))
        self.write(Kind.SUCCESS, operation, state=self._state(), removeOld=old)
        self.new.append(operation)

    def update_of_new(self) -> None:
        new = self._some_new(take=True)
        operation = self._begin("updating")
        self.write(Kind.SUCCESS, operation, state=self._state(), removeNew=new)
        self.new.append(operation)

    def create(self) -> None:
        operation = self._begin("creating")
        byte_string = {"requiresByteString": True} if self.draw(st.integers(0, 9)) == 0 else {}
        self.write(Kind.SUCCESS, operation, state=self._state(), **byte_string)
        self.new.append(operation)

    def fail(self) -> None:
        doing = self.draw(st.sampled_from(["creating", "updating", "deleting"]))
        self.write(Kind.FAILURE, self._begin(doing), state=self._state())

    def cut_short(self) -> None:
        self._begin(self.draw(st.sampled_from(["creating", "updating", "deleting", "reading", "importing"])))

    def create_replacement(self) -> None:
        old, new = self._some_old(take=False), self._some_new(take=False)
        operation = self._begin("creating")
        mark = {"deleteOld": old} if old is not None else {"deleteNew": new}
        self.write(Kind.SUCCESS, operation, state=self._state(), **mark)
        self.new.append(operation)

    def delete(self) -> None:
        old = self._some_old(take=True)
        new = self._some_new(take=True) if old is None else None
        self.write(Kind.SUCCESS, self._begin("deleting"), removeOld=old, removeNew=new)

    def delete_before_replace(self) -> None:
        old, new = self._some_old(take=False), self._some_new(take=False)
        mark = {"pendingReplacementOld": old} if old is not None else {"pendingReplacementNew": new}
        self.write(Kind.SUCCESS, self._begin("deleting"), **mark)

    def outputs(self) -> None:
        new = self._some_new(take=False)
        old = self._some_old(take=False) if new is None else None
        self.operation += 1
        self.write(Kind.OUTPUTS, self.operation, state=self._state(), removeOld=old, removeNew=new)

    def refresh(self) -> None:
        gone = self.draw(st.booleans())
        old = self._some_old(take=gone)
        new = self._some_new(take=gone) if old is None else None
        state = {} if gone else {"state": self._state()}
        operation = self._begin()
        more = {"removeOld": old, "removeNew": new, "isRefresh": True, **state}
        self.write(Kind.REFRESH_SUCCESS, operation, **more)

    def persisted_refresh(self) -> None:
        old = self._some_old(take=True)
        operation = self._begin()
        self.write(Kind.SUCCESS, operation, state=self._state(), removeOld=old, isRefresh=True)
        self.new.append(operation)

    def rebuild_base(self) -> None:
        if any(entry.get("state") and entry["kind"] == Kind.SUCCESS for entry in self.entries):
            return  # the engine then sends it only as its last entry
        self.write(Kind.REBUILT_BASE_STATE, 0)
        rebuilt = replay(self.base, self.entries, now=NOW, engine="").deployment
        self.old = list(range(len(rebuilt.get("resources") or ())))

    def extend(self) -> None:
        self.operation += 1
        extension = {"name": "e", "version": "1.0.0", "value": ""}
        ref = self.draw(st.sampled_from(["ref", "other"]))
        self.write(Kind.EXTENSION_PARAMETERIZE, self.operation, extensionRef=ref, extension=extension)


STEPS: list[Callable[[Engine], None]] = [
    Engine.same_or_update,
    Engine.update_of_new,
    Engine.create,
    Engine.fail,
    Engine.cut_short,
    Engine.create_replacement,
    Engine.delete,
    Engine.delete_before_replace,
    Engine.outputs,
    Engine.refresh,
    Engine.persisted_refresh,
    Engine.rebuild_base,
    Engine.extend,
]


@st.composite
def journals(draw: st.DrawFn) -> Journal:
    """A base deployment (or none) and a journal that an engine could have written over it."""
    base = draw(st.none() | deployments())
    writer = Engine(draw, base)
    writer.write(Kind.SECRETS_MANAGER, 0, secretsProvider={"type": "service", "state": {"owner": "tic"}})
    if draw(st.integers(0, 4)) == 0:
        writer.base = draw(deployments())
        writer.old = list(range(len(writer.base["resources"])))
        writer.write(Kind.WRITE, 0, newSnapshot=writer.base)
    for step in draw(st.lists(st.sampled_from(STEPS), max_size=14)):
        step(writer)
    return base, writer.entries
