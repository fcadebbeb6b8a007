"""`tic stack rollback`: what an earlier version held, planned by the engine, shown, and then done."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli.change_lines import change_line
from cli.consent import confirm
from cli.stack_options import MOST, AsJson, Env, Message, Name, Notify, Parallel, Yes, choose
from cli.stack_run import carry_out, counts, tell_failure
from cli.telling import say

if TYPE_CHECKING:
    from engine.events import Event
    from engine.operation import Outcome
    from engine.rollback.preparing import Rollback
    from engine.state.stacks import Stack

To = Annotated[
    int, typer.Option("--to", min=1, max=MOST, help="The version to go back to, as tic stack history counts.")
]


def rollback(
    to: To,
    name: Name = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would be done, and stop.")] = False,
    parallel: Parallel = None,
    message: Message = "",
    env: Env = None,
    yes: Yes = False,
    notify: Notify = None,
    as_json: AsJson = False,
) -> None:
    """Bring the resources back to the inputs of an earlier version; program and configuration stay."""
    from engine.installation import Installation
    from engine.operation import Operation
    from engine.rollback.preparing import prepare, refuse_events
    from engine.turn import StackBusy

    installation = Installation.find()
    stack = choose(installation, name, destructive=True)
    back = prepare(installation, stack, to)
    _tell_way(stack, back, as_json=as_json)
    asked = Operation("preview", parallel=parallel, message=message, passed=env or ())
    plan = back.operation(asked, lambda: prepare(installation, stack, to))
    steps: list[Event] = []
    planned = carry_out(installation, stack, plan, as_json=as_json, also=steps.append)
    again = f"tic stack rollback {stack.full_name} --to {to}"
    if not planned.succeeded:
        _refuse(stack, back, planned)
        tell_failure(f"the plan to roll back {stack.full_name} to {to}", plan, planned, f"{again} --preview")
    refuse_events(stack, back, steps)
    if preview:
        if not as_json:
            say(f"going back to version {to} of {stack.full_name} would be: {counts(planned)}")
            say(f"  next: {again}")
        return
    question = f"roll {stack.full_name} back to version {to}: {counts(planned)}"
    confirm(f"{question}?", question, f"{again} --yes", yes=yes)
    asked = Operation("up", parallel=parallel, message=message, passed=env or ())
    doing = back.operation(asked, lambda: prepare(installation, stack, to))
    try:
        outcome = carry_out(installation, stack, doing, notify=notify, as_json=as_json)
    except StackBusy as busy:
        busy.hint = f"wait until it is done, then: {again}; or end it: tic stack cancel {stack.full_name}"
        raise
    if not outcome.succeeded:
        tell_failure(f"rollback of {stack.full_name} to {to}", doing, outcome, again)
    if not as_json:
        say(f"{stack.full_name} is as in version {to}, in {outcome.seconds} s: {counts(outcome)}")
        say("  the program and its configuration are as before; the next tic stack up applies them again,")
        say(f"  so go back in both first; what it would do now: tic stack preview {stack.full_name}")


def _tell_way(stack: "Stack", back: "Rollback", *, as_json: bool) -> None:
    from cli import progress

    if as_json:
        config = [asdict(each) for each in back.config]
        line = {"event": "rollback", "stack": stack.full_name, "to": back.to.number, "config": config}
        progress.print_line(line)
        return
    from engine.rollback.preparing import when

    record = back.to.record
    why = f": {record.message.partition(chr(10))[0]}" if record.message else ""
    say(f"rollback {stack.full_name} to version {back.to.number}, {when(back.to)} by {record.user}{why}")
    if back.config:
        say("  since then the configuration has changed; it stays as it is now:")
        for change in back.config:
            say(f"    {change_line(asdict(change))}")


def _refuse(stack: "Stack", back: "Rollback", planned: "Outcome") -> None:
    """Where the plan met what can't be rolled back, end with the code of a refusal."""
    from engine.rollback.preparing import RollbackRefused, by_program
    from engine.rollback.registration import REFUSED

    number = back.to.number
    if any(REFUSED in each.message for each in planned.errors):
        raise RollbackRefused(
            f"version {number} of {stack.full_name} can't be had back: the lines above say why; nothing was "
            "changed",
            hint=by_program(stack, back.to),
        )
