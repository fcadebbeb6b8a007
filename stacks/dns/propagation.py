"""Whether a record is where the CA will look: every authoritative server, at every address, must agree.

The decision is pure: answers go in, a verdict comes out. What it decides:

- An address agrees once it has given the value `CONFIRMATIONS` times in a row. Behind one address there may
  be a pool of servers of which some lag; where half of them do, the pool is believed wrongly once in 2^10.
  Each time that it goes back on what it said, it has to say it more often, so that long waits don't add up
  to belief.
- An address to which this machine has no route is excused. So is a silent IPv6 address as long as no IPv6
  address at all has answered: then it is this machine's IPv6 that is broken, not theirs.
- A name server agrees when none of its addresses disagrees and at least one agrees: no excuse stands alone.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from stacks.dns.asking import Answer, Heard, Server, txt
from stacks.dns.zones import Place
from stacks.errors import StackError

CONFIRMATIONS = 10
MOST_SETBACKS = 2
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
# A wait is told once it is long enough for somebody to wonder.
QUIET_SECONDS = 2.0


class NotPublished(StackError):
    """The record did not appear at every authoritative server in time."""


class WaitStopped(StackError):
    """The wait was given up because the run ends."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one address.

    `agreed`: how often it gave the value in a row; `setbacks`: how often it then went back on it;
    `answered`: whether it ever answered anything at all.
    """

    agreed: int = 0
    setbacks: int = 0
    last: Answer | None = None
    answered: bool = False

    @property
    def needed(self) -> int:
        """How often in a row it must give the value to be believed."""
        return CONFIRMATIONS * (1 + min(self.setbacks, MOST_SETBACKS))

    @property
    def agrees(self) -> bool:
        """Whether it is believed."""
        return self.agreed >= self.needed

    def after(self, answers: Sequence[Answer], value: str) -> "Standing":
        """The standing when these answers have come as well, in this order."""
        agreed, setbacks, last, answered = self.agreed, self.setbacks, self.last, self.answered
        for answer in answers:
            has_it = value in answer.values
            setbacks += bool(agreed) and not has_it
            agreed = agreed + 1 if has_it else 0
            answered = answered or answer.heard in {Heard.ANSWER, Heard.FAULT}
            last = answer
        return Standing(agreed, setbacks, last, answered)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ready`, and who is missing with what was heard there, in the order of the servers."""

    ready: bool
    missing: tuple[tuple[Server, str], ...] = ()

    def __str__(self) -> str:
        return "; ".join(f"{server}: {why}" for server, why in self.missing)


def judge(standings: Mapping[Server, Standing]) -> Verdict:
    """Decide by the rules at the top of this module; performs no I/O."""
    ipv6_answers = any(standing.answered for server, standing in standings.items() if server.is_ipv6)
    agreeing = {server.name for server, standing in standings.items() if standing.agrees}
    missing = tuple(
        (server, _why(standing))
        for server, standing in standings.items()
        if not standing.agrees
        and not (server.name in agreeing and _excused(server, standing, ipv6_answers=ipv6_answers))
    )
    return Verdict(bool(agreeing) and not missing, missing)


def _excused(server: Server, standing: Standing, *, ipv6_answers: bool) -> bool:
    heard = standing.last.heard if standing.last else None
    return heard is Heard.NO_ROUTE or (heard is Heard.SILENCE and server.is_ipv6 and not ipv6_answers)


def _why(standing: Standing) -> str:
    if standing.last is None:
        return "it was not asked yet"
    if standing.agreed or standing.setbacks:
        return "it has the value, but not each time it is asked"
    return str(standing.last)


def wait(
    place: Place,
    value: str,
    *,
    seconds: float,
    stopped: Callable[[float], bool],
    longest_pause: float = LONGEST_PAUSE_SECONDS,
    progress: Callable[[Verdict], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Ask until every server of `place` has `value`; the first round is asked at once.

    `stopped(pause)` waits that many seconds and says whether to give up (`threading.Event.wait`);
    `longest_pause` (seconds) is where the back-off ends; `progress` is told each verdict of a wait of more
    than QUIET_SECONDS. Raises NotPublished after `seconds`, WaitStopped when told to stop.
    """
    standings = {server: Standing() for server in place.servers}
    began = clock()
    pause = FIRST_PAUSE_SECONDS
    while True:
        asked = {server: standing for server, standing in standings.items() if not standing.agrees}
        answers = asyncio.run(_round(place.name, value, asked))
        standings |= {server: asked[server].after(heard, value) for server, heard in answers.items()}
        verdict = judge(standings)
        if verdict.ready:
            return
        if clock() + pause > began + seconds:
            raise _missing(place, value, verdict, seconds)
        if progress and clock() - began >= QUIET_SECONDS:
            progress(verdict)
        if stopped(pause):
            raise WaitStopped(
                f"the wait for {place.name} was given up because the run ends",
                hint="run it again: tic stack up",
            )
        pause = min(pause * 2, longest_pause)


class Presence(Enum):
    """Whether a value is still published: SEEN somewhere, ABSENT at every server, or UNKNOWN."""

    SEEN = "seen"
    ABSENT = "absent"
    UNKNOWN = "unknown"


def presence(place: Place, value: str) -> Presence:
    """Ask each server once whether it has the value."""
    return present(asyncio.run(_each(place)), value)


def present(answers: Mapping[Server, Answer], value: str) -> Presence:
    """Decide from one answer of each address; a server that gives none leaves it open. Performs no I/O."""
    if any(value in answer.values for answer in answers.values()):
        return Presence.SEEN
    answered = {server.name for server, answer in answers.items() if answer.heard is Heard.ANSWER}
    every = {server.name for server in answers}
    return Presence.ABSENT if answered and answered == every else Presence.UNKNOWN


def values_at(place: Place) -> frozenset[str]:
    """Every TXT value that any of the servers has there, each asked once."""
    answers = asyncio.run(_each(place))
    return frozenset(value for answer in answers.values() for value in answer.values)


def wait_gone(
    place: Place,
    value: str,
    *,
    seconds: float,
    stopped: Callable[[float], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Presence:
    """Ask until no server has the value any more, at most for `seconds`; what was seen last."""
    deadline = clock() + seconds
    pause = FIRST_PAUSE_SECONDS
    while (last := presence(place, value)) is Presence.SEEN and clock() + pause < deadline:
        if stopped(pause):
            break
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    return last


async def _each(place: Place) -> dict[Server, Answer]:
    answers = await asyncio.gather(*(txt(place.name, server) for server in place.servers))
    return dict(zip(place.servers, answers, strict=True))


async def _round(name: str, value: str, asked: Mapping[Server, Standing]) -> dict[Server, list[Answer]]:
    heard = await asyncio.gather(*(_hear(name, value, server, of.needed) for server, of in asked.items()))
    return dict(zip(asked, heard, strict=True))


async def _hear(name: str, value: str, server: Server, needed: int) -> list[Answer]:
    """One answer, and at once the confirmations where it has the value: each from a port of its own."""
    first = await txt(name, server)
    if value not in first.values:
        return [first]
    return [first, *await asyncio.gather(*(txt(name, server) for _ in range(needed - 1)))]


def _missing(place: Place, value: str, verdict: Verdict, seconds: float) -> NotPublished:
    through = f" (CNAME from {place.aliases[0]})" if place.aliases else ""
    return NotPublished(
        f"the TXT record {place.name}{through} with {value} did not appear within {seconds:g} s: {verdict}",
        hint=f"look at the zone {place.zone} where the record was written; servers that can't be reached "
        "from here are left out by naming the others: `nameservers` of the challenge record",
    )
