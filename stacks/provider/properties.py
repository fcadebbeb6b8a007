"""A resource's inputs and outputs, declared once: schema, check and diff are read from here."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from stacks.provider.values import is_unknown


class Kind(Enum):
    """What a property's value is, in the words of a Pulumi schema."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    STRINGS = "array"
    OBJECT = "object"
    NUMBERS = "numbers by name"
    OBJECTS = "list of objects"


class Change(Enum):
    """What a changed input does to the resource."""

    REPLACE = auto()
    UPDATE = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason why an input is refused; `path` is the property, with an index for one element of a list."""

    path: str
    reason: str


class Refused(Exception):
    """Raised by a rule that can't use a value or some of its elements: (suffix of the path, reason)."""

    def __init__(self, *reasons: tuple[str, str] | str) -> None:
        self.reasons = [each if isinstance(each, tuple) else ("", each) for each in reasons]
        super().__init__("; ".join(reason for _, reason in self.reasons))


Rule = Callable[[Any], Any]
"""Takes a value of the right kind, gives it back in its normal form, or raises Refused."""


@dataclass(frozen=True, slots=True)
class Property:
    """An input; `default` is filled in, `rule` brings it into its normal form or refuses it. `missing` says
    what is wrong where a required one is not given. The value of a `guarded` one is repeated in no message: a
    secret may have slipped into it.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    secret: bool = False
    default: Any = None
    change: Change = Change.REPLACE
    choices: tuple[str, ...] = ()
    rule: Rule | None = None
    items: str | None = None  # the schema's name of the object, or of each element, when it is not plain
    fields: "tuple[Property, ...]" = ()  # of each object of a list
    missing: str = "is required"
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """An output that the resource adds to its inputs; `optional` ones may be missing."""

    name: str
    kind: Kind
    description: str
    secret: bool = False
    optional: bool = False
    items: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """Inputs in their normal form with the defaults filled in, and everything that is wrong with them."""

    inputs: dict[str, Any]
    failures: list[Failure]


def check(properties: Sequence[Property], given: Mapping[str, Any]) -> Checked:
    """Check every property of `given`; unknown values (of a preview) pass. Absent and null are the same, and
    so is an empty text where nothing is required: a program in YAML can't leave a property out.
    """
    inputs: dict[str, Any] = {}
    failures = [*_strangers(properties, given)]
    for declared in properties:
        value = given.get(declared.name)
        if value is None or (value == "" and declared.kind is Kind.STRING and not declared.required):
            value = declared.default
        if value is None:
            if declared.required:
                failures.append(Failure(declared.name, declared.missing))
            continue
        inputs[declared.name], wrong = _checked(declared, value)
        failures += wrong
    return Checked(inputs, failures)


def guarded(properties: Iterable[Property], failure: Failure, given: Mapping[str, Any]) -> bool:
    """Whether the engine must not be told which property failed: it would repeat the value, in the open.

    Of `given` that is each secret, and each text of several lines: a key may have been pasted anywhere.
    """
    name = failure.path.partition("[")[0].partition(".")[0]
    declared = any(each.name == name and (each.secret or each.guarded) for each in properties)
    return declared or _is_document(given.get(name))


def _is_document(value: Any) -> bool:
    """Whether a text in it has several lines."""
    if isinstance(value, str):
        return "\n" in value.strip()
    if isinstance(value, Mapping):
        return any(map(_is_document, value.values()))
    return isinstance(value, list | tuple) and any(map(_is_document, value))


def changed(
    properties: Sequence[Property],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    ignored: Iterable[str] = (),
) -> list[Property]:
    """The properties whose value differs between old state and new inputs; an unknown one differs.

    What the old state does not have is at its default: a later version may have added the property.
    """
    left_alone = set(ignored)
    return [
        declared
        for declared in properties
        if declared.name not in left_alone
        and old.get(declared.name, declared.default) != new.get(declared.name, declared.default)
    ]


def _strangers(properties: Sequence[Property], given: Mapping[str, Any]) -> Iterable[Failure]:
    names = [declared.name for declared in properties]
    for name in given:
        if name not in names and not name.startswith("__"):
            close = difflib.get_close_matches(name, names, n=1)
            meant = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"
            yield Failure(name, f"is not a property of this resource{meant}")


def _checked(declared: Property, value: Any) -> tuple[Any, list[Failure]]:
    if declared.kind is Kind.OBJECTS and isinstance(value, list):
        return _objects(declared, value)
    if is_unknown(value):
        return value, []
    value = _coerced(declared.kind, value)
    if not _fits(declared.kind, value):
        return value, [Failure(declared.name, f"must be {_IN_WORDS[declared.kind]}")]
    if declared.choices and value not in declared.choices:
        return value, [Failure(declared.name, f"must be one of {', '.join(declared.choices)}")]
    if declared.rule is None:
        return value, []
    try:
        return declared.rule(value), []
    except Refused as refused:
        return value, [Failure(declared.name + suffix, reason) for suffix, reason in refused.reasons]


def _objects(declared: Property, given: list[Any]) -> tuple[Any, list[Failure]]:
    """Each object in its normal form; what one of their properties lacks is told under its own path."""
    objects: list[Any] = []
    failures: list[Failure] = []
    for number, each in enumerate(given):
        path = f"{declared.name}[{number}]"
        if is_unknown(each) and not isinstance(each, dict):
            objects.append(each)
        elif not isinstance(each, dict):
            failures.append(Failure(path, f"must be {_IN_WORDS[Kind.OBJECT]}"))
        else:
            checked = check(declared.fields, each)
            objects.append(checked.inputs)
            failures += [Failure(f"{path}.{found.path}", found.reason) for found in checked.failures]
    return objects, failures


def _coerced(kind: Kind, value: Any) -> Any:
    """Pulumi's configuration hands numbers over as text, and its protocol knows only floating point."""
    if kind is Kind.INTEGER:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and value.isdecimal():
            return int(value)
    if kind is Kind.NUMBER and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _fits(kind: Kind, value: Any) -> bool:
    if kind is Kind.STRINGS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if kind is Kind.NUMBERS:
        return isinstance(value, dict) and all(_is_number(each) for each in value.values())
    if kind is Kind.INTEGER:
        return isinstance(value, int) and not isinstance(value, bool)
    return kind in _PYTHON and isinstance(value, _PYTHON[kind])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_PYTHON: dict[Kind, type] = {Kind.STRING: str, Kind.NUMBER: float, Kind.BOOLEAN: bool, Kind.OBJECT: dict}
_IN_WORDS = {
    Kind.STRING: "a text",
    Kind.INTEGER: "a whole number",
    Kind.NUMBER: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.STRINGS: "a list of texts",
    Kind.OBJECT: "an object",
    Kind.NUMBERS: "an object of numbers",
    Kind.OBJECTS: "a list of objects",
}
