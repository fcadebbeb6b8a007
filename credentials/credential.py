"""The values of the vault: a credential without what is in it, seen with its stacks, or opened."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from credentials.scopes import EVERYWHERE
from credentials.secret import SecretBytes


class State(Enum):
    """New stacks bind the one ACTIVE credential of a kind; a READY one serves only what is bound to it."""

    ACTIVE = "active"
    READY = "ready"


class RoleState(Enum):
    """A provider's linked role: only an ENABLED one has been taken on and serves stacks.

    A FAILED one was enabled and could not be taken on when it was last tried: its stacks keep it (SPEC A4).
    """

    DISABLED = "disabled"
    AUTHORIZING = "authorizing"
    ENABLED = "enabled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential without what is in it.

    Times are seconds since the epoch (UTC); `version` is 1 at first and one higher after each rotation;
    `scope` is where it may be used (`credentials.scopes`).
    """

    id: int
    token: str
    name: str
    kind: str
    state: State
    version: int
    created_at: float
    updated_at: float
    last_used_at: float | None
    last_used_for: str | None
    scope: str = EVERYWHERE

    def at(self, version: int) -> "Credential":
        """The credential as it is, or was, in another version."""
        return replace(self, version=version)

    def scoped(self, scope: str) -> "Credential":
        """The credential with another scope."""
        return replace(self, scope=scope)


@dataclass(frozen=True, slots=True)
class CredentialView:
    """A credential with the stacks that use it, as `project/stack`."""

    credential: Credential
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenedCredential:
    """A credential with what is in it; a field that was not given holds its kind's default, if it has one."""

    credential: Credential
    fields: Mapping[str, SecretBytes]


@dataclass(frozen=True, slots=True)
class Activated:
    """What `activate` did: who is Active now, and who was until now (None: nobody, or the same one)."""

    credential: Credential
    replaced: Credential | None


@dataclass(frozen=True, slots=True)
class Rotated:
    """What `rotate` did: the credential in its new version, the fields that it no longer has, and the earlier
    versions that stay sealed because somebody works with them.
    """

    credential: Credential
    dropped: tuple[str, ...]
    kept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cleared:
    """What `clear` did: the credentials that it deleted, and the stacks that the role serves instead."""

    kind: str
    deleted: tuple[Credential, ...]
    stacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """A process that works with a version of a credential: until when, and what for.

    `holder` names the run; `process_started`, in seconds as the system counts them, tells the processes of
    one host that had the same id apart.
    """

    holder: str
    purpose: str
    host: str
    pid: int
    process_started: float


@dataclass(frozen=True, slots=True)
class Lease:
    """A `Use` of one version of one credential, `since` seconds since the epoch."""

    credential_id: int
    version: int
    use: Use
    since: float


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version of a credential that is sealed in the vault, and who works with it."""

    version: int
    leases: tuple[Lease, ...]
