"""References between the resources of a deployment: renamed stacks, resolved aliases, dangling ones removed.

A URN is `urn:pulumi:<stack>::<project>::<type>[$<type>...]::<name>`; a provider reference is `<urn>::<id>`.
A resource is a dict in the shape of Pulumi's `apitype.ResourceV3`. Nothing here changes what it is given.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Resource = Mapping[str, Any]

PREFIX = "urn:pulumi:"
ROOT_STACK = "pulumi:pulumi:Stack"
SIGNATURE = "4dabf18193072939515e22adb298388d"  # the key that marks a value that JSON has no type for
RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"


class Urn(NamedTuple):
    """The parts of a URN; `qualified_type` has the parents' types before its own, joined by `$`."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @property
    def type(self) -> str:
        """The resource's own type."""
        return self.qualified_type.rpartition("$")[2]

    def __str__(self) -> str:
        return f"{PREFIX}{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def parse(urn: str) -> Urn | None:
    """The parts of `urn`, or None where it is none; a name may hold `::` itself."""
    parts = urn.removeprefix(PREFIX).split("::", 3)
    return Urn(*parts) if len(parts) == 4 and urn.startswith(PREFIX) else None


def mapped(resource: Resource, change: Callable[[str], str]) -> dict[str, Any]:
    """The resource with `change` applied to its URN and to each URN that it refers to (not in properties)."""
    result = dict(resource)
    result["urn"] = change(resource["urn"])
    for key in ("parent", "deletedWith", "viewOf"):
        if value := resource.get(key):
            result[key] = change(value)
    for key in ("dependencies", "replaceWith"):
        if value := resource.get(key):
            result[key] = [change(urn) for urn in value]
    if value := resource.get("propertyDependencies"):
        result["propertyDependencies"] = {
            name: [change(urn) for urn in urns or ()] for name, urns in value.items()
        }
    if value := resource.get("provider"):
        urn, separator, identity = value.rpartition("::")
        result["provider"] = f"{change(urn)}{separator}{identity}"
    return result


def without_aliases(resources: Iterable[Resource]) -> list[dict[str, Any]]:
    """The resources with every reference by a former URN turned into the URN of today, and no aliases left.

    A resource whose parent has a new URN gets one too. Where two resources claim one alias, the first has it.
    """
    resources = list(resources)
    today: dict[str, str] = {}
    for resource in resources:
        for alias in resource.get("aliases") or ():
            today.setdefault(alias, resource["urn"])
        parent = parse(today.get(resource.get("parent", ""), ""))
        own = parse(resource["urn"])
        if parent and own and parent.qualified_type != ROOT_STACK:
            today[resource["urn"]] = str(own._replace(qualified_type=f"{parent.qualified_type}${own.type}"))
    if not today:
        return [
            _without(resource, "aliases") if "aliases" in resource else dict(resource)
            for resource in resources
        ]
    return [_without(mapped(resource, lambda urn: today.get(urn, urn)), "aliases") for resource in resources]


def without_dangling(resources: Iterable[Resource]) -> list[dict[str, Any]]:
    """The resources with no reference to one that is not earlier in the list; a lost parent is no parent."""
    resources = list(resources)
    everyone = {resource["urn"] for resource in resources}
    seen: set[str] = set()
    kept = []
    for resource in resources:
        result = dict(resource)
        for key in ("dependencies", "replaceWith"):
            if value := resource.get(key):
                result[key] = [urn for urn in value if urn in seen]
        if value := resource.get("propertyDependencies"):
            left = {name: [urn for urn in urns or () if urn in seen] for name, urns in value.items()}
            result["propertyDependencies"] = {name: urns for name, urns in left.items() if urns}
        if resource.get("deletedWith") not in seen:
            result.pop("deletedWith", None)
        if resource.get("parent") not in everyone:
            result.pop("parent", None)
        seen.add(resource["urn"])
        kept.append({key: value for key, value in result.items() if value or key not in _REFERENCES})
    return kept


_REFERENCES = ("dependencies", "replaceWith", "propertyDependencies")


@dataclass(frozen=True, slots=True)
class Renaming:
    """A stack's (project, name) before and after."""

    before: tuple[str, str]
    after: tuple[str, str]

    def urn(self, urn: str) -> str:
        """The URN after the renaming; URNs of other stacks stay as they are."""
        parts = parse(urn)
        if parts is None or (parts.project, parts.stack) != self.before:
            return urn
        project, stack = self.after
        name = f"{project}-{stack}" if parts.qualified_type == ROOT_STACK else parts.name
        return str(Urn(stack, project, parts.qualified_type, name))

    def deployment(self, deployment: Mapping[str, Any]) -> dict[str, Any]:
        """The deployment as the stack's new name has it; what is sealed in secrets stays as it is."""
        result = dict(deployment)
        result["resources"] = [self._resource(resource) for resource in deployment.get("resources") or ()]
        if operations := deployment.get("pending_operations"):
            result["pending_operations"] = [
                {**operation, "resource": self._resource(operation["resource"])} for operation in operations
            ]
        return result

    def _resource(self, resource: Resource) -> dict[str, Any]:
        result = mapped(resource, self.urn)
        if aliases := resource.get("aliases"):
            result["aliases"] = [self.urn(alias) for alias in aliases]
        for key in ("inputs", "outputs", "replacementTrigger"):
            if key in resource:
                result[key] = self.value(resource[key])
        return result

    def value(self, value: Any) -> Any:
        """A property value with the references to resources in it renamed; text that is a URN stays."""
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            if value.get(SIGNATURE) == RESOURCE_REFERENCE and isinstance(value.get("urn"), str):
                return {**value, "urn": self.urn(value["urn"])}
            return {key: self.value(item) for key, item in value.items()}
        return value


def _without(resource: dict[str, Any] | Resource, key: str) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != key}
