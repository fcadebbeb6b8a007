"""Temporary credentials of linked roles, for as long as a run lasts: in memory, renewed before they end.

A session is handed out like a credential of the vault, under the token `role:PROVIDER`: each renewal is a new
version of it, so whoever works with the version before opens it again (SPEC A10).
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from credentials import roles
from credentials.credential import Credential, OpenedCredential, State
from credentials.delivery import for_run
from credentials.roles import NotAssumed, Session, SourceKind
from credentials.scopes import NOWHERE, Place
from engine.role_tokens import token_of

if TYPE_CHECKING:
    from credentials.vault import Vault

_RENEWED_EARLY: Final = 60.0  # seconds that are left at least, unless the session itself is shorter
_LONGEST_NAME: Final = 32  # characters that every provider takes
_RUN_CHARACTERS: Final = 8
_NAME: Final = re.compile(r"[^A-Za-z0-9]+")


def session_name(stack: str, run: str) -> str:
    """What a session is called in the cloud's own audit trail: stack and run (SPEC A10)."""
    short = _NAME.sub("-", stack)[: _LONGEST_NAME - len(run) - 5].strip("-")
    return "-".join(part for part in ("tic", short, run) if part)


@dataclass(slots=True)
class _Kept:
    turn: Lock = field(default_factory=Lock)
    session: Session | None = None
    since: float = 0.0
    version: int = 0


class RoleSessions:
    """The sessions of one run; for many threads. `stack` is `project/stack`, `run` names the run.

    `learn` gets each session's secrets before anybody else does.
    """

    def __init__(
        self,
        vault: "Vault",
        *,
        stack: str,
        run: str,
        place: Place = NOWHERE,
        learn: Callable[[Iterable[bytes]], None] = lambda _secrets: None,
        now: Callable[[], float] = time.time,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._vault = vault
        self._stack = stack
        self._place = place
        self._learn = learn
        self._now = now
        self._environ = environ
        self._name = session_name(stack, run[:_RUN_CHARACTERS])
        self._kept: dict[tuple[str, str | None], _Kept] = {}
        self._lock = Lock()

    def opened(self, provider: str, purpose: str | None = None) -> OpenedCredential:
        """The temporary credentials, valid for a while yet, as a credential whose version counts renewals.

        `purpose` narrows what they may do where the provider can (`Provider.session_policy`).
        Raises NotAssumed, NotLinked.
        """
        session, version = self._current(provider, purpose)
        return OpenedCredential(_as_credential(provider, version), session.fields)

    def session(self, provider: str, purpose: str | None = None) -> Session:
        """The temporary credentials with their end; raises as `opened`."""
        return self._current(provider, purpose)[0]

    def source(self, provider: str) -> SourceKind:
        """Who takes the provider's role on."""
        return self._vault.linked.find(provider).role.source.kind

    def _current(self, provider: str, purpose: str | None) -> tuple[Session, int]:
        with self._lock:
            kept = self._kept.setdefault((provider, purpose), _Kept())
        with kept.turn:
            if kept.session is None or self._is_due(kept):
                kept.session, kept.since = self._taken_on(provider, purpose), self._now()
                kept.version += 1
            return kept.session, kept.version

    def _is_due(self, kept: _Kept) -> bool:
        if kept.session is None:
            return True
        lifetime = kept.session.expires_at - kept.since
        early = min(max(lifetime / 4, _RENEWED_EARLY), lifetime / 2)
        return self._now() >= kept.session.expires_at - early

    def _taken_on(self, provider: str, purpose: str | None) -> Session:
        linked = self._vault.linked.find(provider)
        source = linked.role.source
        why = f"taking on the role of {provider} for {self._stack}"
        identity = None
        if source.credential is not None:
            opened = self._vault.opened(source.credential, purpose=why, place=self._place, stack=self._stack)
            identity = opened.fields
        self._vault.linked.note_session(provider, self._name, purpose=why, stack=self._stack)
        policy = roles.provider(provider).session_policy(purpose) if purpose is not None else None
        try:
            session = roles.assume(
                linked.role, identity, session_name=self._name, policy=policy, environ=self._environ
            )
        except NotAssumed as error:
            self._vault.linked.not_taken_on(linked, error.told)
            raise
        opened = OpenedCredential(_as_credential(provider, 0), session.fields)
        self._learn(for_run([opened]).secrets)
        self._vault.linked.taken_on(linked, session)
        return session


def _as_credential(provider: str, version: int) -> Credential:
    return Credential(
        id=0,
        token=token_of(provider),
        name=f"the linked role of {provider}",
        kind=provider,
        state=State.ACTIVE,
        version=version,
        created_at=0.0,
        updated_at=0.0,
        last_used_at=None,
        last_used_for=None,
    )
