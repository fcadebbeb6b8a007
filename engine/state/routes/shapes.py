"""Parts of a body in the shapes that the protocol gives them; what is of another shape is refused."""

from collections.abc import Mapping
from typing import Any

from engine.state.routes.call import Refused


def text(body: Mapping[str, Any], name: str) -> str:
    """A string; "" where it is missing."""
    return str(_part(body, name, str, ""))


def number(body: Mapping[str, Any], name: str) -> int:
    """A number that is not negative; 0 where it is missing."""
    return max(0, int(_part(body, name, int, 0)))


def texts(body: Mapping[str, Any], name: str) -> dict[str, str]:
    """An object of strings; empty where it is missing."""
    return checked_texts(_part(body, name, dict, {}), name)


def checked_texts(value: Mapping[str, Any], name: str) -> dict[str, str]:
    """An object of strings, as it was given."""
    if not all(isinstance(item, str) for item in value.values()):
        raise Refused(400, f"{name} has a value that is not text")
    return dict(value)


def part(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object; empty where it is missing."""
    return dict(_part(body, name, dict, {}))


def _part(body: Mapping[str, Any], name: str, kind: type, missing: Any) -> Any:
    value = body.get(name)
    if value is None:
        return missing
    if not isinstance(value, kind):
        raise Refused(400, f"{name} is not of the type that it should be")
    return value
