"""What a run has of the vault: what it opens is leased to it, and known to the run's sieve beforehand.

A lease keeps the version that was opened sealed until the run ends, so a credential can be rotated while
runs work with it (SPEC B5). A run that was killed does not end its leases: `alive` tells, and `Vault.sweep`
ends them.
"""

import copy
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from credentials.credential import Use
from credentials.errors import CredentialError
from credentials.scopes import NOWHERE, Place
from engine.errors import EngineError
from engine.role_tokens import provider_of
from engine.state import owner

if TYPE_CHECKING:
    from credentials.audit import Event
    from credentials.credential import Credential, Lease, OpenedCredential
    from credentials.vault import Vault
    from engine.state.sealing import Sealing

FOREIGN_SECONDS: Final = 86400.0
"""How long a lease of another host counts: of its processes nothing is sure, but no run lasts for days."""

Learn = Callable[[Iterable[bytes]], None]


class Lessee:
    """Opens credentials and roles for one run, in one place; for many threads. Made by `lessee`.

    A reference is a name or a token of the vault, or `role:PROVIDER` for temporary credentials of a linked
    role (`engine.role_sessions`): each renewal of these is a new version.
    """

    def __init__(self, vault: "Vault", *, place: Place, stack: str | None, learn: Learn) -> None:
        from engine.role_sessions import RoleSessions

        self._vault = vault
        self._place = place
        self._stack = stack
        self._learn = learn
        self._narrowed: str | None = None
        self.holder = secrets.token_hex(8)
        self.sessions = RoleSessions(vault, stack=stack or "", run=self.holder, place=place, learn=learn)

    def narrowed(self, purpose: str) -> "Lessee":
        """The same lessee, where a role's sessions may do only what this purpose needs."""
        other = copy.copy(self)
        other._narrowed = purpose
        return other

    def find(self, reference: str) -> "Credential":
        """The credential as it is now, unopened; a role's session that is about to end is renewed.

        Raises NoCredential, NotAssumed.
        """
        provider = provider_of(reference)
        if provider is not None:
            return self.sessions.opened(provider, self._narrowed).credential
        return self._vault.find(reference)

    def opened(self, reference: str, purpose: str) -> "OpenedCredential":
        """The present version, leased until the run ends; its secrets are learned before they are returned.

        Raises what `Vault.opened` raises, UnfitFile, NotAssumed.
        """
        from credentials.delivery import for_run

        provider = provider_of(reference)
        if provider is not None:
            return self.sessions.opened(provider, self._narrowed)
        use = by_this_process(self.holder, purpose)
        opened = self._vault.opened(reference, purpose=purpose, place=self._place, use=use, stack=self._stack)
        self._learn(for_run([opened]).secrets)
        return opened

    def amend(
        self, reference: str, field: str, change: Callable[[str], str], *, secrets: Iterable[bytes]
    ) -> None:
        """Let one field of a credential hold what `change` makes of it; see `Vault.amend`.

        Who opens it after that, in this run as well, meets the new version. `secrets` that come into it are
        learned before.
        """
        self._learn(secrets)
        self._vault.amend(reference, field, change, alive=alive)

    @property
    def sealing(self) -> "Sealing":
        """What seals for the stack: the vault."""
        return self._vault

    def learn(self, secrets: Iterable[bytes]) -> None:
        """Have the run's sieve know secrets that it is about to meet."""
        self._learn(secrets)

    def note(self, event: "Event") -> None:
        """Write an audit entry of something that the run did outside the vault."""
        self._vault.note(event)


@contextmanager
def lessee(
    vault: "Vault",
    *,
    place: Place = NOWHERE,
    stack: str | None = None,
    learn: Learn = lambda _secrets: None,
) -> Iterator[Lessee]:
    """A lessee for one run; at the end its leases end, and versions that nobody works with are deleted.

    `place` and `stack` (`project/stack`) are what the vault is told; `learn` gets the secrets.
    """
    made = Lessee(vault, place=place, stack=stack, learn=learn)
    try:
        yield made
    finally:
        # What can't be ended here ends with this process: the next run, or the next rotation, sees to it.
        with suppress(CredentialError, EngineError):
            vault.release(made.holder, alive=alive)


def alive(lease: "Lease", now: Callable[[], float] = time.time) -> bool:
    """Whether the process that holds a lease may still work with the credential."""
    use = lease.use
    if use.host != socket.gethostname():
        return now() - lease.since < FOREIGN_SECONDS
    started = owner.started(use.pid)
    return started is not None and _seconds(started) == use.process_started


def by_this_process(holder: str, purpose: str) -> Use:
    """What this process works with, as the vault notes it."""
    process = owner.this_process()
    return Use(holder, purpose, process.host, process.pid, _seconds(process.started))


def _seconds(started: str) -> float:
    """When a process began, as a number: the part of `owner.started` that follows the boot's id."""
    return float(started.rpartition(":")[2] or 0)
