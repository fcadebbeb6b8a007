"""What differs between two states of a stack: resources, outputs, configuration. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.past.changes import Change, changes, changes_by_key
from engine.past.identity import pairs
from engine.past.opened import Unseal, opened
from engine.state.urns import ROOT_STACK, parse

PROVIDER = "pulumi:providers:"  # how the types of providers begin
# What a resource is beside its properties. Times, source positions and the id of a provider's instance say
# nothing about what is in the world.
_ASPECTS = (
    "id", "parent", "dependencies", "protect", "external", "taint", "pendingReplacement", "retainOnDelete",
    "deletedWith", "replaceWith", "ignoreChanges", "replaceOnChanges", "additionalSecretOutputs",
    "customTimeouts", "initErrors",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """A resource that one state has and the other has not, or has otherwise.

    `former` is the URN that it had before, where that was another one. `aspects` are its id and options;
    `replaced` says that it is another thing in the world now.
    """

    urn: str
    kind: Literal["added", "removed", "changed"]
    former: str = ""
    replaced: bool = False
    aspects: tuple[Change, ...] = ()
    inputs: tuple[Change, ...] = ()
    outputs: tuple[Change, ...] = ()

    @property
    def type(self) -> str:
        """The resource's type token."""
        parts = parse(self.urn)
        return parts.type if parts else ""

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs; resources by URN, the rest by path. Every value in it is safe to show."""

    resources: tuple[ResourceChange, ...] = ()
    outputs: tuple[Change, ...] = ()
    config: tuple[Change, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.resources or self.outputs or self.config)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two states: `apitype.DeploymentV3`, and the configuration by key, secrets as `Secret`s."""

    deployment: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def living(self) -> list[Mapping[str, Any]]:
        """The resources, without the stack itself and those that wait to be deleted."""
        return [each for each in self._resources if each["type"] != ROOT_STACK]

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack exports, by name."""
        root = next((each for each in self._resources if each["type"] == ROOT_STACK), {})
        return root.get("outputs") or {}

    @property
    def _resources(self) -> list[Mapping[str, Any]]:
        return [each for each in self.deployment.get("resources") or () if not each.get("delete")]


def compare(before: Side, after: Side, unseal: Unseal) -> Comparison:
    """What differs. Raises CredentialError where a secret that may differ does not open."""
    old, new = ({each["urn"]: each for each in side.living} for side in (before, after))
    renamed = pairs(old.values(), new.values())
    found = []
    for urn in sorted({*old, *new}):
        if urn in renamed:
            continue  # told under its new name
        former = next((name for name, today in renamed.items() if today == urn), "")
        change = _resource(urn, old.get(former or urn), new.get(urn), former, unseal)
        if change is not None:
            found.append(change)
    outputs = [opened(side.outputs, unseal) for side in (before, after)]
    return Comparison(
        tuple(found),
        tuple(changes_by_key(*outputs)),
        tuple(changes_by_key(before.config, after.config)),
    )


def _resource(
    urn: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, former: str, unseal: Unseal
) -> ResourceChange | None:
    if before is None or after is None:
        return ResourceChange(urn, "added" if before is None else "removed")
    aspects = changes(_aspects(before), _aspects(after))
    inputs, outputs = (
        changes(*(opened(each.get(part) or {}, unseal) for each in (before, after)))
        for part in ("inputs", "outputs")
    )
    if not (aspects or inputs or outputs or former):
        return None
    replaced = any(aspect.path == "id" for aspect in aspects)
    return ResourceChange(urn, "changed", former, replaced, tuple(aspects), tuple(inputs), tuple(outputs))


def _aspects(resource: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: resource[name] for name in _ASPECTS if resource.get(name)}
    if resource["type"].startswith(PROVIDER):
        found.pop("id", None)  # a number of the engine's own
    if provider := resource.get("provider"):
        found["provider"] = provider.rpartition("::")[0]
    if dependencies := found.get("dependencies"):
        found["dependencies"] = sorted(dependencies)
    return found
