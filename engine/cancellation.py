"""Ending the operation that runs on a stack, from another process."""

import os
import signal
import time
from typing import TYPE_CHECKING, Final

from engine import leftovers, recovery
from engine.errors import EngineError
from engine.state.owner import is_gone, this_process
from engine.turn import Holder, holder

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.stacks import Stack

WOKEN_SECONDS: Final = 30.0
"""How long a run that was stopped may take to finish what is under way once it is woken."""
KILLED_SECONDS: Final = 10.0


class OwnerElsewhere(EngineError):
    """The operation's process is alive where this one can't reach it."""

    exit_code = 3


def cancel(installation: "Installation", stack: "Stack", *, force: bool = False) -> str:
    """End the stack's operation; returns what was done.

    A run of this machine is interrupted: it finishes what is under way. One that is stopped (SIGSTOP, Ctrl-Z)
    hears nothing, so it is woken, and killed where it does not end. `force` kills it at once. What runs
    elsewhere, or through `tic serve`, loses its lease: it can write no more, wherever it is; a run of tic on
    another machine only by `force`. Raises OwnerElsewhere.
    """
    found = holder(installation.home, stack)
    if found is not None and is_gone(found.owner):
        found = holder(installation.home, stack)  # it has just ended
    if found is None:
        return _end_lease(installation, stack, force=force)
    return _end(installation, stack, found, force=force)


def _end(installation: "Installation", stack: "Stack", found: Holder, *, force: bool) -> str:
    """End the run of this machine that has the stack's turn."""
    what = f"the {found.kind} of {stack.full_name} (process {found.owner.pid})"
    _check_reachable(found, what)
    if not force and not _is_stopped(found):
        _signal(found, what, signal.SIGINT)
        return f"{what} was asked to stop; it finishes what is under way"
    if not force:
        _signal(found, what, signal.SIGINT)
        _signal(found, what, signal.SIGCONT)
        if _has_ended(found, WOKEN_SECONDS):
            return (
                f"{what} was stopped and could hear nothing; it was woken, and has ended; what it did is kept"
            )
        if not _is_stopped(found):
            return f"{what} was stopped; it was woken and asked to stop, and finishes what is under way"
    _signal(found, what, signal.SIGKILL)
    if not _has_ended(found, KILLED_SECONDS):
        raise OwnerElsewhere(
            f"{what} was killed, and the system has not ended it yet",
            hint=f"try again in a while: tic stack cancel {stack.full_name} --force",
        )
    leftovers.sweep(installation.home)
    _end_lease(installation, stack, force=True)
    return f"{what} was killed; what it did is kept, and the next run sees to what was under way"


def _end_lease(installation: "Installation", stack: "Stack", *, force: bool) -> str:
    """Take the right to write from whoever has it, where no run of this machine has the turn."""
    from engine.state import updates

    leftovers.sweep(installation.home)
    with installation.database.read() as connection:
        running = updates.running(connection, stack.id)
    if running is None:
        return f"nothing runs on {stack.full_name}"
    what = f"the {running.command} of {stack.full_name}"
    if running.is_dead(time.time()):
        recovery.end(installation, stack, running, "interrupted")
        return f"{what} had no process; it is ended, what it did is kept"
    elsewhere = running.owner.host != this_process().host and not running.owner.is_client
    if elsewhere and not force:
        raise OwnerElsewhere(
            f"{what} runs elsewhere ({running.owner})",
            hint=f"cancel it there, or wait: unless it is renewed, its lease ends in "
            f"{_left(running.lease_expires)} s; or take it: tic stack cancel {stack.full_name} --force",
        )
    recovery.end(installation, stack, running, "cancelled")
    by = f"{what} by {running.owner}"
    return f"{by} can write no more; what it did is kept, what is under way there is cut off"


def _check_reachable(found: Holder, what: str) -> None:
    """Raise OwnerElsewhere where the number of the process means nothing here, as between containers."""
    if found.owner.host != this_process().host or is_gone(found.owner):
        raise OwnerElsewhere(
            f"{what} has the stack's turn, from another container of this machine ({found.owner.host})",
            hint="cancel it there, or end that container",
        )


def _signal(found: Holder, what: str, number: signal.Signals) -> None:
    try:
        os.kill(found.owner.pid, number)
    except ProcessLookupError:
        return  # it has just ended
    except PermissionError as error:
        raise OwnerElsewhere(f"{what} belongs to another user", hint="ask its owner to cancel it") from error


def _is_stopped(found: Holder) -> bool:
    """Whether the process is held by SIGSTOP, by its terminal (Ctrl-Z), or by a debugger."""
    import psutil

    try:
        return psutil.Process(found.owner.pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False


def _has_ended(found: Holder, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not is_gone(found.owner):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _left(moment: float) -> int:
    """Whole seconds until a moment (epoch, UTC)."""
    return max(0, int(moment - time.time()))
