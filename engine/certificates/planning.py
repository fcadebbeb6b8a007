"""Which of the certificates that are due are renewed now, in which order and runs, and what waits for what.

Pure, so that a simulated year decides as `tic cert renew --due` does. The nearest end goes first through all
stacks, and takes what the CAs' limits leave; so a stack with thousands holds up no other's last day. What
could only fail is not tried: a CA that does not answer, a limit that is used up. It is put off to the moment
at which it can come of something, and counts as no failure.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import isinf

from engine.certificates import attempts
from engine.certificates.kept import Standing
from engine.certificates.limits import ledger as limits
from engine.certificates.limits.ledger import Bucket, Request, Slot
from engine.certificates.limits.telling import ca_name, told
from engine.certificates.listing import Listed
from stacks.provider.acme.epoch import decide
from stacks.provider.acme.fallback import open_to, opens_at

# A run's targets are words of a command line, which the system limits (execve: 2 MiB with the environment).
CERTIFICATES_OF_A_RUN = 100
NAMES_OF_A_RUN = 500
# A CA that did not answer is asked again after this; as often as a timer comes by is too often for none.
SILENT_PAUSE = timedelta(minutes=30)
# Orders that are under way elsewhere hold all that a limit leaves; how they end is known soon.
UNKNOWN_PAUSE = timedelta(minutes=10)


@dataclass(slots=True)
class Turn:
    """One run: certificates of one stack."""

    stack_id: int
    certificates: list[Listed] = field(default_factory=list)
    names: int = 0

    def has_room(self, one: Listed) -> bool:
        """Whether it takes this one too."""
        return not self.certificates or (
            len(self.certificates) < CERTIFICATES_OF_A_RUN
            and self.names + len(one.kept.names) <= NAMES_OF_A_RUN
        )

    def add(self, one: Listed) -> None:
        """Take this one too."""
        self.certificates.append(one)
        self.names += len(one.kept.names)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A certificate that is due, and can't be renewed before `until`."""

    certificate: Listed
    until: datetime
    why: str

    @property
    def is_late(self) -> bool:
        """Whether it waits into the last part of its lifetime, which somebody should know."""
        return self.until >= opens_at(self.certificate.kept.held)


@dataclass(frozen=True, slots=True)
class Plan:
    """Runs in their order, and what is put off."""

    turns: tuple[Turn, ...]
    waiting: tuple[Waiting, ...]


def plan(
    due: Iterable[Listed], ledger: Mapping[Slot, Bucket], silent: Collection[str], now: datetime
) -> Plan:
    """What to do at `now` about certificates that are due; `silent` are CAs (directory URLs) that do not
    answer, `ledger` is what is used of limits.
    """
    left = dict(ledger)
    turns: list[Turn] = []
    filling: dict[int, Turn] = {}
    waiting: list[Waiting] = []
    for one in sorted(due, key=_urgency):
        held = _ordered(one, left, silent, now) if needs_order(one, now) else None
        if held is not None:
            waiting.append(held)
            continue
        turn = filling.get(one.stack_id)
        if turn is None or not turn.has_room(one):
            turn = filling[one.stack_id] = Turn(one.stack_id)
            turns.append(turn)
        turn.add(one)
    return Plan(tuple(turns), tuple(waiting))


def possible(one: Listed, ledger: Mapping[Slot, Bucket], now: datetime) -> datetime:
    """From when the CAs' limits leave room for its order: `now`, or later."""
    waiting = plan([one], ledger, (), now).waiting
    return waiting[0].until if waiting else now


def after_failure(
    one: Listed, ledger: Mapping[Slot, Bucket], problem: str, now: datetime, *, made: bool
) -> Standing:
    """What is known of it once its renewal, or where it is `made` what depends on it, has failed: tried again
    as `attempts.failed` has it, and not before limits leave room for that.
    """
    standing = attempts.failed(one.kept, one.standing, problem, now, made=made)
    return attempts.not_before(standing, possible(replace(one, standing=standing), ledger, now))


def is_undeployed(one: Listed) -> bool:
    """Whether a renewal made this certificate, and then something that depends on it failed: nothing is left
    to order.
    """
    return bool(one.standing.failures) and one.standing.wanted_epoch == one.kept.held.epoch


def needs_order(one: Listed, now: datetime) -> bool:
    """Whether a certificate that is due has to be ordered, and not only to be deployed."""
    window = one.standing.window or one.kept.held.window
    return not is_undeployed(one) or decide(one.kept.held, now, window).due


def sources(one: Listed) -> Sequence[str]:
    """The CAs that the certificate may come from, the wanted one first."""
    return one.kept.directories or (one.kept.directory,)


def _urgency(one: Listed) -> tuple[datetime, str, str]:
    return one.kept.held.not_after, one.stack, one.kept.urn


def _ordered(one: Listed, left: dict[Slot, Bucket], silent: Collection[str], now: datetime) -> Waiting | None:
    """Take an order at the first CA that can be ordered from; else why, and until when, it waits."""
    every, held, seconds = sources(one), one.kept.held, now.timestamp()
    found: list[Waiting] = []
    open_now = open_to(every, held, now, revoked=one.standing.revoked_at is not None)
    for directory in open_now:
        if directory in silent:
            found.append(Waiting(one, now + SILENT_PAUSE, f"{ca_name(directory)} does not answer"))
            continue
        asked = request(one, directory)
        wait = limits.earliest(left, asked, seconds)
        if wait is None:
            left.update(limits.ordered(left, asked, seconds))
            return None
        found.append(Waiting(one, _moment(wait, now), told(wait, seconds)))
    first = min(found, key=lambda each: each.until)
    if len(open_now) < len(every):
        return replace(first, until=min(first.until, max(now, opens_at(held))))
    return first


def request(one: Listed, directory: str) -> Request:
    """The order that renews it at a CA, which is told what is replaced where it issued that too."""
    same = directory == one.kept.directory
    return Request(
        directory,
        one.kept.account or "" if same else "",
        one.kept.names,
        renewal=same,
        replaces=same and one.kept.held.renewal_info_url is not None,
    )


def _moment(wait: limits.Held, now: datetime) -> datetime:
    """Rounded up, so that it is possible then; what waits for other orders is looked at again in a while."""
    if isinf(wait.moment):
        return now + UNKNOWN_PAUSE
    return datetime.fromtimestamp(wait.moment, UTC) + timedelta(seconds=1)
