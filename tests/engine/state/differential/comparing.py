"""Two states compared: what has to differ is taken out first, and each such thing says why it has to."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from tests.engine.state.differential.sides import Record, Seen, State
from tests.plugins.world import SIGNATURE

PROVIDERS = "pulumi:providers:"


def differences(file: Seen, tic: Seen, *, ordered: bool) -> list[str]:
    """What is not the same after a step on the file backend and on tic's service, a line for each."""
    found = []
    if (file.code == 0) != (tic.code == 0):
        found.append(
            f"the file backend ended with {file.code}, tic with {tic.code}:\n{file.said}\n{tic.said}"
        )
    found += of_states(file.state, tic.state, ordered=ordered)
    if _shown(file.record) != tic.record and not _is_own(file, tic):
        found.append(f"history: {file.record} on the file backend, {tic.record} on tic")
    return found


def broken(seen: Seen) -> str:
    """What the engine found wrong with the state that it has just written itself; "" where it is sound."""
    return str(((seen.state.deployment.get("metadata") or {}).get("integrity_error") or {}).get("error", ""))


def _shown(record: Record | None) -> Record | None:
    """The file backend's record as a service can have it: to services the CLI calls an import an update."""
    return replace(record, kind="update") if record and record.kind == "resource-import" else record


def _is_own(file: Seen, tic: Seen) -> bool:
    """Whether a record is one that only tic keeps: of a whole state that was imported (which is how commands
    that edit the state write it), and of a run that failed before the engine began, or was killed.
    """
    return (
        file.record is None
        and tic.record is not None
        and (tic.record.kind == "import" or (tic.code != 0 and tic.record.result == "failed"))
    )


def _normal(state: State, *, ordered: bool) -> dict[str, Any]:
    """The deployment without what is another one at each run or each backend."""
    deployment = dict(state.deployment)
    # When it was written; who wrote it (`version`, `magic`) is the same CLI, and compared.
    manifest = {
        key: value for key, value in (deployment.pop("manifest", None) or {}).items() if key != "time"
    }
    # Whose keys seal it: the passphrase there, the vault here.
    deployment.pop("secrets_providers", None)
    names = dict(_provider_ids(deployment))
    resources = [_resource(each, names) for each in deployment.pop("resources", None) or ()]
    operations = [
        {**each, "resource": _resource(each["resource"], names)}
        for each in deployment.pop("pending_operations", None) or ()
    ]
    if not ordered:
        resources.sort(key=_sorted)
    return {
        **{key: value for key, value in deployment.items() if value},
        # A stack that nothing ever ran on has no manifest on either side, or one that says nothing.
        "manifest": manifest if manifest.get("version") else {},
        "resources": resources,
        # The engine keeps what was cut short in a map, so its order is no one's.
        "pending_operations": sorted(operations, key=_sorted),
        "schema": state.schema,
        "features": list(state.features),
    }


def _resource(resource: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    # When it was made and last changed.
    found = {key: value for key, value in resource.items() if key not in ("created", "modified")}
    if identity := found.get("id"):
        found["id"] = names.get(identity, identity)
    if provider := found.get("provider"):
        urn, _, identity = provider.rpartition("::")
        found["provider"] = f"{urn}::{names.get(identity, identity)}"
    # What it depends on is a set: the engine collects it in a map.
    for key in ("dependencies", "replaceWith"):
        if key in found:
            found[key] = sorted(found[key])
    if by_property := found.get("propertyDependencies"):
        # A property that depends on nothing is named by some ways of writing a state, and left out by others.
        found["propertyDependencies"] = {key: sorted(urns) for key, urns in by_property.items() if urns}
    if not found.get("propertyDependencies"):
        found.pop("propertyDependencies", None)
    return {key: _value(value, names) for key, value in found.items()}


def _provider_ids(deployment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The engine itself draws the ids of provider instances at random: each is named by its URN instead."""
    counts: Counter[str] = Counter()
    for resource in deployment.get("resources") or ():
        if resource["type"].startswith(PROVIDERS) and resource.get("id"):
            counts[resource["urn"]] += 1
            yield resource["id"], f"{resource['urn']} {counts[resource['urn']]}"


def _value(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_value(item, names) for item in value]
    if isinstance(value, dict):
        return {key: _value(item, names) for key, item in value.items()}
    return names.get(value, value) if isinstance(value, str) else value


def of_states(file: State, tic: State, *, ordered: bool) -> Iterator[str]:
    """The leaves that differ; of resources, those of each by its URN, before their order."""
    both = [_normal(state, ordered=ordered) for state in (file, tic)]
    parts = [{_key(each): each for each in state["resources"]} for state in both]
    by_urn = list(_of("resources", *parts))
    yield from by_urn
    orders = [[_key(each) for each in state["resources"]] for state in both]
    if not by_urn and orders[0] != orders[1]:
        yield f"the order of resources: {orders[0]} on the file backend, {orders[1]} on tic"
    yield from _of("", *({**state, "resources": []} for state in both))


def _sorted(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _key(resource: Mapping[str, Any]) -> str:
    marks = "".join(f" {mark}" for mark in ("delete", "pendingReplacement") if resource.get(mark))
    return f"{resource['urn']} {resource.get('id', '')}{marks}"


def _of(path: str, file: Any, tic: Any) -> Iterator[str]:
    """The leaves that differ, by their path."""
    if isinstance(file, dict) and isinstance(tic, dict) and SIGNATURE not in file:
        for key in sorted({*file, *tic}):
            yield from _of(f"{path}.{key}", file.get(key, _ABSENT), tic.get(key, _ABSENT))
    elif isinstance(file, list) and isinstance(tic, list):
        for index in range(max(len(file), len(tic))):
            pair = (each[index] if index < len(each) else _ABSENT for each in (file, tic))
            yield from _of(f"{path}[{index}]", *pair)
    elif file != tic:
        yield f"{path or 'all'}: {file!r} on the file backend, {tic!r} on tic"


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()
