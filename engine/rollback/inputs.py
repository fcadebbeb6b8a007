"""The inputs that a resource had, as a program would give them again."""

from collections.abc import Mapping
from typing import Any

from engine.past.opened import Secret, equal
from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE

DEFAULTS = "__defaults"  # where providers of Terraform's kind note which inputs they chose themselves


def given(inputs: Mapping[str, Any], now: Mapping[str, Any] | None) -> dict[str, Any]:
    """The inputs without those that the provider chose itself; both with secrets as `Secret`s.

    It will choose them again: as they are now (`now`: the inputs that the thing has today, None where it is
    gone), or anew for what is made anew, as it does for a program. Given by name instead, they would not
    count as chosen any more, and the program's next update would replace what has a generated name. Only one
    that the same thing has otherwise today is given as it was.
    """
    chosen = _chosen(inputs)
    kept = {}
    for name, value in inputs.items():
        inner = now.get(name) if now is not None else None
        otherwise_today = name in _chosen(now or {}) and not equal(value, inner)
        if name != DEFAULTS and (name not in chosen or otherwise_today):
            kept[name] = _inner(value, inner)
    return kept


def wire(value: Any) -> Any:
    """A value with its secrets open, as Pulumi's monitor takes it. Raises CredentialError."""
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": wire(value.reveal())}
    if isinstance(value, list):
        return [wire(item) for item in value]
    if isinstance(value, dict):
        return {key: wire(item) for key, item in value.items()}
    return value


def _inner(value: Any, now: Any) -> Any:
    if isinstance(value, dict):
        return given(value, now if isinstance(now, dict) else None)
    if isinstance(value, list):
        others = now if isinstance(now, list) and len(now) == len(value) else [None] * len(value)
        return [_inner(item, other) for item, other in zip(value, others, strict=True)]
    return value


def _chosen(inputs: Mapping[str, Any]) -> frozenset[str]:
    named = inputs.get(DEFAULTS)
    return (
        frozenset(each for each in named if isinstance(each, str)) if isinstance(named, list) else frozenset()
    )
