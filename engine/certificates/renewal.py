"""Renewing certificates: which resources a stack's run is for, and what is known of each afterwards.

Of one stack all are renewed in one run, which touches nothing but what the certificates are made of (orders,
challenges) and what depends on them (deployments). A higher epoch is noted before the run begins: the plugin
follows it, so that a run that died in the middle of a renewal, forced or not, is taken up by the next one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from engine.certificates import attempts
from engine.certificates.causes import Causes, Why, targets
from engine.certificates.kept import stand
from engine.certificates.limits import kept as limits
from engine.certificates.listing import Listed, every
from engine.certificates.planning import after_failure, is_undeployed
from engine.errors import EngineError
from engine.events import Diagnostic
from engine.operation import Operation, Outcome
from engine.standings import NEXT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.installation import Installation
    from engine.state.stacks import Stack


@dataclass(frozen=True, slots=True)
class Renewed:
    """What came of the renewals of one stack, by certificate.

    `renewed` are the new ones. `undeployed` are there, and what depends on them (a deployment) failed. All
    are as they are afterwards: `due_at` says when one that failed is tried again. `whys` says of each that
    did not come to its end (by its id) what is wrong, and the next step where one is known.
    Where the run was not begun, as the stack is busy or its project is not to be found, nothing counts as a
    failure.
    """

    stack: str
    renewed: tuple[Listed, ...] = ()
    failed: tuple[Listed, ...] = ()
    undeployed: tuple[Listed, ...] = ()
    whys: Mapping[int, Why] = field(default_factory=dict)
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
        return Renewed(stack.full_name, already)
    try:
        outcome = run(stack, _operation(installation, stack, chosen, passed))
    except (StackBusy, UpdateRunning) as error:
        waiting = f"tic cert renew {chosen[0].full_name} --wait"
        return _not_begun(stack, chosen, Why(str(error), f"stand in line for it: {waiting}"))
    except ProjectUnusable as error:
        return _not_begun(stack, chosen, Why(str(error), error.hint))
    except (EngineError, CredentialError) as error:
        outcome = Outcome(errors=[Diagnostic("error", f"{error}{NEXT}{error.hint}", "")])
    came = _settled(installation, stack, chosen, outcome)
    return replace(came, renewed=(*already, *came.renewed))


def _not_begun(stack: "Stack", chosen: Sequence[Listed], why: Why) -> Renewed:
    return Renewed(stack.full_name, failed=tuple(chosen), whys={one.id: why for one in chosen})


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
        message=f"renew {names}",
        passed=passed,
    )


def _settled(
    installation: "Installation", stack: "Stack", chosen: Sequence[Listed], outcome: Outcome
) -> Renewed:
    """Note what came of each: where the run failed, of each by what is its own."""
    from engine.state import checkpoints

    now, came = datetime.now(UTC), _Sorted()
    with installation.database.write() as connection:
        used = limits.ledger(connection, now.timestamp())
        present = {each.kept.urn: each for each in every(connection, stack)}
        resources = checkpoints.deployment(connection, stack.id).get("resources") or []
        causes = Causes.of(resources, [each.kept.urn for each in chosen], outcome)
        for one in chosen:
            here = present.get(one.kept.urn)
            made = _is_made(here, one)
            why = _NOTHING if outcome.succeeded else causes.why(one.kept.urn)
            why = _INTERRUPTED if outcome.interrupted and not outcome.errors else why
            if made and (outcome.succeeded or causes.is_deployed(one.kept.urn)):
                came.renewed.append(one)
            else:
                (came.undeployed if made else came.failed).append(one)
                came.whys[one.id] = why
            if here is None or (outcome.interrupted and not made):
                continue
            if one in came.renewed:
                standing = attempts.ended(here.standing)
            elif not made and not outcome.succeeded and causes.is_held_up(one.kept.urn):
                standing = attempts.put_off(here.standing, now, why.problem)
            else:
                standing = after_failure(here, used, why.problem, now, made=made)
            stand(connection, here.id, here.kept, standing)
        after = {each.kept.urn: each for each in every(connection, stack)}
    return Renewed(
        stack.full_name,
        tuple(after[each.kept.urn] for each in came.renewed),
        tuple(after.get(each.kept.urn, each) for each in came.failed),
        tuple(after[each.kept.urn] for each in came.undeployed),
        came.whys,
        outcome.interrupted,
    )


@dataclass(slots=True)
class _Sorted:
    """What came of the certificates of a run, while they are looked at one by one."""

    renewed: list[Listed] = field(default_factory=list)
    failed: list[Listed] = field(default_factory=list)
    undeployed: list[Listed] = field(default_factory=list)
    whys: dict[int, Why] = field(default_factory=dict)


_NOTHING = Why(
    "the run succeeded and made no newer certificate: the program leaves it out, or orders with an epoch of "
    "its own",
    "see what the program says of it: tic stack preview",
)
_INTERRUPTED = Why("interrupted")


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
