"""Which resources of a deployment are reached through a binding; pure, from the state alone."""

from collections.abc import Iterable, Mapping
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


def variables(resource: Mapping[str, Any]) -> frozenset[str]:
    """The variables that an instance of a provider takes in place of its usual ones (`envVarMappings`)."""
    internal = (resource.get("inputs") or {}).get("__internal")
    mappings = internal.get("envVarMappings") if isinstance(internal, dict) else None
    return frozenset(mappings if isinstance(mappings, dict) else ())


def _takes(resource: Mapping[str, Any], taken: Iterable[str], key: str) -> bool:
    if resource["type"].startswith(PROVIDER):
        return not variables(resource).isdisjoint(taken)
    return resource["type"].startswith(_OWN) and (resource.get("inputs") or {}).get("provider") == key


def _is_of(resource: Mapping[str, Any], kind: str) -> bool:
    if resource["type"].startswith(PROVIDER):
        return kind_of(package_of(resource["type"])) == kind and not variables(resource)
    return bool(resource.get("custom")) and resource["type"].startswith(_OWN)
