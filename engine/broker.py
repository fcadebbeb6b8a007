"""The broker of one run: publishes and withdraws challenge records and opens credentials for the plugin.

It lives in tic's own process and outlives the plugin, which dies with each Pulumi run: so a record is
withdrawn by the worker that published it, also when the run failed or was cancelled. It serves what the
stack is bound to and nothing else. `broker_app` puts it on HTTP; the messages are those of `stacks.broker`.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cached_property
from threading import Condition, Event
from typing import TYPE_CHECKING

from credentials import kinds
from credentials.errors import CredentialError
from engine.broker_app import broker_app
from engine.challenge_notes import Author, Note, forget, open_notes, published, write
from engine.challenges import FAILURES, settle, withdraw
from engine.errors import EngineError
from engine.events import Notice
from engine.publishers import Publishers, RunEnds, is_sequential
from engine.state.owner import this_process
from stacks.broker import (
    OpenCredential,
    OpenedFields,
    ProviderAnswer,
    ProviderQuestion,
    Publish,
    Published,
    ResourcesQuestion,
    StateResource,
    Withdraw,
)
from stacks.dns.propagation import Verdict
from stacks.dns.propagation import wait as wait_for
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.worker import LIMITS, Limits
from stacks.dns.zones import Place, SystemResolver, Zones, place_at

if TYPE_CHECKING:
    from credentials.vault import Vault
    from engine.database import Database
    from engine.state.stacks import Stack

__all__ = ["Broker", "broker_app"]

CLOSE_SECONDS = 30.0
AT_ONCE = 8


class NotBound(EngineError):
    """The stack asks for something that it is not bound to."""

    exit_code = 3


class ProviderUnclear(EngineError):
    """It can't be told which of the stack's credentials publishes the records."""

    exit_code = 2


class Broker:
    """What one run of one stack may ask for; close it after the run. `bindings`: provider -> token."""

    def __init__(
        self,
        database: "Database",
        vault: "Vault",
        stack: "Stack",
        bindings: Mapping[str, str],
        *,
        resources: Callable[[str], Sequence[StateResource]] | None = None,
        tell: Callable[[Notice], None] | None = None,
        limits: Limits = LIMITS,
        machine: Mapping[str, str] = os.environ,
    ) -> None:
        """`resources` finds resources by type, by default in the stack's state; `tell` hears of waits."""
        self.token = secrets.token_urlsafe(32)
        self._database = database
        self._vault = vault
        self._stack = stack
        self._name = stack.full_name
        self._bindings = dict(bindings)
        self._resources = resources or self._resources_of_state
        self._tell = tell
        self._owner = this_process()
        self._publishers = Publishers(
            vault, f"challenge records of {self._name}", limits=limits, machine=machine
        )
        self._published: dict[tuple[str, str], Published] = {}
        self._noted: set[int] = set()
        self._ending = Event()  # nothing new is published
        self._stopping = Event()  # nothing more is withdrawn
        self._working = 0
        self._idle = Condition()
        self._closed = False

    def provider(self, question: ProviderQuestion) -> ProviderAnswer:
        """Which DNS provider publishes for this stack. Raises NotBound or ProviderUnclear."""
        provider, token = self._dns_binding(question.provider)
        return ProviderAnswer(provider, is_sequential(kinds.load(provider)), token)

    def publish(self, request: Publish) -> Published:
        """Publish a challenge's record and see it at every server that must have it; again is harmless.

        What fails is withdrawn at once; what can't be is tried again by `close`, and named there.
        """
        with self._at_work():
            provider, token = self._dns_binding(request.provider)
            challenge = Challenge(request.identifier, request.token, request.key_authorization)
            with self._publishers.session(token, request.nameservers) as session:
                servers = request.nameservers or session.publisher.nameservers
            place = self._place(challenge.name, servers)
            record = Record(challenge, place.name)
            done = self._published.get((record.name, record.value))
            if done is not None:
                return done
            author = Author(self._stack.id, self._name, token, provider, self._owner)
            with self._database.write() as connection:
                note_id = write(connection, author, record, place, request.nameservers, time.time())
            self._noted.add(note_id)
            try:
                self._perform(token, request, record, place)
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
        """Withdraw a record of this stack; one without a note is gone, or not the stack's, and left alone."""
        with self._at_work():
            for note in self._notes():
                if (note.record.name, note.record.value) == (request.record_name, request.record_value):
                    self._withdraw(note)
            self._published.pop((request.record_name, request.record_value), None)

    def open_credential(self, request: OpenCredential) -> OpenedFields:
        """A bound credential's fields, in plaintext. Raises NotBound."""
        not_bound = NotBound(
            f"stack {self._name} is not bound to a credential {request.reference!r}",
            hint=f"bind it: tic stack bind {self._name} {request.reference}",
        )
        try:
            token = self._vault.find(request.reference).token
        except CredentialError as error:
            raise not_bound from error
        if token not in self._bindings.values():
            raise not_bound
        opened = self._vault.opened(token, purpose=f"{request.purpose} of {self._name}")
        fields = {name: value.reveal().decode() for name, value in opened.fields.items()}
        return OpenedFields(opened.credential.kind, fields)

    def resources(self, question: ResourcesQuestion) -> list[StateResource]:
        """The stack's resources of a type as they were before the run, without secrets."""
        return list(self._resources(question.type))

    def close(self, seconds: float = CLOSE_SECONDS) -> list[Notice]:
        """Withdraw what this run has still published, end the workers, and say what was done; once.

        After about `seconds` what hangs is ended and left to the next run. Never raises for what a provider
        does.
        """
        if self._closed:
            return []
        self._closed = True
        deadline = time.monotonic() + seconds
        self._ending.set()
        with self._idle:
            self._idle.wait_for(lambda: self._working == 0, timeout=seconds)
        left = [note for note in self._notes() if note.id in self._noted]
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            work = [pool.submit(self._settle, note) for note in left]
            wait(work, timeout=max(1.0, deadline - time.monotonic()))
            self._stopping.set()
            self._publishers.stop()
        self._publishers.close()
        return [each.result() for each in work]

    def _settle(self, note: Note) -> Notice:
        return settle(self._database, self._publishers, note, stopped=self._stopping.wait)

    def _withdraw(self, note: Note) -> None:
        withdraw(self._database, self._publishers, note, stopped=self._stopping.wait)

    def _perform(self, token: str, request: Publish, record: Record, place: Place) -> None:
        with self._publishers.session(token, request.nameservers) as session:
            session.perform(record)
        wait_for(
            place,
            record.value,
            seconds=request.timeout_seconds,
            stopped=self._ending.wait,
            progress=lambda verdict: self._waiting(record, verdict),
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

    def _place(self, name: str, servers: Sequence[str]) -> Place:
        return place_at(name, servers) if servers else self._zones.place(name)

    @cached_property
    def _zones(self) -> Zones:
        return Zones(SystemResolver())

    def _dns_binding(self, provider: str | None) -> tuple[str, str]:
        capable = {
            name: token
            for name, token in self._bindings.items()
            if name in kinds.names() and kinds.load(name).publishes_records
        }
        if provider is not None:
            if provider in capable:
                return provider, capable[provider]
            raise NotBound(
                f"stack {self._name} is bound to no {provider} credential that can publish DNS records",
                hint=f"make one: tic creds new NAME --provider {provider}; tic stack bind {self._name} NAME",
            )
        if not capable:
            raise NotBound(
                f"stack {self._name} is bound to no credential that can publish DNS records",
                hint=f"make one: tic creds new NAME --provider KIND; tic stack bind {self._name} NAME",
            )
        if len(capable) > 1:
            raise ProviderUnclear(
                f"stack {self._name} is bound to several credentials that can publish DNS records: "
                f"{', '.join(sorted(capable))}",
                hint="say which one serves the record: `provider` of the challenge record",
            )
        return next(iter(capable.items()))

    def _notes(self) -> list[Note]:
        with self._database.read() as connection:
            return open_notes(connection, self._stack.id)

    def _resources_of_state(self, resource_type: str) -> list[StateResource]:
        from engine.broker_state import resources_of_state

        return resources_of_state(self._database, self._stack.id, resource_type)

    def _waiting(self, record: Record, verdict: Verdict) -> None:
        if self._tell:
            self._tell(Notice(f"waiting for {record.name}: {verdict}"))

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._idle:
            if self._ending.is_set():
                raise RunEnds
            self._working += 1
        try:
            yield
        finally:
            with self._idle:
                self._working -= 1
                self._idle.notify_all()
