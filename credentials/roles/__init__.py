"""Linked roles: authorization without keys. One module per provider, loaded when it is needed.

A provider's module in `credentials.roles.providers` has: `LABEL`, `SOURCES`, `SESSION_SECONDS` (least, usual,
most), `SETTINGS` (name -> what it is), `checked_role`, `assume`, `find_sources`, `trust_policy`, `console`,
`session_policy`.
"""

import importlib
import os
from collections.abc import Mapping
from typing import Final, Protocol, cast

from credentials.roles.errors import BadRole, NotAssumed, Reason, RoleError, UnknownRoleProvider
from credentials.roles.role import SOURCE_KINDS, Role, Session, Source, SourceKind
from credentials.secret import SecretBytes

__all__ = [
    "SOURCE_KINDS",
    "BadRole",
    "NotAssumed",
    "Provider",
    "Reason",
    "Role",
    "RoleError",
    "Session",
    "Source",
    "SourceKind",
    "UnknownRoleProvider",
    "assume",
    "provider",
    "providers",
]

SECONDS: Final = 20.0
_PROVIDERS: Final = (
    "alicloud",
    "aws",
    "azure",
    "baiducloud",
    "huaweicloud",
    "jdcloud",
    "tencentcloud",
    "volcengine",
)


class Provider(Protocol):
    """What a provider's module offers."""

    LABEL: str
    SOURCES: frozenset[SourceKind]
    SESSION_SECONDS: tuple[int, int, int]
    SETTINGS: Mapping[str, str]

    def checked_role(self, text: str) -> str:
        """The role as it is stored; raises BadRole with what one looks like there."""

    def assume(
        self,
        role: Role,
        identity: Mapping[str, SecretBytes] | None,
        *,
        session_name: str,
        policy: str | None,
        timeout: float,
        environ: Mapping[str, str],
    ) -> Session:
        """Take the role on. `identity` has the fields of the source's credential, None for other sources.

        Raises NotAssumed.
        """

    def find_sources(self, environ: Mapping[str, str]) -> tuple[Source, ...]:
        """Which of metadata and OIDC are there on this machine, found within a second."""

    def trust_policy(self, role: Role, account: str | None) -> str:
        """The document to attach to the role: who may take it on, and with which external id.

        `account` is the one that the source belongs to, if that is known.
        """

    def console(self, role: Role | None) -> str:
        """Where the role is made (None), or looked at."""

    def session_policy(self, purpose: str) -> str | None:
        """What narrows a session to a purpose (`apply` or `deploy`); None where the provider can't."""


def providers() -> tuple[str, ...]:
    """The providers whose roles can be taken on, sorted."""
    return _PROVIDERS


def provider(name: str) -> Provider:
    """The module of a provider, by any name of its kind; raises UnknownRoleProvider."""
    from credentials import kinds
    from credentials.kinds import UnknownKind

    try:
        known = kinds.load(name).name
    except UnknownKind:
        known = name
    if known not in _PROVIDERS:
        raise UnknownRoleProvider(name, _PROVIDERS)
    return cast("Provider", importlib.import_module(f"credentials.roles.providers.{known}"))


def assume(
    role: Role,
    identity: Mapping[str, SecretBytes] | None,
    *,
    session_name: str,
    policy: str | None = None,
    timeout: float = SECONDS,
    environ: Mapping[str, str] = os.environ,
) -> Session:
    """Temporary credentials of a role; raises NotAssumed, UnknownRoleProvider.

    `session_name` stands in the cloud's own audit trail; `policy` narrows what the session may do.
    """
    return provider(role.provider).assume(
        role, identity, session_name=session_name, policy=policy, timeout=timeout, environ=environ
    )
