"""One round of `tic cert renew --due`: what is due is planned, put off or renewed, and planned again.

Whoever keeps the certificates and carries out the runs is a `Side`: in the product the database and Pulumi,
in a simulation a clock and a list. All decisions are here and in `planning`.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from engine.certificates.limits.ledger import Bucket, Slot
from engine.certificates.listing import Listed
from engine.certificates.planning import Turn, Waiting, plan, sources


class Next(Enum):
    """What follows a run."""

    ON = auto()
    LOOK_AGAIN = auto()  # something failed: a CA may have fallen silent, a limit may be used up
    STOP = auto()


class Side(Protocol):
    """Where a round takes place."""

    def now(self) -> datetime:
        """The time, aware."""

    def due(self, now: datetime) -> Sequence[Listed]:
        """What is due at `now`."""

    def silent(self, directories: Collection[str]) -> Collection[str]:
        """Those of the CAs (directory URLs) that do not answer."""

    def ledger(self) -> Mapping[Slot, Bucket]:
        """What is used of the CAs' limits."""

    def put_off(self, waiting: Sequence[Waiting]) -> None:
        """Note what is not tried before a moment."""

    def renew(self, turn: Turn) -> Next:
        """Carry out one run, and note what came of it."""


def go(side: Side) -> None:
    """Renew what is due, each certificate at most once."""
    left = {one.id: one for one in side.due(side.now())}
    while left:
        every = {directory for one in left.values() for directory in sources(one)}
        found = plan(left.values(), side.ledger(), side.silent(every), side.now())
        side.put_off(found.waiting)
        for each in found.waiting:
            del left[each.certificate.id]
        for turn in found.turns:
            for one in turn.certificates:
                del left[one.id]
            came = side.renew(turn)
            if came is Next.STOP:
                return
            if came is Next.LOOK_AGAIN:
                break
