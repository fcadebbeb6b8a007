"""What there is to publish challenge records with, and how far each provider is tested (SPEC D2)."""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from credentials import kinds
from engine.dns_turns import turns

_TESTED = Path(__file__).with_name("dns_tested.toml")


def providers() -> list[dict[str, Any]]:
    """Every kind that publishes records, by name.

    `provider`, `label`, `names` (others that mean it), `fields` (those of its credential), `tuning` (`name`,
    `default` and `least` in seconds where there are any), `sequential`, `turns` (`credential`,
    `zone`, `name`: whose challenges wait for one another; or `none`), `tested` (catalogued, accepted by lego,
    or exercised) and `against` (with what it was exercised, or why lego was not asked).
    """
    others: dict[str, list[str]] = {}
    for name in kinds.former_names():
        former = kinds.former(name)
        if former is not None and former.same and former.succeeded_by:
            others.setdefault(former.succeeded_by, []).append(name)
    return [_described(kind, others.get(kind.name, [])) for kind in _publishing()]


def gone() -> list[dict[str, str | None]]:
    """Names that are no provider any more: `name`, `because`, and `use` instead (None: there is nothing)."""
    found = []
    for name in kinds.former_names():
        former = kinds.former(name)
        if former is not None and not former.same:
            successor = former.succeeded_by
            if successor is None or kinds.load(successor).publishes_records:
                found.append({"name": name, "because": former.because, "use": successor})
    return found


def tested(name: str) -> tuple[str, str]:
    """How far a provider is tested, and against what or why not further."""
    said = _said()
    if name in said["exercised"]:
        return "exercised", said["exercised"][name]
    if name in said["catalogued"]:
        return "catalogued", f"lego {said['catalogued'][name]}"
    return "accepted by lego", ""


def _publishing() -> Iterator[kinds.Kind]:
    return (kind for kind in map(kinds.load, kinds.names()) if kind.publishes_records)


def _described(kind: kinds.Kind, others: list[str]) -> dict[str, Any]:
    far, against = tested(kind.name)
    return {
        "provider": kind.name,
        "label": kind.label,
        "names": sorted(others),
        "fields": [each.name for each in kind.fields if not each.tuning],
        "tuning": [
            {"name": each.name, "default": each.default, "least": each.least}
            for each in kind.fields
            if each.tuning
        ],
        "sequential": kind.sequential,
        "turns": turns(kind.name).value,
        "tested": far,
        "against": against,
    }


@cache
def _said() -> dict[str, dict[str, str]]:
    return tomllib.loads(_TESTED.read_text(encoding="utf-8"))
