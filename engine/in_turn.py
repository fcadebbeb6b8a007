"""`--wait`: an operation that waits until nothing else runs on its stack, here or elsewhere."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from engine.errors import EngineError
from engine.turn import StackBusy, turn

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.stacks import Stack

REMIND_SECONDS: Final = 30.0  # how often a person who waits is told that it goes on
_LOOK_SECONDS: Final = 0.5
_T = TypeVar("_T")


class WaitEnded(EngineError):
    """The user ended the wait before the operation began."""

    exit_code = 130

    def __init__(self, stack: "Stack") -> None:
        super().__init__(
            f"the wait for {stack.full_name} was ended; nothing was changed",
            hint=f"see what runs on it: tic stack show {stack.full_name}",
        )


class Wait:
    """A wait of at most `seconds` (None: however long); `tell` hears for whom, and how long it has been."""

    def __init__(
        self,
        seconds: float | None,
        tell: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._tell = tell
        self._clock = clock
        self._since = clock()
        self._told: tuple[str, float] | None = None

    def go_on(self, stack: "Stack", kind: str, who: str) -> float:
        """Wait on for `who`; returns seconds until the next look. Raises StackBusy when it is over."""
        waited = self._clock() - self._since
        if self._seconds is not None and waited >= self._seconds:
            raise StackBusy(stack, kind, who, waited=waited)
        if self._told is None or self._told[0] != who:
            self._tell(f"waiting for {stack.full_name}: {who} (Ctrl-C ends the wait, and changes nothing)")
            self._told = who, waited
        elif waited - self._told[1] >= REMIND_SECONDS:
            self._tell(f"still waiting for {stack.full_name} after {waited:.0f} s: {who}")
            self._told = who, waited
        return _LOOK_SECONDS if self._seconds is None else min(_LOOK_SECONDS, self._seconds - waited)


def in_turn(installation: "Installation", stack: "Stack", kind: str, act: Callable[[], _T], wait: Wait) -> _T:
    """What `act` returns, once nothing else runs on the stack.

    It stands in this machine's line; at its head it looks for an update that runs elsewhere: of another
    machine, or of a client of `tic serve`. Whoever comes between the look and `act` is waited for as well.
    Raises StackBusy when the wait is over, WaitEnded for Ctrl-C, and what `act` raises.
    """
    from engine.state.updates import UpdateRunning

    acts = False

    def waits(who: str) -> float:
        return wait.go_on(stack, kind, who)

    try:
        with turn(installation.home, stack, kind, waits):
            while True:
                while (who := _elsewhere(installation, stack)) is not None:
                    time.sleep(waits(who))
                acts = True
                with suppress(UpdateRunning):
                    return act()
                acts = False
                time.sleep(waits("an operation that has just begun"))
    except KeyboardInterrupt:
        if acts:
            raise
        raise WaitEnded(stack) from None


def _elsewhere(installation: "Installation", stack: "Stack") -> str | None:
    """The update that holds the stack's lease, for a person to read; None where nobody lives who does."""
    from engine.state import updates

    with installation.database.read() as connection:
        running = updates.running(connection, stack.id)
    if running is None or running.is_dead(time.time()):
        return None
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(running.started_at))
    return f"{running.kind} by {running.user}, {running.owner}, since {since}"
