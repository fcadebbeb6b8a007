"""The values of linked roles: which role, who takes it on, and the temporary credentials that come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from credentials.secret import SecretBytes

SourceKind = Literal["metadata", "oidc", "credential"]
SOURCE_KINDS: Final[tuple[SourceKind, ...]] = ("metadata", "oidc", "credential")


@dataclass(frozen=True, slots=True)
class Source:
    """The first identity, with which the role is taken on.

    `metadata`: what the cloud gives the machine or container that tic runs on. `oidc`: a token that somebody
    else issues and renews, read from `token_file` at each use. `credential`: one of the vault, by its token.
    """

    kind: SourceKind
    credential: str | None = None
    token_file: str | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """A provider's role as it was linked.

    `role` is its ARN, or what stands for one there; `external_id` is what the trust policy wants to hear
    besides, where the provider knows such; `settings` are the provider's own (region, tenant ...).
    """

    provider: str
    role: str
    external_id: str | None
    session_seconds: int
    source: Source
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials of a role, kept in memory only (SPEC A10).

    `fields` are named as the fields of the provider's kind. `expires_at` is in seconds since the epoch by
    this machine's clock; `account` and `principal` are the provider's words, empty where it does not tell.
    """

    fields: Mapping[str, SecretBytes]
    expires_at: float
    account: str
    principal: str
