"""Reading the messages between the plugin and its broker: fields that must have a shape."""

from collections.abc import Mapping
from typing import Any


class RequestMalformed(ValueError):
    """A message does not have the shape that it must have; the text names the field and holds no value."""


def text(message: Mapping[str, Any], name: str) -> str:
    """One that is there and not empty; raises RequestMalformed."""
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise RequestMalformed(f"{name} must be a text that is not empty")
    return value


def optional_text(message: Mapping[str, Any], name: str) -> str | None:
    """The same, where it is there; raises RequestMalformed."""
    return None if message.get(name) is None else text(message, name)


def texts(message: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts, none where it is not there; raises RequestMalformed."""
    value = message.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise RequestMalformed(f"{name} must be a list of texts")
    return tuple(value)
