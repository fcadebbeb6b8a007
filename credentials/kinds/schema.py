"""The shapes that values in kind files have, and the check of one table against a list of its keys."""

import re
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

Shape = Callable[[Any], str | None]
"""Says what is wrong with a value ("is not a str", "holds 'A b'"), None if nothing is."""
Keys = Mapping[str, Shape]

NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_ANY_CASE: Final = re.compile(rf"{_VARIABLE.pattern}|[a-z]+(_[a-z]+)*")
_FILE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class BadKindFile(ValueError):
    """A kind file breaks the schema: a fault of this program's data, not of its user."""


def check(where: str, table: Any, keys: Keys, *, required: Collection[str]) -> None:
    """Raise BadKindFile unless `table` has these keys at most, the required ones, and fitting values."""
    if not isinstance(table, dict):
        raise BadKindFile(f"{where}: is not a table")
    if missing := set(required) - table.keys():
        raise BadKindFile(f"{where}: {min(missing)} is missing")
    for key, value in table.items():
        if key not in keys:
            raise BadKindFile(f"{where}: {key} is unknown")
        if fault := keys[key](value):
            raise BadKindFile(f"{where}: {key} {fault}")


def flag(value: Any) -> str | None:
    """True or false."""
    return None if isinstance(value, bool) else "is not a bool"


def count(value: Any) -> str | None:
    """A positive whole number."""
    return None if isinstance(value, int) and not isinstance(value, bool) and value > 0 else "is no count"


def text(value: Any) -> str | None:
    """One line that can be shown."""
    if not isinstance(value, str):
        return "is not a str"
    return None if value and value.isprintable() else f"holds {value!r}"


def expression(value: Any) -> str | None:
    """A regular expression."""
    fault = text(value)
    if fault:
        return fault
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(value)
    except (re.error, OverflowError, RecursionError, Warning):
        return f"holds {value!r}"
    return None


def matching(pattern: re.Pattern[str]) -> Shape:
    """Text that is as `pattern` says from end to end."""

    def shape(value: Any) -> str | None:
        return text(value) or (None if pattern.fullmatch(value) else f"holds {value!r}")

    return shape


def list_of(item: Shape) -> Shape:
    """A list of at least one of these."""

    def shape(value: Any) -> str | None:
        if not isinstance(value, list):
            return "is not a list"
        return next(filter(None, map(item, value)), None) if value else "is empty"

    return shape


def table(value: Any) -> str | None:
    """A table, whose own keys are checked on their own."""
    return None if isinstance(value, dict) else "is not a table"


def settings(variable: Shape) -> Shape:
    """A table of variables and their values."""

    def shape(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "is not a table"
        return next((fault for pair in value.items() if (fault := variable(pair[0]) or text(pair[1]))), None)

    return shape


name: Final = matching(NAME)
variable: Final = matching(_VARIABLE)
any_case_variable: Final = matching(_ANY_CASE)  # the tools of JD Cloud read lowercase ones
file_name: Final = matching(_FILE)
