"""Where each deployment of a stack stands when a run has failed: done, failed and why, or not tried. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.events import Diagnostic, Step

DEPLOYMENT: Final = "tic:deploy/"
"""What the type of every deployment begins with."""
NEXT: Final = " — next: "
"""Stands between what is wrong and what to do about it (stacks.provider.servicer)."""

_LAST: Final = {"not tried": 1, "cut off": 2, "failed": 3}
_WORDS: Final = {"same": "unchanged", "create": "created", "update": "updated", "delete": "deleted"}


@dataclass(frozen=True, slots=True)
class Standing:
    """One resource at the end of a run that failed.

    `state` is unchanged, created, updated, replaced, deleted, failed, cut off (begun, and its end not seen)
    or not tried; `message` and `next` say of a failed one what is wrong and what to do, where that is known.
    """

    urn: str
    type: str
    name: str
    state: str
    message: str = ""
    next: str = ""


def standings(
    steps: Mapping[str, Step], errors: Sequence[Diagnostic], meant: Iterable[str] = ()
) -> list[Standing]:
    """What failed, of every type, and all deployments: by what has happened to them, the failed ones last.

    `steps` has the telling step of each URN, `errors` what was said of them. `meant` are the URNs that the
    run was to come to: a deployment among them without a step was not tried, because of what it depends on.
    """
    seen = [_of(step, errors) for step in steps.values()]
    missed = [_untried(urn) for urn in dict.fromkeys(meant) if urn not in steps]
    told = [each for each in (*seen, *missed) if each.state == "failed" or each.type.startswith(DEPLOYMENT)]
    return sorted(told, key=lambda each: (_LAST.get(each.state, 0), each.type, each.name))


def telling(known: Step | None, step: Step) -> Step:
    """Which of two steps on one resource says how it stands: what failed, else what was last done to it."""
    if known is None or known.phase == "started":
        return step
    if known.phase == "failed" or step.phase == "started":
        return known
    if step.phase == "failed" or known.operation == "same":
        return step
    return known


def _of(step: Step, errors: Sequence[Diagnostic]) -> Standing:
    if step.phase == "failed":
        said = next((each.message for each in errors if each.urn == step.urn), f"its {step.operation} failed")
        message, _, hint = said.partition(NEXT)
        return Standing(step.urn, step.type, step.name, "failed", message, hint)
    if step.phase == "started":
        return Standing(step.urn, step.type, step.name, "cut off")
    return Standing(step.urn, step.type, step.name, _WORDS.get(step.operation, "replaced"))


def _untried(urn: str) -> Standing:
    step = Step("started", "", urn)
    return Standing(urn, step.type, step.name, "not tried")
