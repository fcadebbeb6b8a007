"""The publishers of one run: for each credential one way to its DNS provider, opened when it is first needed.

A lego worker lives until the run ends, because many providers can withdraw only what the same process
published. A credential that is rotated meanwhile is opened again before the next call; what was published
with its former values stays with the worker that did, for as long as the provider lets it.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING

from credentials import kinds
from credentials.refusals import NoCredential
from engine.acme_dns import keeping_accounts
from engine.dns_bindings import ACME_DNS, AT_ONCE, WITHOUT_MEMORY
from engine.dns_clients import client
from engine.errors import EngineError
from engine.lexicon_accounts import account_of
from engine.missing_rights import missing_rights_named
from engine.program_timing import timed_by_program
from engine.role_tokens import provider_of
from engine.timing import SEQUENCE, Timing, resolve
from stacks.dns import lexicon
from stacks.dns.lexicon import Account
from stacks.dns.powerdns import Alone, unshared
from stacks.dns.publisher import ProviderFailed, Publisher, Record
from stacks.dns.worker import LIMITS, Limits
from stacks.errors import StackError

if TYPE_CHECKING:
    from credentials.credential import Credential
    from credentials.kinds import Kind
    from credentials.secret import SecretBytes
    from engine.leases import Lessee

UNNAMED = "tic creds rotate NAME"
"""What hints of `stacks.dns` say, which knows no credential; here is its name."""


class Stopped(EngineError):
    """The run is over: nothing more is published or withdrawn by it."""

    def __init__(self) -> None:
        super().__init__("the run is ending, so nothing more is published", hint="run it again: tic stack up")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a record asks of the way to its provider: `resolvers` (`ip:port`) that lego asks for zones and
    CNAMEs, without any this machine's; `timing` in seconds by the name of the setting.
    """

    resolvers: tuple[str, ...] = ()
    timing: tuple[tuple[str, float], ...] = ()


NOTHING_ASKED = Asked()


@dataclass(slots=True)
class Session:
    """A publisher with one version of a credential, and what it published itself."""

    publisher: Publisher
    credential: "Credential"
    timing: Timing = field(default_factory=Timing)
    published: set[Record] = field(default_factory=set)

    def perform(self, record: Record) -> None:
        """Publish, and remember that this very process did, or may have."""
        self.published.add(record)
        with named(self.credential), missing_rights_named(self.credential, "publish"):
            try:
                self.publisher.perform(record)
            except ProviderFailed as error:
                if error.untouched:
                    self.published.discard(record)
                raise

    def cleanup(self, record: Record) -> None:
        """Withdraw; whether that is certain, `withdraws_surely` says."""
        with named(self.credential), missing_rights_named(self.credential, "withdraw"):
            self.publisher.cleanup(record)

    def withdraws_surely(self, record: Record) -> bool:
        """Whether a cleanup that succeeds means that the record is gone."""
        return self.credential.kind in {*WITHOUT_MEMORY, ACME_DNS} or record in self.published


class Publishers:
    """Opens credentials for `purpose`, as the vault notes it; for many threads, and closed by one.

    `machine` is tic's own environment: the network's variables and those that time a provider come from it.
    `alone` (`Database.alone`) keeps other processes from a record set that is changed as a whole.
    Every call raises Stopped, and what opening the credential or starting its worker raises.
    """

    def __init__(
        self,
        lessee: "Lessee",
        purpose: str,
        *,
        limits: Limits = LIMITS,
        machine: Mapping[str, str] = os.environ,
        alone: Alone = unshared,
    ) -> None:
        self._lessee = lessee
        self._purpose = purpose
        self._limits = limits
        self._machine = machine
        self._alone = alone
        self._sessions: dict[tuple[str, Asked], list[Session]] = {}  # the newest version last
        self._turns: dict[str, Lock] = {}
        self._next: dict[str, float] = {}  # when a record may be published next, by the credential's token
        self._lock = Lock()
        self._stopped = Event()

    def nameservers(self, token: str, asked: Asked = NOTHING_ASKED) -> tuple[str, ...]:
        """The servers (`ip:port`) that must have what this credential publishes; empty: the zone's own."""
        with self._newest(token, asked) as session, named(session.credential):
            return asked.resolvers or session.publisher.nameservers

    def timing(self, token: str, asked: Asked) -> Timing:
        """How a record is timed that somebody else publishes: no way to the provider is opened."""
        self._check_running()
        opened = self._lessee.opened(token, self._purpose)
        return self._timing(kinds.load(opened.credential.kind), opened.fields, asked)

    def perform(self, token: str, record: Record, asked: Asked = NOTHING_ASKED) -> Timing:
        """Publish the record; what fails because the credential was rotated meanwhile is tried once more.

        Returns how it is timed. Raises ProviderFailed, TimingRefused.
        """
        with self._newest(token, asked) as session:
            self._pause(session)
            try:
                session.perform(record)
            except StackError as error:
                if self._is_newest(session):
                    raise
                untouched = isinstance(error, ProviderFailed) and error.untouched
            else:
                return session.timing
        with self._newest(token, asked) as session:
            try:
                session.perform(record)
            except ProviderFailed as error:
                error.untouched = error.untouched and untouched
                raise
            return session.timing

    def cleanup(self, token: str, record: Record, resolvers: tuple[str, ...] = ()) -> bool:
        """Withdraw the record; whether it is certain that it is gone.

        The session that published it does, though its version is an earlier one: only that may be able to.
        Where the provider refuses its values by now, the newest one tries. Raises ProviderFailed.
        """
        asked = self._asked_before(token, resolvers)
        known = [session for each in asked for session in self._sessions[token, each]]
        may_have = [one for one in known if record in one.published]
        own = may_have[-1] if may_have and may_have[-1].publisher.usable else None
        if own is not None:
            with self._turn_of(own.credential):
                try:
                    own.cleanup(record)
                except StackError:
                    if self._is_newest(own):
                        raise
                else:
                    return len(may_have) == 1
        with self._newest(token, asked[-1] if asked else Asked(resolvers)) as session:
            session.cleanup(record)
            return own is None and session.withdraws_surely(record)

    def has_published(self, token: str, record: Record) -> bool:
        """Whether this very run published the record with this credential, or may have."""
        with self._lock:
            known = [one for (each, _), several in self._sessions.items() if each == token for one in several]
        return any(record in one.published for one in known)

    def account(self, token: str) -> Account | None:
        """Who dns-lexicon is at this provider with the credential; None where it is not installed, or does
        not know such a credential.
        """
        if not lexicon.installed():
            return None
        opened = self._lessee.opened(token, self._purpose)
        return account_of(kinds.load(opened.credential.kind), opened.fields)

    def delete(self, token: str, account: Account, record: Record, zone: str) -> None:
        """Have dns-lexicon delete the record in `zone` by its name and value. Raises ProviderFailed."""
        with named(self._lessee.find(token)):
            lexicon.delete(account, zone, record.name, record.value, machine=self._machine)

    def stop(self) -> None:
        """End what hangs; nothing can be published or withdrawn any more."""
        with self._lock:
            self._stopped.set()
            sessions = self._all()
        for session in sessions:
            session.publisher.stop()

    def close(self) -> None:
        """End every worker, once its call is over."""
        self.stop()
        for turn in self._turns.values():
            with turn:
                pass
        for session in self._all():
            session.publisher.close()

    @contextmanager
    def _newest(self, token: str, asked: Asked) -> Iterator[Session]:
        """The session with the credential's present version."""
        with self._turn(token):
            session = self._opened(token, asked)
            if session.credential.kind not in AT_ONCE:
                yield session
                return
        yield session

    @contextmanager
    def _turn_of(self, credential: "Credential") -> Iterator[None]:
        """Where calls must take turns, nobody else calls with this credential meanwhile."""
        if credential.kind in AT_ONCE:
            yield
            return
        with self._turn(credential.token):
            yield

    def _turn(self, token: str) -> Lock:
        with self._lock:
            return self._turns.setdefault(token, Lock())

    def _is_newest(self, session: Session) -> bool:
        present = self._present(session.credential.token)
        return present is None or present.version == session.credential.version

    def _present(self, token: str) -> "Credential | None":
        """The credential as it is now; None if it is gone, which ends no run that works with it."""
        try:
            return self._lessee.find(token)
        except NoCredential:
            return None

    def _opened(self, token: str, asked: Asked) -> Session:
        with self._lock:
            known = self._sessions.setdefault((token, asked), [])
        if known and known[-1].publisher.usable and self._is_newest(known[-1]):
            return known[-1]
        self._check_running()
        opened = self._lessee.opened(token, self._purpose)
        credential, kind = opened.credential, kinds.load(opened.credential.kind)
        timing = self._timing(kind, opened.fields, asked)
        with named(credential):
            timing = timed_by_program(timing, kind, opened.fields, self._machine)
        with named(credential), missing_rights_named(credential, "begin"):
            publisher = self._publisher(kind, opened.fields, asked.resolvers, timing)
            publisher = keeping_accounts(publisher, opened, self._lessee)
        session = Session(publisher, credential, timing)
        with self._lock:
            known.append(session)
        self._check_running()  # `stop` may have come while it was opened; `close` then ends it
        return session

    def _timing(self, kind: "Kind", fields: "Mapping[str, SecretBytes]", asked: Asked) -> Timing:
        plain = {name: fields[name].reveal().decode() for name in _timed(kind) & fields.keys()}
        return resolve(kind, plain, dict(asked.timing), self._machine)

    def _asked_before(self, token: str, resolvers: tuple[str, ...]) -> list[Asked]:
        with self._lock:
            return [each for one, each in self._sessions if one == token and each.resolvers == resolvers]

    def _pause(self, session: Session) -> None:
        """Keep the interval between two records, where one was asked for."""
        interval = session.timing.seconds(SEQUENCE)
        if not interval:
            return
        now = time.monotonic()
        with self._lock:
            begin = max(now, self._next.get(session.credential.token, now))
            self._next[session.credential.token] = begin + interval
        if self._stopped.wait(begin - now):
            raise Stopped

    def _all(self) -> list[Session]:
        return [session for known in self._sessions.values() for session in known]

    def _check_running(self) -> None:
        if self._stopped.is_set():
            raise Stopped

    def _publisher(
        self,
        kind: "Kind",
        fields: "Mapping[str, SecretBytes]",
        resolvers: tuple[str, ...],
        timing: Timing,
    ) -> Publisher:
        return client(
            kind,
            fields,
            resolvers=resolvers,
            timing=timing,
            limits=self._limits,
            machine=self._machine,
            alone=self._alone,
        )


def _timed(kind: "Kind") -> frozenset[str]:
    return frozenset(one.name for one in kind.fields if one.tuning and one.seconds)


@contextmanager
def named(credential: "Credential") -> Iterator[None]:
    """Let what goes wrong with a credential name it in its next step."""
    try:
        yield
    except StackError as error:
        provider = provider_of(credential.token)
        mend = (
            f"tic creds rotate {credential.name}" if provider is None else f"tic role reauthorize {provider}"
        )
        error.hint = error.hint.replace(UNNAMED, mend)
        raise
