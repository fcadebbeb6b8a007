"""Whose fault it is when a run for several certificates failed; pure: what the engine told, and the state.

One that fails must not take along what was renewed beside it: a certificate is blamed for what is below it
(its order, its challenges) and for what depends on it (its deployments), and for nothing of its neighbours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.events import Diagnostic
from engine.operation import Outcome
from engine.standings import NEXT

OWN = "tic:"


@dataclass(frozen=True, slots=True)
class Why:
    """Why something failed, and the next step where one is known; both empty where nothing did."""

    problem: str = ""
    hint: str = ""


HELD_UP = Why(
    "something else in its run failed before its turn came",
    "let the timer come by: it is tried again without that",
)


def targets(resources: Sequence[dict[str, Any]], urns: Iterable[str]) -> tuple[str, ...]:
    """The URNs of these resources and of what they are made of: tic's own that they depend on, and what the
    same component made, down to the last.
    """
    by_urn = {each["urn"]: each for each in resources if not each.get("delete")}
    children: dict[str, list[str]] = {}
    for each in by_urn.values():
        children.setdefault(each.get("parent") or "", []).append(each["urn"])
    found: dict[str, None] = {}
    left = [each for each in urns if each in by_urn]
    while left:
        urn = left.pop()
        if urn in found:
            continue
        found[urn] = None
        one = by_urn[urn]
        left += [each for each in _depends_on(one) if each in by_urn and _is_own(by_urn[each])]
        for component in _own_component(by_urn, urn):
            left += [component, *children.get(component, ())]
    return tuple(found)


def dependents(resources: Sequence[dict[str, Any]], urns: Iterable[str]) -> dict[str, set[str]]:
    """What depends on each of these, down to the last, by its URN: its deployments.

    Where a program in another language uses an output of the component, the state knows of the component
    alone, and not of the certificate in it.
    """
    by_urn = {each["urn"]: each for each in resources if not each.get("delete")}
    behind: dict[str, list[str]] = {}
    for each in by_urn.values():
        for urn in _depends_on(each):
            behind.setdefault(urn, []).append(each["urn"])
    found: dict[str, set[str]] = {}
    for urn in urns:
        whole = [urn, *_own_component(by_urn, urn)]
        left, seen = [each for one in whole for each in behind.get(one, ())], set[str]()
        while left:
            one = left.pop()
            if one not in seen:
                seen.add(one)
                left += behind.get(one, ())
        found[urn] = seen
    return found


@dataclass(frozen=True, slots=True)
class Causes:
    """What went wrong in one run, told apart by certificate (its URN)."""

    outcome: Outcome
    general: Why
    deployments: Mapping[str, set[str]]
    errors: Mapping[str, Sequence[Diagnostic]]

    @classmethod
    def of(cls, resources: Sequence[dict[str, Any]], urns: Sequence[str], outcome: Outcome) -> "Causes":
        """`resources` are the state's after the run, which was for the certificates `urns`."""
        behind = dependents(resources, urns)
        family = {urn: {*targets(resources, [urn]), *behind[urn]} for urn in urns}
        known = set().union(*family.values())
        errors = {
            urn: [each for each in outcome.errors if each.urn in family[urn] or each.urn not in known]
            for urn in urns
        }
        return cls(outcome, why_failed(outcome.errors, outcome.printed), behind, errors)

    def is_deployed(self, urn: str) -> bool:
        """Whether all that depends on the certificate was come to, and done."""
        steps = self.outcome.steps
        return all(each in steps and steps[each].phase == "done" for each in self.deployments[urn])

    def is_held_up(self, urn: str) -> bool:
        """Whether its turn never came, as something failed that is no fault of its own."""
        return bool(self.outcome.errors) and not self.errors[urn]

    def why(self, urn: str) -> Why:
        """What to say of the certificate."""
        if self.is_held_up(urn):
            return HELD_UP
        return why_failed(self.errors[urn]) if self.errors[urn] else self.general


def why_failed(errors: Sequence[Diagnostic], printed: Sequence[str] = ()) -> Why:
    """From the errors of a run; each of tic's plugin says its next step after the problem."""
    told = [each.message.strip() for each in errors if each.message.strip()]
    apart = [each.partition(NEXT) for each in told]
    problems = [problem.strip().replace("\n", "; ") for problem, _, _ in apart]
    hints = [hint.strip().partition("\n")[0] for _, _, hint in apart if hint.strip()]
    if not problems:
        problems = list(printed[-1:]) or ["the run failed"]
    return Why("; ".join(dict.fromkeys(each.strip() for each in problems)), hints[0] if hints else "")


def _depends_on(resource: dict[str, Any]) -> set[str]:
    by_property = (resource.get("propertyDependencies") or {}).values()
    return {*(resource.get("dependencies") or ()), *(urn for each in by_property for urn in each or ())}


def _own_component(by_urn: Mapping[str, dict[str, Any]], urn: str) -> tuple[str, ...]:
    """tic's component that made the resource; none where a program did."""
    parent = by_urn.get(by_urn.get(urn, {}).get("parent") or "")
    return (parent["urn"],) if parent is not None and parent["type"].startswith(OWN) else ()


def _is_own(resource: dict[str, Any]) -> bool:
    return str(resource["type"]).startswith((f"{OWN}acme/", f"{OWN}dns/"))
