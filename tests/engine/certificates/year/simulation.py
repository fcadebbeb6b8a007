"""A year of `tic cert renew --due`, once an hour, with a clock of its own.

What is decided is decided by the product: what is due and when (`schedule`, `epoch`), the round with its
order and its runs (`rounds`, `planning`), limits (`limits.ledger`), what failures lead to (`attempts`), when
to ask for windows (`asking.may_ask`), and the CA to order from (`fallback`). Only what acts is imitated: CAs,
runs of Pulumi, and the table, which is a list here.
"""

import heapq
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.certificates import attempts, rounds
from engine.certificates.asking import may_ask
from engine.certificates.kept import Standing
from engine.certificates.limits import ledger as limits
from engine.certificates.limits.ledger import Bucket, Slot
from engine.certificates.listing import Listed
from engine.certificates.planning import Turn, Waiting, after_failure, needs_order, request, sources
from engine.certificates.rounds import Next
from engine.certificates.schedule import due_at
from stacks.provider.acme.epoch import Held
from stacks.provider.acme.fallback import choose, open_to
from stacks.provider.acme.renewal_info import LONGEST_ASK_AGAIN
from tests.engine.certificates.year.authorities import DAY, Ca, Refused
from tests.engine.certificates.year.population import (
    BEGIN,
    LETS_ENCRYPT,
    RECALL_LASTS,
    RECALLED_ON,
    Mishaps,
    account,
    authorities,
    certificates,
    domain,
)

HOUR = timedelta(hours=1)
ORDER_TAKES = timedelta(milliseconds=300)
RETRY_AFTER = 1800.0


class Year:
    """The simulated world; `run` lives through it. `counts` is what happened, by words."""

    def __init__(self, number: int, seed: int, mishaps: Mishaps | None = None) -> None:
        self.rng = random.Random(seed)
        self.mishaps = mishaps or Mishaps()
        self.cas: dict[str, Ca] = authorities()
        self.counts: Counter[str] = Counter()
        self.lifetimes: Counter[int] = Counter()
        self.least = 1.0  # of a lifetime, that was left when a certificate was renewed
        self.clock = BEGIN
        self.used: dict[Slot, Bucket] = {}
        self.there = {one.id: one for one in certificates(number, self.rng, self.cas)}
        self._due = [(one.due_at, one.id) for one in self.there.values()]
        self._ask = [(one.kept.held.ask_again or BEGIN, one.id) for one in self.there.values() if _asks(one)]
        heapq.heapify(self._due)
        heapq.heapify(self._ask)
        self._recalled: frozenset[str] = frozenset()

    def run(self, days: int = 365) -> None:
        """Let the timer come by every hour."""
        for tick in range(days * 24):
            self.clock = BEGIN + tick * HOUR
            day, hour = divmod(tick, 24)
            if hour == 0:
                self._midnight(day)
            self._hear()
            rounds.go(self)
        self.clock = BEGIN + days * DAY
        self._count_expired(self.there.values())

    # What `rounds.Side` asks for.

    def now(self) -> datetime:
        return self.clock

    def due(self, now: datetime) -> Sequence[Listed]:
        found: dict[int, Listed] = {}
        while self._due and self._due[0][0] <= now:
            moment, number = heapq.heappop(self._due)
            if self.there[number].due_at == moment:
                found[number] = self.there[number]
        for one in found.values():
            heapq.heappush(self._due, (one.due_at, one.id))
        self.counts["most due in one hour"] = max(self.counts["most due in one hour"], len(found))
        return list(found.values())

    def silent(self, directories: Collection[str]) -> Collection[str]:
        return {each for each in directories if not self.cas[each].answers(self.clock)}

    def ledger(self) -> Mapping[Slot, Bucket]:
        return self.used

    def put_off(self, waiting: Sequence[Waiting]) -> None:
        for each in waiting:
            one = each.certificate
            silent = "does not answer" in each.why
            self.counts["put off: the CA is silent" if silent else "put off: a limit"] += 1
            self._keep(one, attempts.put_off(one.standing, each.until, each.why))

    def renew(self, turn: Turn) -> Next:
        if self._happens(self.mishaps.taken):
            self.counts["runs that found their stack busy"] += 1
            return Next.ON
        self.counts["runs"] += 1
        begun = [one for one in turn.certificates if needs_order(one, self.clock)]
        for one in begun:
            self._keep(one, attempts.begun(one.kept, one.standing))
        last = len(turn.certificates)
        if self._happens(self.mishaps.killed):
            self.counts["runs that were killed"] += 1
            last = self.rng.randrange(last)
        whole = True
        for one in turn.certificates[:last]:
            whole = self._attempt(self.there[one.id]) and whole
        return Next.ON if whole else Next.LOOK_AGAIN

    # What happens in the world.

    def _attempt(self, one: Listed) -> bool:
        """One certificate of a run: ordered where it has to be, then deployed."""
        if needs_order(one, self.clock):
            self.clock += ORDER_TAKES
            try:
                one = self._ordered(one)
            except Refused as error:
                self.counts[f"failed: {error}"] += 1
                self._fail(one, str(error), made=False)
                return False
        if self._happens(self.mishaps.deployment):
            self.counts["failed: deployment"] += 1
            self._fail(one, "no", made=True)
            return False
        self._keep(one, attempts.ended(one.standing))
        return True

    def _fail(self, one: Listed, problem: str, *, made: bool) -> None:
        self._keep(one, after_failure(one, self.used, problem, self.clock, made=made))

    def _ordered(self, one: Listed) -> Listed:
        """The renewed certificate; raises Refused."""
        directory = choose(open_to(sources(one), one.kept.held, self.clock), _Usable(self, one))
        ca, now = self.cas[directory], self.clock.timestamp()
        asked = replace(request(one, directory), account=account(directory, one.id))
        if limits.earliest(self.used, asked, now) is not None:
            raise Refused("a limit, seen only by the run itself")
        self.used.update(limits.ordered(self.used, asked, now))
        try:
            if self._happens(self.mishaps.busy):
                raise Refused("asked to wait", RETRY_AFTER)
            ca.order(asked.account, asked.names, self.clock, replaces=asked.replaces)
            if self._happens(self.mishaps.server):
                raise Refused("the CA's own fault")
            for name in asked.names:
                if self._happens(self.mishaps.dns):
                    self.used.update(limits.failed(self.used, directory, asked.account, name, now))
                    ca.fail(asked.account, name, self.clock)
                    raise Refused("a validation")
                self.used.update(limits.proven(self.used, directory, asked.account, name))
        except Refused as error:
            self.used.update(limits.given_up(self.used, asked))
            if error.retry_after is not None:
                self.used.update(limits.refused(self.used, asked, now + error.retry_after, ""))
            raise
        self.used.update(limits.issued(self.used, asked, now))
        ca.issue(domain(one.id), asked.names, self.clock, replaces=asked.replaces)
        return self._issued(one, ca)

    def _issued(self, one: Listed, ca: Ca) -> Listed:
        before = one.kept.held
        lifetime = before.not_after - before.not_before
        if ca.directory != sources(one)[0]:
            self.counts["renewed at another CA"] += 1
        elif one.kept.directory != ca.directory:
            self.counts["back at the first CA"] += 1
        if self.clock >= before.not_after:
            self.counts["EXPIRED"] += 1
        self.lifetimes[lifetime.days] += 1
        left = (before.not_after - self.clock) / lifetime
        self.least = min(self.least, left)
        serial = f"{self.rng.getrandbits(120):x}"
        epoch = one.standing.wanted_epoch or before.epoch + 1
        held = Held(epoch, serial, self.clock, self.clock + lifetime)
        if ca.renewal_info:
            held = replace(
                held,
                window=ca.window(held),
                renewal_info_url=f"{ca.directory}/info/{serial}",
                ask_again=self.clock + LONGEST_ASK_AGAIN,
            )
        kept = replace(one.kept, held=held, directory=ca.directory, account=account(ca.directory, one.id))
        new = self._keep(replace(one, kept=kept), Standing())
        if held.ask_again is not None:
            heapq.heappush(self._ask, (held.ask_again, one.id))
        return new

    def _hear(self) -> None:
        """Ask the CAs for windows, as `asking.ask` does."""
        while self._ask and self._ask[0][0] <= self.clock:
            _, number = heapq.heappop(self._ask)
            one = self.there[number]
            again = one.standing.ask_again or one.kept.held.ask_again
            if not _asks(one) or (again is not None and again > self.clock):
                continue
            ca, held = self.cas[one.kept.directory], one.kept.held
            if not may_ask(one, self.clock) or not ca.answers(self.clock):
                heapq.heappush(self._ask, (self.clock + HOUR, number))
                continue
            self.counts["windows asked for"] += 1
            window, known = ca.window(held), one.standing.window or held.window
            if window is not None:
                later = self.clock + LONGEST_ASK_AGAIN
                standing = attempts.heard(one.standing, window, later)
                if window is known:  # when it is due follows from what is as it was
                    self.there[number] = Listed(
                        number, one.stack_id, one.stack, one.kept, standing, one.due_at
                    )
                else:
                    self._keep(one, standing)
                heapq.heappush(self._ask, (later, number))

    def _midnight(self, day: int) -> None:
        now = self.clock.timestamp()
        self.used = {slot: each for slot, each in self.used.items() if not limits.is_spent(each, now)}
        if day == RECALLED_ON:
            held = [one for one in self.there.values() if one.kept.directory == LETS_ENCRYPT]
            chosen = self.rng.sample(held, len(held) * 3 // 5)
            self._recalled = frozenset(one.kept.held.serial for one in chosen)
            self.cas[LETS_ENCRYPT].recall(self._recalled, self.clock)
            self.counts["recalled by their CA"] = len(chosen)
        if day == RECALLED_ON + RECALL_LASTS.days:
            left = sum(one.kept.held.serial in self._recalled for one in self.there.values())
            self.counts["REVOKED IN USE"] = left

    def _count_expired(self, found: Iterable[Listed]) -> None:
        self.counts["EXPIRED"] += sum(self.clock >= one.kept.held.not_after for one in found)

    def _keep(self, one: Listed, standing: Standing) -> Listed:
        """As a row of the table: when it is due follows from what is known."""
        held = one.kept.held
        moment = due_at(held, standing.window or held.window, standing.wanted_epoch, standing.retry_at)
        new = Listed(one.id, one.stack_id, one.stack, one.kept, standing, moment)
        if self.there[one.id].due_at != moment:
            heapq.heappush(self._due, (moment, one.id))
        self.there[one.id] = new
        return new

    def _happens(self, share: float) -> bool:
        return self.rng.random() < share


class _Usable:
    """Whether a CA can be ordered from, as the plugin finds out."""

    def __init__(self, year: Year, one: Listed) -> None:
        self.year, self.one = year, one

    def __call__(self, directory: str) -> bool:
        year = self.year
        asked = replace(request(self.one, directory), account=account(directory, self.one.id))
        there = year.cas[directory].answers(year.clock)
        return there and limits.earliest(year.used, asked, year.clock.timestamp()) is None


def _asks(one: Listed) -> bool:
    return one.kept.held.renewal_info_url is not None
