"""The values of the vault: a credential without what is in it, seen with its stacks, or opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from credentials.secret import SecretBytes


class State(Enum):
    """New stacks bind the one ACTIVE credential of a kind; a READY one serves only what is bound to it."""

    ACTIVE = "active"
    READY = "ready"


class RoleState(Enum):
    """Whether a provider's linked role serves the stacks that have no credential of their own."""

    DISABLED = "disabled"
    ENABLED = "enabled"


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential without what is in it.

    Times are seconds since the epoch (UTC); `version` is 1 at first and one higher after each rotation.
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
    """What `rotate` did: the credential in its new version, and the fields that it no longer has."""

    credential: Credential
    dropped: tuple[str, ...]
