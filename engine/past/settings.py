"""The configuration of a stack as values to compare: as an update kept it, and as it is in the files now."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from engine.past.opened import Secret, Unseal

if TYPE_CHECKING:
    from engine.project import Project
    from engine.state.stacks import Stack

SECURE = "secure"


def recorded(config: Mapping[str, Any], unseal: Unseal) -> dict[str, Any]:
    """What an update kept (key -> `apitype.ConfigValue`), by key; secrets as `Secret`s."""
    return {key: _recorded(value, unseal) for key, value in sorted(config.items())}


def in_force(stack: "Stack", where: "Project", unseal: Unseal) -> dict[str, Any]:
    """What the next update will see: the project's own values, and over them those of the stack's file.

    Raises ProjectUnusable and ConfigRefused.
    """
    from engine import config

    declared = {key: _declared(value) for key, value in config.project_values(where).items()}
    found = {**declared, **config.stack_values(stack, where)}
    return {
        key: _secured(_as_text(value), unseal) for key, value in sorted(found.items()) if value is not None
    }


def _recorded(value: Mapping[str, Any], unseal: Unseal) -> Any:
    text = value.get("string", "")
    if value.get("object"):
        return _secured(orjson.loads(text), unseal)
    return _secured({SECURE: text}, unseal) if value.get("secret") else text


def _declared(value: Any) -> Any:
    """The value that a project gives for all its stacks: `value`, or else the `default` of a declaration."""
    return value.get("value", value.get("default")) if isinstance(value, dict) else value


def _as_text(value: Any) -> Any:
    """A plain value of YAML as Pulumi keeps it; objects and lists stay."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str | list | dict | None) else str(value)


def _secured(value: Any, unseal: Unseal) -> Any:
    """The value with each `{secure: CIPHERTEXT}` as a `Secret`."""
    if isinstance(value, list):
        return [_secured(item, unseal) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and isinstance(value.get(SECURE), str):
        return Secret(value[SECURE], lambda ciphertext: unseal(ciphertext).decode())
    return {key: _secured(item, unseal) for key, item in value.items()}
