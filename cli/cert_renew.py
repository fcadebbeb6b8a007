"""`tic cert renew`: certificates renewed before their time, or those that are due, one run for each stack."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from cli.cert_names import NAMES, chosen
from cli.stack_options import Env, Notify, Usage, Wait, WaitTimeout
from cli.telling import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.certificates.listing import Listed
    from engine.certificates.planning import Waiting
    from engine.certificates.renewal import Renewed, Run
    from engine.errors import EngineError
    from engine.installation import Installation
    from engine.operation import Operation, Outcome
    from engine.state.stacks import Stack

NAMED_AT_ONCE = 5  # certificates that one line lists


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
    from engine.certificates.limits.limit import authorities
    from engine.environment import base
    from engine.installation import Installation
    from engine.notify import check

    if bool(names) == due:
        raise Usage(
            "which certificates are meant?",
            hint="name them: tic cert renew CERTIFICATE ...; or all that are due: tic cert renew --due",
        )
    waits = waiting_for(wait_timeout, wait=wait, as_json=as_json)
    installation = Installation.find()
    # What is wrong with any of these is told now, not on the day that a certificate is due.
    authorities()
    base(os.environ, env or ())
    for reference in notify or ():
        check(installation, reference)

    def run(stack: "Stack", operation: "Operation") -> "Outcome":
        return carry_out(installation, stack, operation, notify=notify, as_json=as_json, wait=waits)

    telling = _Telling(as_json=as_json)
    if due:
        _renew_due(installation, run, telling, env or ())
    else:
        for stack_id, certificates in renewal.by_stack(
            _selected(installation, names or (), force=force, as_json=as_json)
        ):
            telling.begins(certificates)
            came = renewal.renew(installation, stack_id, certificates, run, passed=env or (), force=force)
            telling.ended(came)
            if came.interrupted:
                break
    if telling.interrupted:
        raise typer.Exit(130)
    if telling.failed:
        raise typer.Exit(1)


def _renew_due(
    installation: "Installation", run: "Run", telling: "_Telling", passed: "list[str] | tuple[()]"
) -> None:
    from datetime import UTC, datetime

    from engine.certificates import listing
    from engine.certificates.due import renew_due

    renew_due(installation, run, telling, passed)
    if telling.as_json:
        return
    if not telling.said:
        say("no certificate is due\n  next: see when they are: tic cert list")
    with installation.database.read() as connection:
        now, revoked = datetime.now(UTC), listing.revoked(connection)
    for one in revoked:
        if one.due_at > now:
            _tell_revoked(one)


def _selected(
    installation: "Installation", names: "list[str] | tuple[()]", *, force: bool, as_json: bool
) -> "list[Listed]":
    from datetime import UTC, datetime

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


class _Telling:
    """What is said of the runs, as `engine.certificates.due` hears it; `failed` counts what to mend."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.said = self.interrupted = False
        self.failed = 0

    def begins(self, certificates: "Sequence[Listed]") -> None:
        """A run for these of one stack begins."""
        self.said = True
        if not self.as_json:
            told = ", ".join(each.kept.name for each in certificates[:NAMED_AT_ONCE])
            more = len(certificates) - NAMED_AT_ONCE
            say(f"renew {told}{f' and {more} more' if more > 0 else ''} of {certificates[0].stack}")

    def ended(self, came: "Renewed") -> None:
        """What came of it."""
        self.interrupted = self.interrupted or came.interrupted
        self.failed += len(came.failed) + len(came.undeployed)
        _tell(came, as_json=self.as_json)

    def waits(self, waiting: "Sequence[Waiting]") -> None:
        """These are due and were put off; that is a failure only where the end is near."""
        self.said = True
        self.failed += sum(each.is_late for each in waiting)
        _tell_waiting(waiting, as_json=self.as_json)

    def lost(self, certificates: "Sequence[Listed]", error: "EngineError") -> None:
        """Their stack went away before their run."""
        from cli import progress

        stack = certificates[0].stack
        if self.as_json:
            line = {"event": "left-out", "stack": stack, "problem": str(error), "next": error.hint}
            progress.print_line(line)
            return
        say(f"{stack} was left out: {error}")
        say(f"  next: {error.hint}")


def _tell_waiting(waiting: "Sequence[Waiting]", *, as_json: bool) -> None:
    from cli import progress

    if as_json:
        for each in waiting:
            one, until = each.certificate, each.until.isoformat(timespec="seconds")
            progress.print_line(
                {"event": "waiting", "certificate": one.full_name, "until": until, "problem": each.why}
            )
        return
    from datetime import UTC, datetime

    groups: dict[str, list[Waiting]] = {}
    for each in waiting:
        groups.setdefault(each.why, []).append(each)
    for why, group in groups.items():
        first = min(group, key=lambda each: each.certificate.kept.held.not_after).certificate
        again = min(each.until for each in group)
        whose = first.full_name if len(group) == 1 else f"{len(group)} certificates"
        say(f"{whose} can't be renewed now: {why}")
        say(f"  tried again from {again:%Y-%m-%d %H:%M} UTC; the first to end is {first.full_name}:")
        say(f"  it {first.ends(datetime.now(UTC))}")
        say(f"  next: let the timer come by, or try it now: tic cert renew {first.full_name}")


def _tell_revoked(one: "Listed") -> None:
    """One that no timer renews now, though it should not be served."""
    from datetime import UTC, datetime

    again = "tried again" if one.standing.failures else "due"
    say(f"{one.full_name} {one.ends(datetime.now(UTC))}; it is {again} at {one.due_at:%Y-%m-%d %H:%M} UTC")
    say(f"  next: renew it now: tic cert renew {one.full_name}")


def _tell(came: "Renewed", *, as_json: bool) -> None:
    from datetime import UTC, datetime

    from cli import progress

    for one in came.renewed:
        if as_json:
            progress.print_line(
                {
                    "event": "renewed",
                    "certificate": one.full_name,
                    "serial": one.kept.held.serial,
                    "directory": one.kept.directory,
                }
            )
        else:
            until, again = (f"{each:%Y-%m-%d %H:%M} UTC" for each in (one.kept.held.not_after, one.due_at))
            say(f"{one.full_name} is renewed: valid until {until}, due again {again}")
            _tell_other_authority(one)
    for one in came.undeployed:
        if as_json:
            progress.print_line(_event("undeployed", one, came))
            continue
        say(f"{one.full_name} is there, and what depends on it is not done: {came.whys[one.id].problem}")
        _tell_again(one)
        say(f"  next: {_next(one, came)}")
    for one in came.failed:
        if as_json:
            progress.print_line(_event("failed", one, came))
            continue
        say(f"{one.full_name} was not renewed: {came.whys[one.id].problem}")
        stays = one.ends(datetime.now(UTC))
        say(f"  what is deployed stays, and {stays}; see: tic cert show {one.full_name}")
        _tell_again(one)
        say(f"  next: {_next(one, came)}")


def _tell_other_authority(one: "Listed") -> None:
    """A chain that has changed is for somebody to know."""
    from engine.certificates.limits.telling import ca_name
    from engine.certificates.planning import sources

    wanted, came = sources(one)[0], one.kept.directory
    if came != wanted:
        say(f"  warning: it comes from {ca_name(came)}, as {ca_name(wanted)} could not issue it;")
        say("  the next renewal asks the wanted one first")


def _event(event: str, one: "Listed", came: "Renewed") -> dict[str, object]:
    return {
        "event": event,
        "certificate": one.full_name,
        "problem": came.whys[one.id].problem,
        "renew_at": one.due_at.isoformat(timespec="seconds") if one.standing.retry_at else None,
        "next": _next(one, came),
    }


def _tell_again(one: "Listed") -> None:
    """When it is tried again, without anybody's doing but a timer's."""
    from datetime import UTC, datetime

    if one.standing.retry_at is None:
        return  # nothing was tried
    when = f"from {one.due_at:%Y-%m-%d %H:%M} UTC on"
    say(f"  tried again {when if one.due_at > datetime.now(UTC) else 'each time'} by: tic cert renew --due")


def _next(one: "Listed", came: "Renewed") -> str:
    """What to do, and the command that renews this one alone, once."""
    command = f"tic cert renew {one.full_name}"
    if came.interrupted:
        return f"go on with it: {command}"
    mend = came.whys[one.id].hint or "mend what the line above names"
    return mend if command in mend else f"{mend}; then: {command}"
