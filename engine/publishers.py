"""The publishers of one run: for each credential one way to its DNS provider, opened when it is first needed.

A lego worker lives until the run ends, because many providers can withdraw only what the same process
published.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from credentials import kinds
from credentials.scopes import NOWHERE, Place
from credentials.secret import SecretBytes
from engine.dns_bindings import DYNAMIC_UPDATES, WITHOUT_MEMORY
from engine.errors import EngineError
from stacks.dns.publisher import Publisher, Record
from stacks.dns.rfc2136 import DynamicUpdates, Settings
from stacks.dns.worker import LIMITS, LegoProvider, LegoWorker, Limits
from stacks.dns.zones import SystemResolver

if TYPE_CHECKING:
    from credentials.kinds import Kind
    from credentials.vault import Vault


class Stopped(EngineError):
    """The run is over: nothing more is published or withdrawn by it."""

    def __init__(self) -> None:
        super().__init__("the run is ending, so nothing more is published", hint="run it again: tic stack up")


@dataclass(slots=True)
class Session:
    """A publisher in use, and what it published itself."""

    publisher: Publisher
    kind: str
    published: set[Record] = field(default_factory=set)

    def perform(self, record: Record) -> None:
        """Publish, and remember that this very process did."""
        self.published.add(record)
        self.publisher.perform(record)

    def withdraws_surely(self, record: Record) -> bool:
        """Whether a cleanup that succeeds means that the record is gone."""
        return self.kind in WITHOUT_MEMORY or record in self.published


class Publishers:
    """Opens credentials for `purpose`, as the vault notes it; for many threads, and closed by one."""

    def __init__(
        self,
        vault: "Vault",
        purpose: str,
        *,
        limits: Limits = LIMITS,
        machine: Mapping[str, str] = os.environ,
        place: Place = NOWHERE,
        stack: str | None = None,
    ) -> None:
        self._vault = vault
        self._place = place
        self._stack = stack
        self._purpose = purpose
        self._limits = limits
        self._machine = machine
        self._sessions: dict[tuple[str, tuple[str, ...]], Session] = {}
        self._turns: dict[str, Lock] = {}
        self._lock = Lock()
        self._stopped = False

    @contextmanager
    def session(self, token: str, resolvers: tuple[str, ...] = ()) -> Iterator[Session]:
        """The session of a credential. Where calls must take turns, nobody else has one of it meanwhile.

        `resolvers` (`ip:port`) are what lego asks for zones and CNAMEs; without any, this machine's.
        Raises Stopped, and whatever opening the credential or starting its worker raises.
        """
        with self._lock:
            turn = self._turns.setdefault(token, Lock())
        with turn:
            session = self._opened(token, resolvers)
            if session.kind != DYNAMIC_UPDATES:
                yield session
                return
        yield session

    def stop(self) -> None:
        """End what hangs; nothing can be published or withdrawn any more."""
        with self._lock:
            self._stopped = True
            sessions = list(self._sessions.values())
        for session in sessions:
            session.publisher.stop()

    def close(self) -> None:
        """End every worker, once its call is over."""
        self.stop()
        for turn in self._turns.values():
            with turn:
                pass
        for session in self._sessions.values():
            session.publisher.close()

    def _opened(self, token: str, resolvers: tuple[str, ...]) -> Session:
        known = self._sessions.get((token, resolvers))
        if known is not None and known.publisher.usable:
            return known
        self._check_running()
        opened = self._vault.opened(token, purpose=self._purpose, place=self._place, stack=self._stack)
        kind = kinds.load(opened.credential.kind)
        session = Session(self._publisher(kind, opened.fields, resolvers), kind.name)
        with self._lock:
            self._sessions[token, resolvers] = session
        self._check_running()  # `stop` may have come while it was opened; `close` then ends it
        return session

    def _check_running(self) -> None:
        if self._stopped:
            raise Stopped

    def _publisher(
        self, kind: "Kind", fields: Mapping[str, SecretBytes], resolvers: tuple[str, ...]
    ) -> Publisher:
        if kind.name == DYNAMIC_UPDATES:
            values = {name: value.reveal().decode() for name, value in fields.items()}
            return DynamicUpdates(
                Settings.read(
                    values["nameserver"],
                    values.get("tsig-key", ""),
                    values.get("tsig-secret", ""),
                    values.get("tsig-algorithm", ""),
                )
            )
        provider = LegoProvider(
            name=kind.dns or "",
            environment={
                name: value.reveal().decode() for name, value in kind.lego_environment(fields).items()
            },
            allowed={*kind.lego_constants, *(name for one in kind.fields for name in one.lego)},
            secrets=[
                fields[one.name].reveal().decode() for one in kind.fields if one.secret and one.name in fields
            ],
            nameservers=resolvers or SystemResolver().endpoints,
        )
        return LegoWorker(provider, limits=self._limits, machine=self._machine)
