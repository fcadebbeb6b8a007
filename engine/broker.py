"""The broker of one run: what the plugin may ask of the process that runs it.

It lives in tic's own process and outlives the plugin, which dies with each Pulumi run: so a record is
withdrawn by the worker that published it, also when the run failed or was cancelled. `engine.broker_app`
puts it on HTTP; the messages are those of `stacks.broker`. What publishing needs is loaded when the first
record is published.
"""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from credentials.errors import CredentialError
from credentials.roles.role import Session
from engine.account_notes import AccountNotes
from engine.broker_app import broker_app
from engine.ca_limits import CaLimits
from engine.dns_bindings import NotBound, dns_binding
from engine.dns_turns import Turns, turns
from engine.role_tokens import token_of
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

if TYPE_CHECKING:
    from engine.challenge_records import ChallengeRecords
    from engine.database import Database
    from engine.events import Notice
    from engine.leases import Lessee
    from engine.state.stacks import Stack
    from stacks.dns.worker import Limits

__all__ = ["Broker", "broker_app"]

CLOSE_SECONDS = 30.0


class Broker:
    """What one run of one stack may ask for; close it after the run. `bindings`: provider -> token."""

    def __init__(
        self,
        database: "Database",
        lessee: "Lessee",
        stack: "Stack",
        bindings: Mapping[str, str],
        *,
        resources: Callable[[str], Sequence[StateResource]] | None = None,
        tell: "Callable[[Notice], None] | None" = None,
        limits: "Limits | None" = None,
        machine: Mapping[str, str] = os.environ,
    ) -> None:
        """`resources` finds resources by type, by default in the stack's state; `tell` hears of waits.

        `limits` says how long a worker's calls may take; of `machine` workers get the proxy and CA settings.
        """
        self.token = secrets.token_urlsafe(32)
        self._database = database
        self._lessee = lessee
        self._stack = stack
        self._bindings = dict(bindings)
        self._resources = resources or self._resources_of_state
        self._tell = tell
        self._limits = limits
        self._machine = machine
        self._lock = Lock()
        self._records: ChallengeRecords | None = None
        self._closed = False
        self.ca_limits = CaLimits(database, stack.id, stack.full_name)
        self.accounts = AccountNotes(database, lessee, stack, tell)

    def provider(self, question: ProviderQuestion) -> ProviderAnswer:
        """Which DNS provider publishes for this stack. Raises NotBound or ProviderUnclear."""
        provider, token = self._dns_binding(question.provider)
        wait = turns(provider)
        sequential = wait in {Turns.CREDENTIAL, Turns.ZONE}
        return ProviderAnswer(provider, sequential, token, by_name=wait is Turns.NAME)

    def publish(self, request: Publish) -> Published:
        """Publish a challenge's record and see it at every server that must have it; again is harmless.

        What fails is withdrawn at once; what can't be is tried again by `close`, and named there.
        """
        provider, token = self._dns_binding(request.provider)
        return self._challenge_records().publish(provider, token, request)

    def withdraw(self, request: Withdraw) -> None:
        """Withdraw a record of this stack; one without a note is gone, or not the stack's, and left alone."""
        self._challenge_records().withdraw(request)

    def open_credential(self, request: OpenCredential) -> OpenedFields:
        """A bound credential's fields as they are now, in plaintext. Raises NotBound, OutOfScope."""
        stack = self._stack.full_name
        not_bound = NotBound(
            f"stack {stack} is not bound to a credential {request.reference!r}",
            hint=_to_bind(stack, request.reference),
        )
        reference = self._bindings.get(request.reference, request.reference)
        try:
            token = self._lessee.find(reference).token
        except CredentialError as error:
            raise not_bound from error
        if token not in self._bindings.values():
            raise not_bound
        opened = self._lessee.opened(token, f"{request.purpose} of {stack}")
        fields = {name: value.reveal().decode() for name, value in opened.fields.items()}
        return OpenedFields(opened.credential.kind, fields)

    def session(self, provider: str) -> Session:
        """Temporary credentials of the provider's linked role, which serves this stack. Raises NotBound."""
        if self._bindings.get(provider) != token_of(provider):
            raise NotBound(
                f"stack {self._stack.full_name} is not served by a linked role of {provider}",
                hint=f"see what serves it: tic stack show {self._stack.full_name}",
            )
        return self._lessee.sessions.session(provider)

    def resources(self, question: ResourcesQuestion) -> list[StateResource]:
        """The stack's resources of a type as they were before the run, without secrets."""
        return list(self._resources(question.type))

    def close(self, seconds: float = CLOSE_SECONDS) -> "list[Notice]":
        """Withdraw what this run has still published, end the workers, and say what was done; once.

        After about `seconds` what hangs is ended and left to the next run. Never raises for what a provider
        does.
        """
        with self._lock:
            self._closed = True
            records, self._records = self._records, None
        return records.close(seconds) if records is not None else []

    def _challenge_records(self) -> "ChallengeRecords":
        from engine.challenge_records import ChallengeRecords
        from engine.publishers import Stopped

        with self._lock:
            if self._closed:
                raise Stopped
            if self._records is None:
                self._records = ChallengeRecords(
                    self._database,
                    self._lessee.narrowed("apply"),
                    self._stack,
                    tell=self._tell,
                    limits=self._limits,
                    machine=self._machine,
                )
            return self._records

    def _dns_binding(self, provider: str | None) -> tuple[str, str]:
        return dns_binding(self._stack.full_name, self._bindings, provider)

    def _resources_of_state(self, resource_type: str) -> list[StateResource]:
        from engine.broker_state import resources_of_state

        return resources_of_state(self._database, self._stack.id, resource_type)


def _to_bind(stack: str, reference: str) -> str:
    """How a stack comes to a credential: by its name, or made first where a kind is all that is known."""
    from credentials import kinds

    if reference not in kinds.names():
        return f"bind it: tic stack bind {stack} {reference}"
    return f"make one: tic creds new NAME --provider {reference}; then: tic stack bind {stack} NAME"
