"""Pulumi's property values as plain Python, and back: text, bool, int, float, None, list, dict, or
`UNKNOWN`.

The protocol has floating point numbers only, so a whole number comes back as int. A value that a preview
can't know travels as a fixed text, which the SDK passes through; here it becomes a value of its own.
"""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT


class Unknown(Enum):
    """The type of `UNKNOWN`: not known before the run, as what comes from resources yet to be made."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


def plain(values: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """Inputs or state as plain Python; secrets are opened (`secret_names` tells which they were)."""
    return {name: _plain(value) for name, value in values.items()}


def secret_names(values: Mapping[str, PropertyValue]) -> set[str]:
    """The names of the values that are, or hold, a secret."""
    return {name for name, value in values.items() if value.contains_secret()}


def wrapped(values: Mapping[str, Any], secrets: Collection[str]) -> dict[str, PropertyValue]:
    """Plain Python as property values, the named ones marked as secrets; None is left out."""
    return {
        name: _wrapped(value).with_secret(name in secrets)
        for name, value in values.items()
        if value is not None
    }


def is_unknown(value: Any) -> bool:
    """Whether a value is unknown, or holds something unknown anywhere inside."""
    if isinstance(value, list):
        return any(is_unknown(each) for each in value)
    if isinstance(value, dict):
        return any(is_unknown(each) for each in value.values())
    return value is UNKNOWN


def _plain(value: PropertyValue) -> Any:
    content = value.value
    if content == UNKNOWN_TEXT:
        return UNKNOWN
    if isinstance(content, float) and content.is_integer():
        return int(content)
    if isinstance(content, Mapping):
        return {name: _plain(each) for name, each in content.items()}
    if isinstance(content, tuple):
        return [_plain(each) for each in content]
    return content


def _wrapped(value: Any) -> PropertyValue:
    if value is UNKNOWN:
        return PropertyValue(UNKNOWN_TEXT)
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue({name: _wrapped(each) for name, each in value.items() if each is not None})
    if isinstance(value, list | tuple):
        return PropertyValue([_wrapped(each) for each in value])
    return PropertyValue(value)
