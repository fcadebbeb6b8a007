"""`tic stack up|preview|refresh|destroy|cancel`: one operation, shown while it goes on."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.consent import confirm
from cli.printable import printable
from cli.stack_options import (
    DIFFERENT,
    AsJson,
    Env,
    ExitCode,
    Message,
    Name,
    Notify,
    Parallel,
    Target,
    Usage,
    Wait,
    WaitTimeout,
    Yes,
    choose,
)
from cli.standing_lines import standing_lines
from cli.telling import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.events import Event
    from engine.in_turn import Wait as Waiting
    from engine.installation import Installation
    from engine.operation import Operation, Outcome
    from engine.state.stacks import Stack


def register(app: typer.Typer) -> None:
    """Add the operations to `tic stack`."""
    for command in (up, preview, refresh, destroy, cancel):
        app.command()(command)


def up(
    name: Name = None,
    target: Target = None,
    replace: Annotated[
        list[str] | None, typer.Option("--replace", help="Replace this resource (URN); may be repeated.")
    ] = None,
    parallel: Parallel = None,
    message: Message = "",
    env: Env = None,
    wait: Wait = False,
    wait_timeout: WaitTimeout = None,
    notify: Notify = None,
    as_json: AsJson = False,
) -> None:
    """Bring the stack's resources to what its program says (`preview` shows it beforehand)."""
    from engine.operation import Operation

    waits = waiting_for(wait_timeout, wait=wait, as_json=as_json)
    operation = Operation("up", target or (), replace or (), parallel, message, env or ())
    _run(name, operation, notify=notify, as_json=as_json, wait=waits)


def preview(
    name: Name = None,
    target: Target = None,
    parallel: Parallel = None,
    env: Env = None,
    as_json: AsJson = False,
) -> None:
    """Show what `up` would do; changes nothing."""
    from engine.operation import Operation

    _run(name, Operation("preview", target or (), (), parallel, "", env or ()), as_json=as_json)


def refresh(
    name: Name = None,
    target: Target = None,
    parallel: Parallel = None,
    message: Message = "",
    env: Env = None,
    clear_pending_creates: Annotated[
        bool, typer.Option(help="Forget creates that were cut off, after you have looked for what they made.")
    ] = False,
    preview_only: Annotated[
        bool, typer.Option("--preview", help="Show what differs from the state (drift); changes nothing.")
    ] = False,
    exit_code: ExitCode = False,
    wait: Wait = False,
    wait_timeout: WaitTimeout = None,
    notify: Notify = None,
    as_json: AsJson = False,
) -> None:
    """Read what the resources are in the world into the state."""
    from engine.operation import Operation
    from engine.past import drift

    if preview_only and (clear_pending_creates or message):
        raise Usage(
            "--preview keeps nothing, so it can neither forget creates nor keep a message",
            hint="leave out --preview, or the other option",
        )
    if exit_code and not preview_only:
        raise Usage("--exit-code is for --preview", hint="tic stack refresh --preview --exit-code")
    waits = waiting_for(wait_timeout, wait=wait, as_json=as_json)
    operation = Operation(
        "refresh", target or (), (), parallel, message, env or (), clear_pending_creates, preview_only
    )
    outcome = _run(name, operation, notify=notify, as_json=as_json, wait=waits)
    if exit_code and drift.found(outcome.changes):
        raise typer.Exit(DIFFERENT)


def destroy(
    name: Name = None,
    target: Target = None,
    parallel: Parallel = None,
    message: Message = "",
    env: Env = None,
    yes: Yes = False,
    wait: Wait = False,
    wait_timeout: WaitTimeout = None,
    notify: Notify = None,
    as_json: AsJson = False,
) -> None:
    """Delete the stack's resources; its credentials are free afterwards."""
    from engine.installation import Installation
    from engine.operation import Operation

    installation = Installation.find()
    stack = choose(installation, name, destructive=True)
    if not target:
        _warn_of_lent(installation, stack)
    confirm(
        f"delete every resource of {stack.full_name}?",
        f"destroying {stack.full_name} deletes its resources",
        f"tic stack destroy {stack.full_name} --yes",
        yes=yes,
    )
    waits = waiting_for(wait_timeout, wait=wait, as_json=as_json)
    operation = Operation("destroy", target or (), (), parallel, message, env or ())
    _run(stack.full_name, operation, notify=notify, as_json=as_json, wait=waits)


def _warn_of_lent(installation: "Installation", stack: "Stack") -> None:
    """Who else's certificates come from accounts that go with this stack (RFC 8555 7.3.6)."""
    from engine.certificates.accounts import lent

    with installation.database.read() as connection:
        accounts = lent(connection, stack.id, stack.full_name)
    for one in accounts:
        say(f"warning: this deactivates the account {one.uri}, from which others have certificates too:")
        say(f"  {', '.join(one.certificates)}")
        say("  they can't be renewed with it any more; give their stacks another account first")


def cancel(
    name: Name = None,
    force: Annotated[
        bool, typer.Option("--force", help="Kill it now; take the lease of one that runs elsewhere.")
    ] = False,
) -> None:
    """End the operation that runs on the stack: its process here is interrupted, a stopped one is woken for
    that, a dead one's lease is ended.
    """
    from engine.cancellation import cancel as cancel_run
    from engine.installation import Installation

    installation = Installation.find()
    stack = choose(installation, name)
    say(cancel_run(installation, stack, force=force))


def _run(
    name: str | None,
    operation: "Operation",
    *,
    notify: "Sequence[str] | None" = None,
    as_json: bool,
    wait: "Waiting | None" = None,
) -> "Outcome":
    from engine.installation import Installation

    installation = Installation.find()
    stack = choose(installation, name)
    if not as_json:
        say(f"{operation.kind} {stack.full_name}")
    outcome = carry_out(installation, stack, operation, notify=notify, as_json=as_json, wait=wait)
    _conclude(stack, operation, outcome, as_json=as_json)
    return outcome


def carry_out(
    installation: "Installation",
    stack: "Stack",
    operation: "Operation",
    *,
    notify: "Sequence[str] | None" = None,
    as_json: bool,
    also: "Callable[[Event], None] | None" = None,
    wait: "Waiting | None" = None,
) -> "Outcome":
    """Do it, at once or when the stack's turn has come (`wait`), show it while it goes on (and tell `also`),
    and tell what was sealed at the door.
    """
    from cli import progress
    from engine import in_turn, notices, run, waiting
    from engine.events import Notice
    from engine.state.residue import summary

    def act() -> "Outcome":
        with (
            progress.choose(told, as_json=as_json) as shown,
            waiting.heard(lambda line: shown(Notice(line, "warning"))),
        ):

            def hear(event: "Event") -> None:
                shown(event)
                if also is not None:
                    also(event)

            return run.run(installation, stack, operation, hear)

    told = progress.PLANNED if operation.kind == "preview" else progress.DONE
    told = progress.DRIFTED if operation.preview_only else told
    with notices.telling(installation, notify or (), stack, operation, warn=_warn) as ended:
        if wait is None or operation.changes_nothing:
            outcome = act()
        else:
            outcome = in_turn.in_turn(installation, stack, operation.kind, act, wait)
        ended(outcome)
    for residue in summary(outcome.caught):
        if as_json:
            progress.print_line({"event": "residue", **asdict(residue), "message": str(residue)})
        else:
            say(f"  ! {residue}")
    if not as_json:
        for line in standing_lines(outcome.standings, interrupted=outcome.interrupted):
            say(printable(line))
    else:
        ended_as = {"event": "end", "succeeded": outcome.succeeded, "interrupted": outcome.interrupted}
        stand = [asdict(each) for each in outcome.standings]
        progress.print_line(ended_as if outcome.succeeded else {**ended_as, "standings": stand})
    return outcome


def waiting_for(timeout: str | None, *, wait: bool, as_json: bool) -> "Waiting | None":
    """How `--wait` and `--wait-timeout`, which implies it, want to wait; raises Usage."""
    if timeout is None and not wait:
        return None
    from cli import progress, since
    from engine import in_turn

    seconds = None if timeout is None else since.seconds(timeout)
    if timeout is not None and seconds is None:
        raise Usage(f"--wait-timeout {timeout[:40]!r} is no span of time", hint="write it as 90s, 10m or 1h")

    def tell(line: str) -> None:
        if as_json:
            progress.print_line({"event": "notice", "message": line, "severity": "info"})
        else:
            say(f"  - {line}")

    return in_turn.Wait(seconds, tell)


def _warn(line: str) -> None:
    say(f"warning: {line}")


def _conclude(stack: "Stack", operation: "Operation", outcome: "Outcome", *, as_json: bool) -> None:
    if outcome.succeeded and operation.preview_only:
        if not as_json:
            _tell_drift(stack, outcome)
        return
    if outcome.succeeded:
        after = {
            "up": f"tic stack outputs {stack.full_name}",
            "preview": f"tic stack up {stack.full_name}",
            "refresh": f"tic stack preview {stack.full_name}",
            "destroy": f"tic stack remove {stack.full_name}",
        }[operation.kind]
        if not as_json:
            say(f"{operation.kind} of {stack.full_name} is done in {outcome.seconds} s: {counts(outcome)}")
            say(f"  next: {after}")
        return
    again = f"{operation.kind} {stack.full_name}{' --preview' if operation.preview_only else ''}"
    tell_failure(f"{operation.kind} of {stack.full_name}", operation, outcome, f"tic stack {again}")


def counts(outcome: "Outcome") -> str:
    """How many resources had what done to them."""
    done = sorted(outcome.changes.items())
    return ", ".join(f"{count} {name}" for name, count in done) or "nothing to do"


def tell_failure(what: str, operation: "Operation", outcome: "Outcome", again: str) -> NoReturn:
    """Say that `what` did not come to its end, and with which command to go on; then end with its code."""
    if not outcome.errors:
        for line in outcome.printed[-20:]:
            say(f"  {line}")
    ended = "was interrupted" if outcome.interrupted else "failed"
    kept = "nothing was changed" if operation.changes_nothing else "what was done is kept in the state"
    done = counts(outcome) if outcome.changes or not outcome.interrupted else "nothing was begun"
    say(f"{what} {ended}: {done}; {kept}")
    mend = "" if outcome.interrupted and not outcome.errors else "mend what the lines above name, then: "
    say(f"  next: {mend}{again}")
    raise typer.Exit(130 if outcome.interrupted else 1)


def _tell_drift(stack: "Stack", outcome: "Outcome") -> None:
    from engine.past import drift

    name = stack.full_name
    if not drift.found(outcome.changes):
        say(f"what is there is what the state of {name} says ({outcome.seconds} s)")
        return
    gone, others = outcome.changes.get("delete", 0), outcome.changes.get("update", 0)
    say(f"what is there differs from the state of {name}: {gone} gone, {others} changed; nothing was touched")
    say(f"  next: take it into the state: tic stack refresh {name}, then see what would put it right:")
    say(f"        tic stack preview {name}")
