"""The challenge records of one run: noted, published, seen at every server, and withdrawn at its end."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cached_property
from threading import Condition, Event
from typing import TYPE_CHECKING

from engine.challenge_notes import Author, Note, forget, leave, open_notes, published, write
from engine.dns_turns import in_the_way, taken, why
from engine.events import Notice
from engine.publishers import Asked, Publishers, Stopped
from engine.state.owner import this_process
from engine.timing import POLLING, PROPAGATION, Timing
from engine.withdrawal import FAILURES, settle, withdraw
from stacks.broker import Publish, Published, Withdraw
from stacks.dns.propagation import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Verdict
from stacks.dns.propagation import wait as wait_for
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.worker import LIMITS, Limits
from stacks.dns.zones import Place, SystemResolver, Zones, place_at

if TYPE_CHECKING:
    from engine.database import Database
    from engine.leases import Lessee
    from engine.state.stacks import Stack

AT_ONCE = 8
LONGEST_TURN_SECONDS = 0.5
SILENT_SECONDS = 1.0  # a wait at the end of a run that takes longer is told of


class ChallengeRecords:
    """Many threads may publish and withdraw at once; one closes it."""

    def __init__(
        self,
        database: "Database",
        lessee: "Lessee",
        stack: "Stack",
        *,
        tell: Callable[[Notice], None] | None,
        limits: Limits | None,
        machine: Mapping[str, str],
    ) -> None:
        self._database = database
        self._stack = stack
        self._tell = tell
        self._owner = this_process()
        purpose = f"challenge records of {stack.full_name}"
        self._publishers = Publishers(
            lessee, purpose, limits=limits or LIMITS, machine=machine, alone=database.alone
        )
        self._published: dict[tuple[str, str], Published] = {}
        self._noted: set[int] = set()
        self._ending = Event()  # nothing new is published
        self._stopping = Event()  # nothing more is withdrawn
        self._working: list[str] = []  # what is being done, in the order of its beginning
        self._idle = Condition()

    def publish(self, provider: str, token: str, request: Publish) -> Published:
        """Note, publish and verify the record of one challenge, with this credential. See Broker.publish."""
        challenge = Challenge(request.identifier, request.token, request.key_authorization)
        with self._at_work(f"{provider} has published {challenge.name}"):
            asked = Asked(request.nameservers, tuple(sorted(request.timing.items())))
            if request.held:
                return self._held(token, asked, challenge, request)
            servers = self._publishers.nameservers(token, asked)
            place = self._place(challenge.name, servers)
            record = Record(challenge, place.name)
            done = self._published.get((record.name, record.value))
            if done is not None:
                return done
            author = Author(self._stack.id, self._stack.full_name, token, provider, self._owner)
            note_id = self._noted_in_turn(author, record, place, request)
            self._noted.add(note_id)
            try:
                self._perform(token, asked, record, place, request.timeout_seconds)
            except BaseException as error:
                self._undo(note_id, untouched=isinstance(error, ProviderFailed) and error.untouched)
                raise
            with self._database.write() as connection:
                published(connection, note_id, time.time())
            endpoints = tuple(server.endpoint for server in place.servers)
            answer = Published(record.name, record.value, place.zone, endpoints, token)
            self._published[record.name, record.value] = answer
            return answer

    def withdraw(self, request: Withdraw) -> None:
        """Withdraw a record by its note; see Broker.withdraw."""
        with self._at_work(f"{request.record_name} is withdrawn"):
            for note in self._notes():
                if (note.record.name, note.record.value) == (request.record_name, request.record_value):
                    self._withdraw(note)
            self._published.pop((request.record_name, request.record_value), None)

    def close(self, seconds: float) -> list[Notice]:
        """End waits, withdraw what is still published, end the workers; see Broker.close."""
        deadline = time.monotonic() + seconds
        with self._idle:
            self._ending.set()
            if not self._idle.wait_for(lambda: not self._working, timeout=min(seconds, SILENT_SECONDS)):
                self._tell_of_wait(self._working, deadline)
                self._idle.wait_for(lambda: not self._working, timeout=deadline - time.monotonic())
        left = [note for note in self._notes() if note.id in self._noted]
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            work = {pool.submit(self._settle, note): note for note in left}
            last = max(1.0, deadline - time.monotonic())
            if slow := wait(work, timeout=min(last, SILENT_SECONDS)).not_done:
                waits = [f"{work[each].record.name} is withdrawn" for each in slow]
                self._tell_of_wait(waits, time.monotonic() + last)
                wait(slow, timeout=last - SILENT_SECONDS)
            self._stopping.set()
            self._publishers.stop()
        self._publishers.close()
        return [each.result() for each in work]

    def _tell_of_wait(self, what: Sequence[str], deadline: float) -> None:
        """The run has ended, and a program or a provider has not; nobody is to wonder why nothing happens."""
        if self._tell and what:
            others = f", and for {len(what) - 1} more" if len(what) > 1 else ""
            longest = max(1, round(deadline - time.monotonic()))
            self._tell(Notice(f"waiting until {what[0]}{others}, at most {longest} s", "warning"))

    def _noted_in_turn(self, author: Author, record: Record, place: Place, request: Publish) -> int:
        """The id of the note: a record that would cost another one its value waits until that one is gone.

        The note itself is the claim, so runs of other stacks and other credentials keep to it, too. Raises
        NameTaken after the time that the record may take.
        """
        ends, pause = time.monotonic() + request.timeout_seconds, FIRST_PAUSE_SECONDS
        told = False
        while True:
            with self._database.write() as connection:
                other = in_the_way(author, record, place, open_notes(connection), time.time())
                if other is None:
                    return write(connection, author, record, place, request.nameservers, time.time())
            if time.monotonic() > ends:
                raise taken(record, other, request.timeout_seconds)
            if self._tell and not told:
                told = True
                self._tell(Notice(f"waiting for {record.name}: {why(other)}"))
            if self._ending.wait(pause):
                raise Stopped
            pause = min(2 * pause, LONGEST_TURN_SECONDS)

    def _held(self, token: str, asked: Asked, challenge: Challenge, request: Publish) -> Published:
        """Verify what another resource published and withdraws; there is no note, as it is not tic's."""
        place = self._place(challenge.name, request.nameservers)
        record = Record(challenge, place.name)
        self._wait(self._publishers.timing(token, asked), record, place, request.timeout_seconds)
        endpoints = tuple(server.endpoint for server in place.servers)
        return Published(record.name, record.value, place.zone, endpoints, token)

    def _perform(self, token: str, asked: Asked, record: Record, place: Place, seconds: float) -> None:
        timing = self._publishers.perform(token, record, asked)
        self._wait(timing, record, place, seconds)

    def _wait(self, timing: Timing, record: Record, place: Place, seconds: float) -> None:
        wait_for(
            place,
            record.value,
            seconds=timing.seconds(PROPAGATION) or seconds,
            stopped=self._ending.wait,
            longest_pause=timing.seconds(POLLING) or LONGEST_PAUSE_SECONDS,
            progress=self._waiting(record),
        )

    def _undo(self, note_id: int, *, untouched: bool) -> None:
        if untouched:
            with self._database.write() as connection:
                forget(connection, note_id)
            return
        for note in self._notes():
            if note.id == note_id:
                try:
                    self._withdraw(note)
                except FAILURES:
                    return  # the note stays: `close` tries again and names what it can't withdraw

    def _settle(self, note: Note) -> Notice:
        return settle(self._database, self._publishers, note, stopped=self._stopping.wait)

    def _withdraw(self, note: Note) -> None:
        """Withdraw; what stays all the same holds no other challenge up, and `close` tries once more."""
        try:
            withdraw(self._database, self._publishers, note, stopped=self._stopping.wait)
        except FAILURES as error:
            with self._database.write() as connection:
                leave(connection, note.id, str(error))
            raise

    def _place(self, name: str, servers: Sequence[str]) -> Place:
        return place_at(name, servers) if servers else self._zones.place(name)

    @cached_property
    def _zones(self) -> Zones:
        return Zones(SystemResolver())

    def _notes(self) -> list[Note]:
        with self._database.read() as connection:
            return open_notes(connection, self._stack.id)

    def _waiting(self, record: Record) -> Callable[[Verdict], None]:
        """Tells of a wait, and again whenever what the servers say has changed."""
        told: set[str] = set()

        def tell(verdict: Verdict) -> None:
            if self._tell and str(verdict) not in told:
                told.add(str(verdict))
                self._tell(Notice(f"waiting for {record.name}: {verdict}"))

        return tell

    @contextmanager
    def _at_work(self, what: str) -> Iterator[None]:
        with self._idle:
            if self._ending.is_set():
                raise Stopped
            self._working.append(what)
        try:
            yield
        finally:
            with self._idle:
                self._working.remove(what)
                self._idle.notify_all()
