"""`tic cert renew`: certificates renewed before their time, or those that are due, one run for each stack."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.cert_names import NAMES, chosen
from cli.stack_options import Env, Notify, Usage, Wait, WaitTimeout
from cli.telling import say

if TYPE_CHECKING:
    from engine.certificates.listing import Listed
    from engine.certificates.renewal import Renewed
    from engine.installation import Installation
    from engine.operation import Operation, Outcome
    from engine.state.stacks import Stack


def renew(
    names: Annotated[list[str] | None, typer.Argument(metavar="[CERTIFICATE ...]", help=NAMES)] = None,
    due: Annotated[
        bool, typer.Option("--due", help="All that are due, after asking their CAs (RFC 9773); for a timer.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also those that are not due yet.")] = False,
    env: Env = None,
    wait: Wait = False,
    wait_timeout: WaitTimeout = None,
    notify: Notify = None,
    as_json: Annotated[bool, typer.Option("--json", help="Line-delimited JSON events on stdout.")] = False,
) -> None:
    """Renew certificates and deploy them anew: one run for each stack, of nothing else that it has.

    One that fails keeps what is deployed; it says when it is tried again, and the others go on.
    """
    from cli.stack_run import carry_out, waiting_for
    from engine.certificates import renewal
    from engine.installation import Installation

    if bool(names) == due:
        raise Usage(
            "which certificates are meant?",
            hint="name them: tic cert renew CERTIFICATE ...; or all that are due: tic cert renew --due",
        )
    waits = waiting_for(wait_timeout, wait=wait, as_json=as_json)
    installation = Installation.find()
    selected = _selected(installation, names or (), due=due, force=force, as_json=as_json)

    def run(stack: "Stack", operation: "Operation") -> "Outcome":
        return carry_out(installation, stack, operation, notify=notify, as_json=as_json, wait=waits)

    failed = 0
    for stack_id, certificates in renewal.by_stack(selected):
        if not as_json:
            told = ", ".join(each.kept.name for each in certificates)
            say(f"renew {told} of {certificates[0].stack}")
        came = renewal.renew(installation, stack_id, certificates, run, passed=env or (), force=force)
        failed += len(came.failed) + len(came.undeployed)
        _tell(installation, came, as_json=as_json)
        if came.interrupted:
            raise typer.Exit(130)
    if failed:
        raise typer.Exit(1)


def _selected(
    installation: "Installation", names: "list[str] | tuple[()]", *, due: bool, force: bool, as_json: bool
) -> "list[Listed]":
    from datetime import UTC, datetime

    from engine.certificates import asking, listing

    if due:
        asking.ask(installation)
        with installation.database.read() as connection:
            found = listing.due(connection, datetime.now(UTC))
            waiting = [] if as_json else [one for one in listing.revoked(connection) if one not in found]
        if not found and not as_json:
            say("no certificate is due\n  next: see when they are: tic cert list")
        for one in waiting:
            _tell_revoked(one)
        return found
    selected = {one.id: one for one in (chosen(installation, name) for name in names)}
    now, kept = datetime.now(UTC), []
    for one in selected.values():
        standing = one.standing
        if force or now >= one.due_at or standing.retry_at is not None or standing.revoked_at is not None:
            kept.append(one)
        elif not as_json:
            say(f"{one.full_name} is not due until {one.due_at:%Y-%m-%d %H:%M} UTC, so it was left as it is")
            say(f"  next: renew it all the same: tic cert renew {one.full_name} --force")
    return kept


def _tell_revoked(one: "Listed") -> None:
    """One that no timer renews now, though it should not be served."""
    from datetime import UTC, datetime

    again = "tried again" if one.standing.failures else "due"
    say(f"{one.full_name} {one.ends(datetime.now(UTC))}; it is {again} at {one.due_at:%Y-%m-%d %H:%M} UTC")
    say(f"  next: renew it now: tic cert renew {one.full_name}")


def _tell(installation: "Installation", came: "Renewed", *, as_json: bool) -> None:
    from datetime import UTC, datetime

    from cli import progress
    from engine.certificates.listing import find

    for one in came.renewed:
        with installation.database.read() as connection:
            present = find(connection, one.kept.urn)
        until = f"{present.kept.held.not_after:%Y-%m-%d %H:%M} UTC"
        if as_json:
            progress.print_line(
                {"event": "renewed", "certificate": one.full_name, "serial": present.kept.held.serial}
            )
        else:
            again = f"{present.due_at:%Y-%m-%d %H:%M} UTC"
            say(f"{one.full_name} is renewed: valid until {until}, due again {again}")
    for one in came.undeployed:
        if as_json:
            progress.print_line(_event("undeployed", one, came))
            continue
        say(f"{one.full_name} is there, and what depends on it is not done: {came.problem}")
        say(f"  next: {_next(one, came)}")
    for one in came.failed:
        if as_json:
            progress.print_line(_event("failed", one, came))
            continue
        say(f"{one.full_name} was not renewed: {came.problem}")
        stays = one.ends(datetime.now(UTC))
        say(f"  what is deployed stays, and {stays}; see: tic cert show {one.full_name}")
        say(f"  next: {_next(one, came)}")


def _event(event: str, one: "Listed", came: "Renewed") -> dict[str, object]:
    return {
        "event": event,
        "certificate": one.full_name,
        "problem": came.problem,
        "next": _next(one, came),
    }


def _next(one: "Listed", came: "Renewed") -> str:
    """What to do, and the command that renews this one alone, once."""
    command = f"tic cert renew {one.full_name}"
    mend = came.hint or "mend what the line above names"
    return mend if command in mend else f"{mend}; then: {command}"
