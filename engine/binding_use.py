"""Which resources of a deployment are reached through a binding; pure, from the state alone."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from credentials import slots
from engine.packages import PROVIDER, kind_of, package_of

_OWN: Final = "tic:"


def users(resources: Iterable[Mapping[str, Any]], kind: str, slot: str = "") -> list[str]:
    """What needs this provider's credential, or its slot's, in words; `resources` are those of a deployment.

    A slot is used by the instances of providers that take its variables, and by tic's resources that name it.
    What tic's own resources open is not in the state: all of them count for each provider's own credential.
    """
    taken = slots.mapping(kind, slot).keys() if slot else frozenset[str]()
    return [
        f"{each['type']} {each['urn'].rpartition('::')[2]}"
        for each in resources
        if (_takes(each, taken, slots.key(kind, slot)) if slot else _is_of(each, kind))
    ]


def slots_of(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """The slots (`kind:slot`) that a deployment's resources name, sorted."""
    found = set[str]()
    for each in resources:
        if each["type"].startswith(PROVIDER):
            kind = kind_of(package_of(each["type"]))
            found.update(_slots_behind(kind, each) if kind else ())
        elif each["type"].startswith(_OWN):
            named = (each.get("inputs") or {}).get("provider")
            if isinstance(named, str) and slots.parts(named)[1]:
                found.add(named)
    return sorted(found)


def variables(resource: Mapping[str, Any]) -> frozenset[str]:
    """The variables that an instance of a provider takes in place of its usual ones (`envVarMappings`)."""
    return frozenset(_mappings(resource))


def _mappings(resource: Mapping[str, Any]) -> dict[str, Any]:
    internal = (resource.get("inputs") or {}).get("__internal")
    mappings = internal.get("envVarMappings") if isinstance(internal, dict) else None
    return mappings if isinstance(mappings, dict) else {}


def _takes(resource: Mapping[str, Any], taken: Iterable[str], key: str) -> bool:
    if resource["type"].startswith(PROVIDER):
        return not variables(resource).isdisjoint(taken)
    return resource["type"].startswith(_OWN) and (resource.get("inputs") or {}).get("provider") == key


def _is_of(resource: Mapping[str, Any], kind: str) -> bool:
    if resource["type"].startswith(PROVIDER):
        return kind_of(package_of(resource["type"])) == kind and not variables(resource)
    return bool(resource.get("custom")) and resource["type"].startswith(_OWN)


def _slots_behind(kind: str, resource: Mapping[str, Any]) -> Iterator[str]:
    """The slots whose variables an instance of the kind's provider takes, told from the variables' names."""
    targets = set(slots.mapping(kind, "").values())
    for source, target in _mappings(resource).items():
        begins = source.removesuffix(f"_{target}")
        if target in targets and begins != source:
            yield slots.key(kind, begins.lower().replace("_", "-"))
