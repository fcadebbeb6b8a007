"""Whether what an engine sends has the shape that replay reads: what has not must never come in.

A journal is replayed when its update ends, however it ends. One entry that could not be read would block its
stack for good.
"""

from collections.abc import Callable
from typing import Any

_Is = Callable[[Any], bool]


def is_resource(value: Any) -> bool:
    """Whether it is in the shape of `apitype.ResourceV3`, as far as the service reads it."""
    named = isinstance(value, dict) and _is_text(value.get("urn")) and _is_text(value.get("type"))
    return named and _fits(value, _RESOURCE)


def is_operation(value: Any) -> bool:
    """Whether it is in the shape of `apitype.OperationV2`."""
    return isinstance(value, dict) and _is_text(value.get("type")) and is_resource(value.get("resource"))


def is_deployment(value: Any) -> bool:
    """Whether it is in the shape of `apitype.DeploymentV3`, as far as the service reads it."""
    return isinstance(value, dict) and _fits(value, _DEPLOYMENT)


def is_entry(value: Any) -> bool:
    """Whether it is in the shape of `apitype.JournalEntry`, of whatever kind and version."""
    return isinstance(value, dict) and _fits(value, _ENTRY)


def _fits(value: dict[str, Any], shape: dict[str, _Is]) -> bool:
    """Whether each of its fields, where it is given, is what it should be."""
    for name, item in value.items():
        if item is not None and (is_right := shape.get(name)) is not None and not is_right(item):
            return False
    return True


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list_of(is_right: _Is) -> _Is:
    return lambda value: isinstance(value, list) and all(map(is_right, value))


def _is_provider(value: Any) -> bool:
    """A provider reference is a URN, `::` and an id."""
    return isinstance(value, str) and "::" in value


def _are_dependencies(value: Any) -> bool:
    return isinstance(value, dict) and all(urns is None or _are_texts(urns) for urns in value.values())


def _is_secrets_provider(value: Any) -> bool:
    return isinstance(value, dict) and _is_text(value.get("type"))


_are_texts = _is_list_of(_is_text)
_RESOURCE: dict[str, _Is] = {
    **dict.fromkeys(
        ("urn", "type", "id", "parent", "deletedWith", "viewOf", "created", "modified"), _is_text
    ),
    **dict.fromkeys(("dependencies", "replaceWith", "aliases"), _are_texts),
    **dict.fromkeys(("inputs", "outputs"), _is_object),
    "provider": lambda value: value == "" or _is_provider(value),
    "propertyDependencies": _are_dependencies,
}
_DEPLOYMENT: dict[str, _Is] = {
    **dict.fromkeys(("manifest", "metadata", "extensions"), _is_object),
    "secrets_providers": _is_secrets_provider,
    "resources": _is_list_of(is_resource),
    "pending_operations": _is_list_of(is_operation),
    "snippets": _is_list_of(_is_object),
}
_INDICES = (
    "removeOld",
    "deleteOld",
    "pendingReplacementOld",
    "removeNew",
    "deleteNew",
    "pendingReplacementNew",
)
_ENTRY: dict[str, _Is] = {
    **dict.fromkeys(_INDICES, _is_index),
    **dict.fromkeys(("version", "kind", "sequenceID", "operationID"), _is_index),
    "state": is_resource,
    "operation": is_operation,
    "newSnapshot": is_deployment,
    "secretsProvider": _is_secrets_provider,
    "snippets": _is_list_of(_is_object),
    "extensionRef": _is_text,
}
