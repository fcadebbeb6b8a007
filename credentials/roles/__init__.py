"""Linked roles: authorization without keys. One module per provider, loaded when it is needed.

A provider's module in `credentials.roles.providers` has: `LABEL`, `SOURCES`, `SESSION_SECONDS` (least, usual,
most), `SETTINGS` (name -> what it is), `checked_role`, `assume`, `find_sources`, `trust_policy`, `console`,
`session_policy`; it may have `LOGGERS`, the names of its SDK's loggers. It imports its SDK inside
`with sdk(PROVIDER):` of `credentials.identity`.
What an SDK raises can carry the request with its secrets: translate it to NotAssumed, and drop it
(`from None`).
"""

import importlib
import os
from collections.abc import Mapping
from typing import Final, Protocol, cast

from credentials.identity.errors import PackageMissing
from credentials.roles.errors import (
    BadRole,
    NotAssumed,
    Reason,
    RoleError,
    SourceFailed,
    UnknownRoleProvider,
)
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
    "SourceFailed",
    "SourceKind",
    "UnknownRoleProvider",
    "assume",
    "names",
    "provider",
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


def names() -> tuple[str, ...]:
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
    from credentials.identity import silence

    asked = provider(role.provider)
    silence(*getattr(asked, "LOGGERS", ()))
    try:
        return asked.assume(
            role, identity, session_name=session_name, policy=policy, timeout=timeout, environ=environ
        )
    except SourceFailed as failed:
        hint = failed.hint.replace("PROVIDER", role.provider)
        raise NotAssumed(role.provider, role.role, failed.reason, said=failed.why, hint=hint) from None
    except PackageMissing as missing:
        raise NotAssumed(role.provider, role.role, Reason.PACKAGE_MISSING, hint=missing.hint) from None
    except RoleError:
        raise
    except Exception as error:  # of an SDK, on an answer that nobody foresaw; it may hold the request
        said = f"its SDK fails on the answer: {type(error).__name__}"
        hint = f"try again in a minute: tic role status {role.provider}"
        raise NotAssumed(role.provider, role.role, Reason.UNKNOWN, said=said, hint=hint) from None
