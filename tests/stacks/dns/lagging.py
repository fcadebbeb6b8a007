"""Name servers that lag and split, in a time of their own: what `propagation.wait` is held against.

Behind each address stands a pool of machines. A question reaches one of them: by chance, as a balancer that
hashes ports does it, or each in its turn. Each machine has the record from some moment on. Packets get lost.
Nothing here sleeps: time passes by what questions and pauses take.
"""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stacks.dns.asking import ATTEMPTS, QUESTION_SECONDS, Answer, Heard, Server
from stacks.dns.zones import Place

NAME = "_acme-challenge.example.test"
VALUE = "the-value"
HAS = Answer(Heard.ANSWER, frozenset({VALUE}))
LACKS = Answer(Heard.ANSWER, detail="it says: no such name")
SILENT = Answer(Heard.SILENCE, detail="it does not answer")
# lego's own: a pause before the first look, and between two looks; each server is asked once, one after the
# other, and has so long to answer.
LEGO_INTERVAL, LEGO_TIMEOUT, LEGO_ANSWER = 2.0, 60.0, 10.0


Pool = tuple[float, ...]
"""For each machine behind an address, how long after the publication it has the record (seconds)."""


@dataclass(slots=True)
class World:
    """The servers of one zone, and the time. `lost` is the share of questions that get no answer."""

    chance: random.Random
    pools: Mapping[Server, Pool]
    lost: float
    takes: float
    by_turns: bool
    now: float = 0.0
    questions: int = 0
    _passing: float = 0.0
    _turns: dict[Server, int] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place(NAME, "example.test", tuple(self.pools))

    async def ask(self, _name: str, server: Server) -> Answer:
        """One question; all those of one round are under way together."""
        self.questions += 1
        taken = 0.0
        for part in ATTEMPTS:
            if self.chance.random() >= self.lost:
                break
            taken += part * QUESTION_SECONDS
        else:
            self._passing = max(self._passing, taken)
            return SILENT
        self._passing = max(self._passing, taken + self.takes)
        return HAS if self._reached(server) <= self.now else LACKS

    def clock(self) -> float:
        self.now += self._passing
        self._passing = 0.0
        return self.now

    def pause(self, seconds: float) -> bool:
        self.now += seconds
        return False

    def missed_by_ca(self) -> float:
        """How likely a CA's question, to any of the addresses, would not meet the record now."""
        shares = [sum(each > self.now for each in pool) / len(pool) for pool in self.pools.values()]
        return sum(shares) / len(shares)

    def as_lego_waits(self) -> tuple[float, float] | None:
        """How long lego waits by its defaults, and how likely a CA then misses the record; None: in vain."""
        self.now = LEGO_INTERVAL
        names = {server.name: server for server in self.pools}
        while self.now <= LEGO_INTERVAL + LEGO_TIMEOUT:
            if all(self._seen_by_lego(server) for server in names.values()):
                return self.now, self.missed_by_ca()
            self.now += LEGO_INTERVAL
        return None

    def _seen_by_lego(self, server: Server) -> bool:
        answered = self.chance.random() >= self.lost
        self.now += self.takes if answered else LEGO_ANSWER
        return answered and self._reached(server) <= self.now

    def _reached(self, server: Server) -> float:
        pool = self.pools[server]
        if not self.by_turns:
            return self.chance.choice(pool)
        turn = self._turns[server] = self._turns.get(server, self.chance.randrange(len(pool))) + 1
        return pool[turn % len(pool)]


def instant(_chance: random.Random) -> float:
    """A server that has what it was told, as a single primary does."""
    return 0.0


def secondary(chance: random.Random) -> float:
    """Told by the primary, and transfers the zone: half within 1.5 s, a few after a minute."""
    return chance.lognormvariate(math.log(1.5), 1.0)


def slow(chance: random.Random) -> float:
    """Looks at the database now and then."""
    return chance.uniform(0.0, 30.0)


def _alone(kind: Callable[[random.Random], float]) -> Callable[[random.Random], Pool]:
    return lambda chance: (kind(chance),)


def _pool(chance: random.Random) -> Pool:
    return tuple(secondary(chance) for _ in range(chance.randint(2, 8)))


def _halves(chance: random.Random) -> Pool:
    """One half has it at once, the other half later."""
    late, half = chance.uniform(1.0, 30.0), chance.randint(1, 4)
    return (instant(chance),) * half + (late,) * half


def _one_behind(chance: random.Random) -> Pool:
    """All but one have it at once."""
    return (*[instant(chance)] * chance.randint(1, 7), chance.uniform(1.0, 30.0))


KINDS: Mapping[str, Callable[[random.Random], Pool]] = {
    "instant": _alone(instant),
    "secondaries": _alone(secondary),
    "slow": _alone(slow),
    "pools": _pool,
    "halves": _halves,
    "one behind": _one_behind,
}


def world(chance: random.Random, kind: str) -> World:
    """Two to four servers of one kind, some with two addresses, behind a network of some quality."""
    servers = [
        Server(f"ns{number}.test", f"192.0.2.{number}{address}")
        for number in range(1, chance.randint(2, 4) + 1)
        for address in range(chance.randint(1, 2))
    ]
    behind = {server.name: KINDS[kind](chance) for server in servers}
    apart = chance.random() < 0.25
    return World(
        chance,
        {server: KINDS[kind](chance) if apart else behind[server.name] for server in servers},
        lost=chance.choice((0.0, 0.0, 0.01, 0.03)),
        takes=chance.uniform(0.005, 0.08),
        by_turns=chance.random() < 0.25,
    )
