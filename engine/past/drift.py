"""What the engine's events say of a resource that would be updated: which properties differ, and how."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.past.changes import Change, changes
from engine.past.opened import opened

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # Pulumi's word for a value that is not there yet
SHOWN_UNKNOWN = "[unknown]"


def differences(metadata: Mapping[str, Any]) -> tuple[Change, ...]:
    """The properties that differ between both states of a step (`apitype.StepEventMetadata`).

    In events every secret looks the same. Where the provider says that one differs, it is told without value.
    """
    before, after = (opened(_outputs(metadata.get(side)), _never) for side in ("old", "new"))
    found = [change.mapped(_readable) for change in changes(before, after)]
    told = {change.path.partition(".")[0].partition("[")[0] for change in found}
    named = metadata.get("detailedDiff") or metadata.get("diffs") or ()
    return (*found, *(_hidden(name) for name in _first_steps(named) if name not in told and name in after))


def _outputs(state: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (state or {}).get("outputs") or {}


def _first_steps(paths: Iterable[str]) -> list[str]:
    return sorted({path.partition(".")[0].partition("[")[0] for path in paths})


def _hidden(name: str) -> Change:
    return Change(name, "changed", "[secret]", "[secret]", secret=True)


def _readable(text: str) -> str:
    return SHOWN_UNKNOWN if text == UNKNOWN else text


def _never(ciphertext: str) -> bytes:
    raise AssertionError(ciphertext)  # in events there is one ciphertext for all of them


def found(counts: Mapping[str, int]) -> bool:
    """Whether a run that counted so many resources by what it did, or would do, has anything to do."""
    return any(count for operation, count in counts.items() if operation not in ("same", "refresh"))
