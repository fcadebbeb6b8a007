"""Renewing certificates: which resources a stack's run is for, and what is known of each afterwards.

Of one stack all are renewed in one run, which touches nothing but what the certificates are made of (orders,
challenges) and what depends on them (deployments). A higher epoch is noted before the run begins: the plugin
follows it, so that a run that died in the middle of a renewal, forced or not, is taken up by the next one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from engine.certificates import attempts
from engine.certificates.kept import Standing, stand
from engine.certificates.limits import kept as limits
from engine.certificates.limits.ledger import Bucket, Slot
from engine.certificates.listing import Listed, every
from engine.certificates.planning import is_undeployed, plan
from engine.errors import EngineError
from engine.operation import Operation, Outcome
from engine.state.urns import ROOT_STACK

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.installation import Installation
    from engine.state.stacks import Stack

OWN = "tic:"
NEXT = " — next: "  # between what failed and the next step, in the errors of tic's plugin


@dataclass(frozen=True, slots=True)
class Renewed:
    """What came of the renewals of one stack: by certificate, and why where one did not come to its end.

    `renewed` are the new ones. `undeployed` are there, and what depends on them (a deployment) failed. `hint`
    is the next step where one is known. Where the run was not begun, as the stack is busy or its project is
    not to be found, nothing counts as a failure.
    """

    stack: str
    renewed: tuple[Listed, ...]
    failed: tuple[Listed, ...]
    undeployed: tuple[Listed, ...]
    problem: str
    hint: str = ""
    interrupted: bool = False


Run = Callable[["Stack", Operation], Outcome]


def by_stack(chosen: Iterable[Listed]) -> list[tuple[int, list[Listed]]]:
    """The certificates of each stack, by its id: one run each."""
    ordered = sorted(chosen, key=lambda each: (each.stack, each.stack_id, each.kept.name))
    return [(stack_id, list(group)) for stack_id, group in groupby(ordered, key=lambda each: each.stack_id)]


def renew(
    installation: "Installation",
    stack_id: int,
    chosen: Sequence[Listed],
    run: Run,
    *,
    passed: Sequence[str] = (),
    force: bool = False,
) -> Renewed:
    """Renew these certificates of one stack in one run, and note what came of it; `passed` names variables.

    One that is renewed already, and not deployed, is only deployed, unless with `force`.

    What went wrong, also before the run could begin, is in the answer; then each keeps what is deployed, and
    is tried again later (`schedule.retry_at`). One that is newer by now is left as it is, and counts as
    renewed: another process was quicker.
    """
    from credentials.errors import CredentialError
    from engine.project import ProjectUnusable
    from engine.state import stacks
    from engine.state.updates import UpdateRunning
    from engine.turn import StackBusy

    with installation.database.write() as connection:
        stack = stacks.get(connection, stack_id)
        chosen, already = _as_they_are(connection, stack, chosen)
        for one in chosen:
            if force or not is_undeployed(one):
                stand(connection, one.id, one.kept, attempts.begun(one.kept, one.standing))
    if not chosen:
        return Renewed(stack.full_name, already, (), (), "")
    why, interrupted = Why(), False
    try:
        outcome = run(stack, _operation(installation, stack, chosen, passed))
    except (StackBusy, UpdateRunning) as error:
        waiting = f"tic cert renew {chosen[0].full_name} --wait"
        return Renewed(stack.full_name, (), tuple(chosen), (), str(error), f"stand in line for it: {waiting}")
    except ProjectUnusable as error:
        return Renewed(stack.full_name, (), tuple(chosen), (), str(error), error.hint)
    except (EngineError, CredentialError) as error:
        why = Why(str(error), error.hint)
    else:
        interrupted = outcome.interrupted
        if not outcome.succeeded:
            why = why_failed(outcome)
    came = _settled(installation, stack, chosen, why, interrupted=interrupted)
    return replace(came, renewed=(*already, *came.renewed))


def _as_they_are(
    connection: "Connection", stack: "Stack", chosen: Sequence[Listed]
) -> tuple[list[Listed], tuple[Listed, ...]]:
    """Those to renew as the table has them now, and those that were renewed since they were chosen.

    Others may have run in between, for hours where many stacks are due; one that is gone is neither.
    """
    present = {each.id: each for each in every(connection, stack)}
    found = [(one, present[one.id]) for one in chosen if one.id in present]
    return (
        [here for one, here in found if here.kept.held.epoch <= one.kept.held.epoch],
        tuple(here for one, here in found if here.kept.held.epoch > one.kept.held.epoch),
    )


def _operation(
    installation: "Installation", stack: "Stack", chosen: Sequence[Listed], passed: Sequence[str]
) -> Operation:
    from engine.state import checkpoints

    with installation.database.read() as connection:
        resources = checkpoints.deployment(connection, stack.id).get("resources") or []
    names = ", ".join(each.kept.name for each in chosen)
    return Operation(
        "up",
        targets=targets(resources, [each.kept.urn for each in chosen]),
        dependents=True,
        keep_going=True,
        message=f"renew {names}",
        passed=passed,
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
        parent = by_urn.get(one.get("parent") or "")
        if parent is not None and parent["type"] != ROOT_STACK and parent["type"].startswith(OWN):
            left += [parent["urn"], *children.get(parent["urn"], ())]
    return tuple(found)


def _depends_on(resource: dict[str, Any]) -> set[str]:
    by_property = (resource.get("propertyDependencies") or {}).values()
    return {*(resource.get("dependencies") or ()), *(urn for each in by_property for urn in each or ())}


def _is_own(resource: dict[str, Any]) -> bool:
    return str(resource["type"]).startswith((f"{OWN}acme/", f"{OWN}dns/"))


def _settled(
    installation: "Installation",
    stack: "Stack",
    chosen: Sequence[Listed],
    why: "Why",
    *,
    interrupted: bool,
) -> Renewed:
    now, problem = datetime.now(UTC), why.problem
    with installation.database.write() as connection:
        used = limits.ledger(connection, now.timestamp())
        present = {each.kept.urn: each for each in every(connection, stack)}
        made = [each for each in chosen if _is_made(present.get(each.kept.urn), each)]
        failed = tuple(each for each in chosen if each not in made)
        if failed and not problem:
            problem = "interrupted" if interrupted else _NOTHING
        for one in chosen:
            here = present.get(one.kept.urn)
            if here is None or (interrupted and one in failed):
                continue
            if one in made and problem in ("", _NOTHING):
                standing = attempts.ended(here.standing)
            else:
                standing = attempts.failed(here.kept, here.standing, problem, now, made=one in made)
                standing = _not_before_it_can_be(here, standing, used, now)
            stand(connection, here.id, here.kept, standing)
        after = {each.kept.urn: each for each in every(connection, stack)}
    undeployed = tuple(made) if problem and problem != _NOTHING else ()
    renewed = tuple(after[each.kept.urn] for each in made if each not in undeployed)
    hint = _PUT_IT_BACK if problem == _NOTHING else why.hint
    return Renewed(stack.full_name, renewed, failed, undeployed, problem, hint, interrupted)


def _not_before_it_can_be(
    one: Listed, standing: Standing, used: Mapping[Slot, Bucket], now: datetime
) -> Standing:
    """Tried again when the limits of its CAs leave room for an order, where that is later."""
    waiting = plan([replace(one, standing=standing)], used, (), now).waiting
    again = max([standing.retry_at or now, *(each.until for each in waiting)])
    return replace(standing, retry_at=again)


_NOTHING = (
    "the run succeeded and made no newer certificate: the program leaves it out, or orders with an epoch of "
    "its own"
)
_PUT_IT_BACK = "see what the program says of it: tic stack preview"


def _is_made(present: Listed | None, before: Listed) -> bool:
    """Whether there is the certificate that the run was for."""
    if present is None:
        return False
    return present.kept.held.epoch > before.kept.held.epoch or (
        present.kept.held.epoch == before.kept.held.epoch
        and is_undeployed(before)
        and not _wants_newer(present)
    )


def _wants_newer(one: Listed) -> bool:
    return (one.standing.wanted_epoch or 0) > one.kept.held.epoch


@dataclass(frozen=True, slots=True)
class Why:
    """Why a run failed, and the next step where one is known; both empty where it did not."""

    problem: str = ""
    hint: str = ""


def why_failed(outcome: Outcome) -> Why:
    open("/tmp/errs.txt","a").write(repr([(e.urn,e.message[:300]) for e in outcome.errors])+"\n"+repr(outcome.printed)[:1000]+"\n")
    """From the errors of a run; each of tic's plugin says its next step after the problem."""
    told = [each.message.strip() for each in outcome.errors if each.message.strip()]
    apart = [each.partition(NEXT) for each in told]
    problems = [problem.strip().replace("\n", "; ") for problem, _, _ in apart]
    hints = [hint.strip().partition("\n")[0] for _, _, hint in apart if hint.strip()]
    if not problems:
        problems = outcome.printed[-1:] or ["the run failed"]
    return Why("; ".join(dict.fromkeys(each.strip() for each in problems)), hints[0] if hints else "")
