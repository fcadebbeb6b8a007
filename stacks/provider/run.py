"""What a plugin process's operations share, and what each may use: its broker, time and voice."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from stacks.broker import Broker, StateResource
from stacks.errors import StackError

if TYPE_CHECKING:
    from pulumi import Resource

    from stacks.provider.acme.authority import Authorities
    from stacks.provider.acme.broker_notes import BrokerNotes
    from stacks.provider.acme.epoch import Window

T = TypeVar("T")

DEFAULT_SECONDS = 600.0
# How often a thread that waits for another thread's answer looks whether the run was cancelled.
GLANCE_SECONDS = 0.2


class Interrupted(StackError):
    """The run was cancelled, or this operation's time is over."""


class Voice:
    """What a resource says while it works; this one says nothing."""

    def say(self, urn: str, text: str) -> None:
        """Show a passing status beside the resource."""

    def warn(self, urn: str, text: str) -> None:
        """Show a warning that stays."""


@dataclass(slots=True)
class Run:
    """One plugin process, which is one phase (preview, update, destroy ...) of one run of one stack.

    `published` and `written` hold what this process did itself: the names and values of records that it
    published, and the files that it wrote. `ordered` holds the authorizations of the orders that it
    made; `windows` what CAs said about renewals, by URL, so that each is asked once, and `answering` which
    CAs answer at all. `chains` holds the last authorization (a Pulumi resource) of challenges that wait for
    one another, whichever component's. `uploaded` has the ids of certificates that it put at services, and
    the URN of each one's resource; `spared` counts, by URN and id, those that it left there because what took
    their place has the same id.
    """

    environ: Mapping[str, str]
    voice: Voice = field(default_factory=Voice)
    cancelled: threading.Event = field(default_factory=threading.Event)
    published: set[tuple[str, str]] = field(default_factory=set)
    written: set[Path] = field(default_factory=set)
    ordered: set[str] = field(default_factory=set)
    windows: dict[str, "Window | None"] = field(default_factory=dict)
    answering: dict[str, bool] = field(default_factory=dict)
    chains: dict[tuple[str, str], "Resource"] = field(default_factory=dict)
    uploaded: dict[str, str] = field(default_factory=dict)
    spared: Counter[tuple[str, str]] = field(default_factory=Counter)
    _authorities: "Authorities | None" = None
    _account_notes: "BrokerNotes | None" = None
    _held: dict[str, tuple[StateResource, ...]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asking: threading.Lock = field(default_factory=threading.Lock)
    _alone: dict[tuple[str, ...], threading.Lock] = field(default_factory=dict)

    @property
    def broker(self) -> Broker:
        """The broker of this run; raises BrokerUnavailable where the plugin was started without one."""
        return Broker.find(self.environ)

    def held(self, resource_type: str) -> tuple[StateResource, ...]:
        """The stack's resources of a type as they were before this run, which the broker is asked for once.

        A hundred certificates each want to know; each answer has all of them. Raises BrokerError.
        """
        with self._asking:
            if resource_type not in self._held:
                self._held[resource_type] = tuple(self.broker.resources(resource_type))
            return self._held[resource_type]

    def alone(self, *what: str) -> threading.Lock:
        """The lock of what one operation of this process may do at a time."""
        return self._alone.setdefault(what, threading.Lock())

    @property
    def account_notes(self) -> "BrokerNotes":
        """What the broker keeps of this stack's accounts."""
        with self._lock:
            if self._account_notes is None:
                from stacks.provider.acme.broker_notes import BrokerNotes

                self._account_notes = BrokerNotes(self)
            return self._account_notes

    @property
    def authorities(self) -> "Authorities":
        """The CAs that this process talks to."""
        notes = self.account_notes
        with self._lock:
            if self._authorities is None:
                from stacks.provider.acme.authority import (
                    Authorities,
                )  # costs 0.2 s: only where a CA is asked
                from stacks.provider.acme.patience import Patience

                self._authorities = Authorities(notes, Patience(self))
            return self._authorities


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on one resource; `ends` is on the monotonic clock."""

    run: Run
    urn: str
    ends: float

    @classmethod
    def begin(cls, run: Run, urn: str, seconds: float = 0) -> "Operation":
        """An operation that may take `seconds`; 0 means the default (ten minutes)."""
        return cls(run, urn, time.monotonic() + (seconds or DEFAULT_SECONDS))

    @property
    def remaining(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self.ends - time.monotonic())

    def say(self, text: str) -> None:
        """Show a passing status beside the resource."""
        self.run.voice.say(self.urn, text)

    def warn(self, text: str) -> None:
        """Show a warning that stays."""
        self.run.voice.warn(self.urn, text)

    def wait(self, seconds: float, what: str) -> None:
        """Wait; raises Interrupted when the run is cancelled or the operation's time is over first."""
        left = self.remaining
        if self.run.cancelled.wait(min(seconds, left)):
            raise self._cancelled(what)
        if seconds >= left:
            raise Interrupted(
                f"the time limit was reached while waiting for {what}",
                hint="run `tic stack up` again, it continues where this run stopped; or raise customTimeouts",
            )

    def interruptible(self, call: Callable[[], T], what: str) -> T:
        """The answer of a blocking call; a cancelled run leaves the call behind and raises Interrupted."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="call")
        future = executor.submit(call)
        executor.shutdown(wait=False)
        while True:
            try:
                return future.result(timeout=GLANCE_SECONDS)
            except TimeoutError:
                if future.done():
                    raise  # the call's own
            if self.run.cancelled.is_set():
                raise self._cancelled(what)

    def _cancelled(self, what: str) -> Interrupted:
        return Interrupted(
            f"cancelled while waiting for {what}",
            hint="run `tic stack up` again, it continues where this run stopped",
        )
