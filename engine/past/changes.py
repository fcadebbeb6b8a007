"""What differs between two values, property by property, as values that are safe to show."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from engine.past.opened import Secret, equal, shown
from engine.state.urns import SIGNATURE

Kind = Literal["added", "removed", "changed"]
_ABSENT: Any = object()
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")


@dataclass(frozen=True, slots=True)
class Change:
    """One property that differs.

    `path` is as Pulumi writes one (`tags.env`, `rules[0].port`, `labels["a.b"]`). `before` and `after` are
    JSON, None where there is nothing, and `[secret]` in place of secrets; `secret` says that what differs is
    one, or is now or was one.
    """

    path: str
    kind: Kind
    before: Any = None
    after: Any = None
    secret: bool = False

    def mapped(self, text: Callable[[str], str]) -> "Change":
        """The change with `text` applied to every string in it."""
        return replace(
            self, path=text(self.path), before=_mapped(self.before, text), after=_mapped(self.after, text)
        )


def changes(before: Any, after: Any, path: str = "") -> list[Change]:
    """What differs, by path; objects by key, lists by position. Raises what opening a secret raises."""
    return list(_walk(before, after, path))


def changes_by_key(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """As `changes`, for names that begin a path as they are, such as `aws:region`."""
    return [
        change
        for key in sorted({*before, *after})
        for change in _walk(before.get(key, _ABSENT), after.get(key, _ABSENT), key)
    ]


def joined(path: str, step: str | int) -> str:
    """The path one step deeper."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    if not _PLAIN.fullmatch(step):
        return f"{path}[{orjson.dumps(step).decode()}]"
    return f"{path}.{step}" if path else step


def written(path: Sequence[str | int]) -> str:
    """A path given step by step."""
    text = ""
    for step in path:
        text = joined(text, step)
    return text


def _walk(before: Any, after: Any, path: str) -> Iterator[Change]:
    if _is_object(before) and _is_object(after):
        for key in sorted({*before, *after}):
            yield from _walk(before.get(key, _ABSENT), after.get(key, _ABSENT), joined(path, key))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            old, new = (each[index] if index < len(each) else _ABSENT for each in (before, after))
            yield from _walk(old, new, joined(path, index))
    elif before is _ABSENT:
        yield Change(path, "added", None, shown(after), isinstance(after, Secret))
    elif after is _ABSENT:
        yield Change(path, "removed", shown(before), None, isinstance(before, Secret))
    elif isinstance(before, Secret) or isinstance(after, Secret):
        if before != after:
            # What was open and became a secret, or will be, is not repeated either.
            yield Change(path, "changed", "[secret]", "[secret]", secret=True)
    elif not equal(before, after):
        yield Change(path, "changed", shown(before), shown(after))


def _is_object(value: Any) -> bool:
    """Assets, archives and references differ as a whole."""
    return isinstance(value, dict) and SIGNATURE not in value


def _mapped(value: Any, text: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [_mapped(item, text) for item in value]
    if isinstance(value, dict):
        return {text(key): _mapped(item, text) for key, item in value.items()}
    return value
