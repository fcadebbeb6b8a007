"""Whether a record is where the CA will look: every authoritative server, at every address, must agree.

The decision is pure: answers go in, a verdict comes out. What it decides:

- An address agrees once it has given the value `CONFIRMATIONS` times in a row. Behind one address there may
  be a pool of servers of which some lag; where half of them do, the pool is believed wrongly once in 2^16.
  Once any address goes back on what it said, all of the zone have to say it more often, so that long waits
  don't add up to belief. Silence says nothing either way.
- Where anybody lacked the value, all are asked once more when all have it, a little later: the zone is one
  that lags, and who had it first may have gone back on it meanwhile.
- An address to which this machine has no route is excused. So is a silent IPv6 address as long as no IPv6
  address at all has answered: then it is this machine's IPv6 that is broken, not theirs.
- A name server agrees when none of its addresses disagrees and at least one agrees: no excuse stands alone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from stacks.dns.asking import Answer, Heard, Server, txt
from stacks.dns.zones import Place
from stacks.errors import StackError

CONFIRMATIONS = 16
MOST_SETBACKS = 2
# How many questions are under way to one address while it may still say no.
FEW = 4
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
# Of the time that it took so far: how long until the next look, and until the last one.
PAUSE_SHARE = 1 / 8
LAST_PAUSE_SHARE = 1 / 10
LONGEST_LAST_PAUSE_SECONDS = 0.5
# A wait is told once it is long enough for somebody to wonder.
QUIET_SECONDS = 2.0


Ask = Callable[[str, Server], Awaitable[Answer]]
"""Asks a server for the TXT values at a name; never raises."""


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
            last = answer
            if not answer.says_something:
                continue
            has_it = value in answer.values
            setbacks += bool(agreed) and not has_it
            agreed = agreed + 1 if has_it else 0
            answered = True
        return Standing(agreed, setbacks, last, answered)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ready`, and who is missing with what was heard there, in the order of the servers."""

    ready: bool
    missing: tuple[tuple[Server, str], ...] = ()

    def __str__(self) -> str:
        return "; ".join(f"{server}: {why}" for server, why in self.missing)


def equally_doubted(standings: Mapping[Server, Standing]) -> dict[Server, Standing]:
    """Each as often gone back on the value as the worst of them: the servers of a zone are of one kind."""
    most = max((each.setbacks for each in standings.values()), default=0)
    return {server: replace(each, setbacks=most) for server, each in standings.items()}


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
    ask: Ask = txt,
) -> None:
    """Ask until every server of `place` has `value`; the first round is asked at once.

    `stopped(pause)` waits that many seconds and says whether to give up (`threading.Event.wait`);
    `longest_pause` (seconds) is where the back-off ends; `progress` is told each verdict of a wait of more
    than QUIET_SECONDS. Raises NotPublished after `seconds`, WaitStopped when told to stop.
    """
    standings = {server: Standing() for server in place.servers}
    began = clock()
    undoubted = True
    while True:
        asked = {server: standing for server, standing in standings.items() if not standing.agrees}
        answers = asyncio.run(_round(place.name, value, asked, ask))
        standings |= {server: asked[server].after(heard, value) for server, heard in answers.items()}
        standings = equally_doubted(standings)
        undoubted = undoubted and not any(_denied(heard, value) for heard in answers.values())
        verdict, took = judge(standings), clock() - began
        if verdict.ready and undoubted:
            return
        pause = min(max(FIRST_PAUSE_SECONDS, took * PAUSE_SHARE), longest_pause)
        if verdict.ready:
            undoubted = True
            standings = {server: replace(standing, agreed=0) for server, standing in standings.items()}
            pause = min(took * LAST_PAUSE_SHARE, LONGEST_LAST_PAUSE_SECONDS)
        if took + pause > seconds:
            raise _missing(place, value, verdict, seconds)
        if progress and took >= QUIET_SECONDS and not verdict.ready:
            progress(verdict)
        if stopped(pause):
            raise WaitStopped(
                f"the wait for {place.name} was given up because the run ends",
                hint="run it again: tic stack up",
            )


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


async def _round(
    name: str, value: str, asked: Mapping[Server, Standing], ask: Ask
) -> dict[Server, list[Answer]]:
    heard = await asyncio.gather(
        *(_hear(name, value, server, of.needed - of.agreed, ask) for server, of in asked.items())
    )
    return dict(zip(asked, heard, strict=True))


async def _hear(name: str, value: str, server: Server, needed: int, ask: Ask) -> list[Answer]:
    """One answer, and at once the confirmations where it has the value: each from a port of its own."""
    heard: list[Answer] = []
    for most in (1, FEW, needed):
        many = min(most, needed - len(heard))
        heard += await asyncio.gather(*(ask(name, server) for _ in range(many)))
        if not heard[0].says_something or _denied(heard, value):
            break
    return heard


def _denied(heard: Sequence[Answer], value: str) -> bool:
    return any(answer.says_something and value not in answer.values for answer in heard)


def _missing(place: Place, value: str, verdict: Verdict, seconds: float) -> NotPublished:
    through = f" (CNAME from {place.aliases[0]})" if place.aliases else ""
    return NotPublished(
        f"the TXT record {place.name}{through} with {value} did not appear within {seconds:g} s: {verdict}",
        hint=f"look at the zone {place.zone} where the record was written; servers that can't be reached "
        "from here are left out by naming the others: `nameservers` of the challenge record",
    )
