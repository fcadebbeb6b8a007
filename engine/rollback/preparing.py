"""Everything of a rollback that comes before anything runs: what would be registered, or why it can't be."""

import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.operation import Operation
from engine.past.changes import Change, changes_by_key
from engine.past.comparison import PROVIDER
from engine.past.opened import Secret, unsealer
from engine.past.settings import in_force, recorded
from engine.past.version import version
from engine.rollback.refusals import EVENTS, FORWARD, Refusal, refusals
from engine.rollback.registration import to_json
from engine.rollback.translation import is_default_provider, registrations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.events import Event
    from engine.installation import Installation
    from engine.past.version import Version
    from engine.state.stacks import Stack


class RollbackRefused(EngineError):
    """The version can't be had back honestly; nothing was changed."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Rollback:
    """A way back to version `to` from `since`, the newest version when it was looked for.

    `config` is what the configuration in force has otherwise than that version had; it stays as it is.
    `plan` is what is registered, with secrets in it.
    """

    to: "Version"
    since: int
    config: tuple[Change, ...]
    plan: str = field(repr=False)

    def operation(self, asked: Operation, again: "Callable[[], Rollback]") -> Operation:
        """`asked` (preview or up) as this rollback; `again` prepares it anew, in the turn of the stack."""
        message = asked.message or f"rollback to {self.to.number}"

        def registers() -> str:
            now = again()
            if now.since != self.since:
                raise RollbackRefused(
                    f"something else ran meanwhile: version {now.since} is the newest now, not {self.since}",
                    hint=f"look at the plan again: tic stack rollback --to {self.to.number} --preview",
                )
            return now.plan

        return replace(asked, message=message, registers=registers)


def prepare(installation: "Installation", stack: "Stack", number: int) -> Rollback:
    """What would be registered to have version `number` back; changes nothing.

    Raises VersionUnknown, RollbackRefused, SealedElsewhere, ProjectUnusable, and CredentialError where a
    secret does not open.
    """
    from engine import config, project
    from engine.state import stacks
    from engine.state.sealing import require_sealed_here

    where = project.of_stack(stack.project, stack.folder, Path.cwd())
    config.check(installation.vault, stack, where.folder)
    unseal = unsealer(installation.vault, stack.id)
    with installation.database.read() as connection:
        stack = stacks.get(connection, stack.id)
        then, now = version(connection, stack, number), version(connection, stack)
    _refuse_as_a_whole(stack, then, now)
    for each in (then, now):
        require_sealed_here(each.deployment)
    plan = registrations(then.deployment, now.deployment, unseal)
    has = in_force(stack, where, unseal)
    # A state that was imported came without a configuration: nothing is known of the one of then.
    had = has if then.record.kind == "import" else recorded(then.record.config, unseal)
    found = [
        *refusals(then.deployment, now.deployment, plan),
        *of_default_providers(then.deployment, had, has),
    ]
    if found:
        raise _refused(stack, then, found)
    return Rollback(then, now.number, tuple(changes_by_key(had, has)), to_json(plan))


def refuse_events(stack: "Stack", back: Rollback, planned: "Sequence[Event]") -> None:
    """Raise RollbackRefused where the plan has a step on a resource that is an event at a CA."""
    from engine.events import Step

    again = {
        each.urn: Refusal(each.urn, f"{EVENTS[each.type]} would have to happen again; {FORWARD}")
        for each in planned
        if isinstance(each, Step)
        and each.type in EVENTS
        and each.operation in ("create", "update", "replace")
    }
    if again:
        raise _refused(stack, back.to, again.values())


def _refuse_as_a_whole(stack: "Stack", then: "Version", now: "Version") -> None:
    name, number = stack.full_name, then.number
    if number == now.number:
        raise RollbackRefused(
            f"version {number} of {name} is its newest: there is nothing to roll back",
            hint=f"choose an earlier one: tic stack history {name}",
        )
    if then.record.status != "succeeded":
        raise RollbackRefused(
            f"version {number} of {name} {_ENDINGS.get(then.record.status, 'did not succeed')}: "
            "what it left is neither what was before nor what was asked for",
            hint=f"choose one that succeeded: tic stack history {name}",
        )
    if not then.deployment.get("resources"):
        raise RollbackRefused(
            f"version {number} of {name} had no resources", hint=f"delete them: tic stack destroy {name}"
        )


_ENDINGS = {"failed": "failed", "cancelled": "was cancelled", "interrupted": "was interrupted"}


def of_default_providers(
    deployment: "Mapping[str, Any]", had: "Mapping[str, Any]", has: "Mapping[str, Any]"
) -> list[Refusal]:
    """Default providers, which take their settings from the configuration, where that is another today."""
    differing = [
        key for key in sorted({*had, *has}) if changes_by_key(*({key: each.get(key)} for each in (had, has)))
    ]
    return [
        Refusal(provider["urn"], f"its settings are others today; first: {_way(key, had)}")
        for provider in deployment.get("resources") or ()
        if is_default_provider(provider)
        for key in differing
        if key.startswith(f"{provider['type'].removeprefix(PROVIDER)}:")
    ]


def _way(key: str, had: "Mapping[str, Any]") -> str:
    """The command that sets one value as it was."""
    if key not in had:
        return f"tic stack config remove {key}"
    if isinstance(had[key], str):
        return f"tic stack config set {key} {shlex.quote(had[key])}"
    return f"tic stack config set {key}{' --secret' if isinstance(had[key], Secret) else ''}"


def by_program(stack: "Stack", then: "Version") -> str:
    """How to go back with the program where the state alone does not do."""
    commit = then.record.environment.get("git.head")
    what = f"commit {commit[:12]}" if commit else f"what it was at {when(then)}"
    return f"go back with the program: check out {what}, then: tic stack up {stack.full_name}"


def when(then: "Version") -> str:
    """When a version was made, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(then.record.started_at))


def _refused(stack: "Stack", then: "Version", found: Iterable[Refusal]) -> RollbackRefused:
    lines = "".join(f"\n  {each}" for each in found)
    return RollbackRefused(
        f"version {then.number} of {stack.full_name} can't be had back:{lines}", hint=by_program(stack, then)
    )
