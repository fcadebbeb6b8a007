"""What typed classes of the package have in common: Python's names of properties, Pulumi's on the wire.

Importing this needs Pulumi's SDK only.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import ResourceOptions

_PYTHON_NAMES = {
    "challengeUrl": "challenge_url",
    "keyAuthorization": "key_authorization",
    "recordName": "record_name",
    "recordValue": "record_value",
    "timeoutSeconds": "timeout_seconds",
}
"""By the names on the wire; these are inside of properties, and every class adds its own."""


def _wire(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)


class Named:
    """Python's names here, Pulumi's on the wire: `record_name` is `recordName`; other names stay."""

    def __init_subclass__(cls) -> None:
        """Learn the names of a class's properties."""
        super().__init_subclass__()
        for name in (*inspect.get_annotations(cls), *inspect.signature(cls.__init__).parameters):
            _PYTHON_NAMES[_wire(name)] = name

    def translate_output_property(self, prop: str) -> str:
        """From the wire."""
        return _PYTHON_NAMES.get(prop, prop)

    def translate_input_property(self, prop: str) -> str:
        """To the wire."""
        return _wire(prop) if prop in _PYTHON_NAMES.values() else prop


class Custom(Named, pulumi.CustomResource):
    """A resource that the plugin makes; its annotations, and those of its bases, are what it has."""

    type_token = ""

    def __init__(
        self, token: str, name: str, inputs: Mapping[str, Any], opts: ResourceOptions | None
    ) -> None:
        super().__init__(token, name, {**dict.fromkeys(annotated(type(self))), **inputs}, opts)


def annotated(class_: type) -> set[str]:
    """The names of the properties that a class of this package has."""
    ours = (each for each in class_.__mro__ if issubclass(each, Named))
    return {name for each in ours for name in inspect.get_annotations(each)}


def python_name(name: str) -> str:
    """The attribute of a property: `accountUri` is `account_uri`."""
    return _PYTHON_NAMES.get(name, name)
