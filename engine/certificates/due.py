"""Renewing all that is due, on this machine: the database, the CAs and Pulumi behind `rounds`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from engine.certificates import attempts, listing, renewal, rounds
from engine.certificates.asking import ask, silent
from engine.certificates.kept import stand_all
from engine.certificates.limits.ledger import Bucket, Slot
from engine.certificates.planning import Turn, Waiting
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.certificates.listing import Listed
    from engine.certificates.renewal import Renewed, Run
    from engine.installation import Installation

BELIEVED = timedelta(minutes=2)  # for how long what was heard of a CA is not asked again


class Audience(Protocol):
    """Who is told while it goes on."""

    def waits(self, waiting: Sequence[Waiting]) -> None:
        """These are due and were put off."""

    def begins(self, certificates: Sequence["Listed"]) -> None:
        """A run for these of one stack begins."""

    def ended(self, came: "Renewed") -> None:
        """What came of it."""

    def lost(self, certificates: Sequence["Listed"], error: EngineError) -> None:
        """Their stack went away before their run."""


def renew_due(
    installation: "Installation", run: "Run", audience: Audience, passed: Sequence[str] = ()
) -> None:
    """Ask the CAs for their windows, then renew what is due; `passed` names variables for the programs."""
    ask(installation)
    rounds.go(_Here(installation, run, audience, passed))


@dataclass(slots=True)
class _Here:
    """The `rounds.Side` of an installation."""

    installation: "Installation"
    run: "Run"
    audience: Audience
    passed: Sequence[str]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _asked: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    _roots: dict[str, str | None] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.clock()

    def due(self, now: datetime) -> Sequence["Listed"]:
        with self.installation.database.read() as connection:
            found = listing.due(connection, now)
        self._roots = {one.kept.directory: one.kept.ca_certificates for one in found}
        return found

    def silent(self, directories: Collection[str]) -> Collection[str]:
        now = self.now()
        stale = [url for url in directories if url not in self._asked or self._asked[url][0] + BELIEVED < now]
        gone = silent({url: self._roots.get(url) for url in stale})
        self._asked |= {url: (now, url in gone) for url in stale}
        return {url for url in directories if self._asked[url][1]}

    def ledger(self) -> Mapping[Slot, Bucket]:
        from engine.certificates.limits import kept as limits

        with self.installation.database.read() as connection:
            return limits.ledger(connection, self.now().timestamp())

    def put_off(self, waiting: Sequence[Waiting]) -> None:
        if not waiting:
            return
        with self.installation.database.write() as connection:
            stand_all(
                connection,
                (
                    (one.id, one.kept, attempts.put_off(one.standing, each.until, each.why))
                    for each in waiting
                    for one in [each.certificate]
                ),
            )
        self.audience.waits(waiting)

    def renew(self, turn: Turn) -> rounds.Next:
        self.audience.begins(turn.certificates)
        try:
            came = renewal.renew(
                self.installation, turn.stack_id, turn.certificates, self.run, passed=self.passed
            )
        except EngineError as error:
            self.audience.lost(turn.certificates, error)
            return rounds.Next.ON
        self.audience.ended(came)
        if came.interrupted:
            return rounds.Next.STOP
        return rounds.Next.LOOK_AGAIN if came.failed or came.undeployed else rounds.Next.ON
