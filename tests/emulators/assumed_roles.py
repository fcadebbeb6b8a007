"""Roles as Tencent's CAM and Alibaba's RAM keep them: whom they trust, and the sessions that come of them.

The documents of both have the same parts under names of other letters: https://cloud.tencent.com/document/
product/598/10604 and https://www.alibabacloud.com/help/en/ram/user-guide/policy-structure-and-syntax.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.emulators.proxy import Handler
from tests.emulators.signing import Key

EQUAL = frozenset({"string_equal", "stringequals"})


@dataclass(frozen=True, slots=True)
class CloudRole:
    """A role with its trust policy; its sessions last `longest` seconds at most, and can't do `denied`."""

    trust: str
    longest: int = 7200
    denied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OIDC issuer that an account knows, and the audiences that it takes of it."""

    issuer: str
    clients: frozenset[str]


@dataclass(frozen=True, slots=True)
class CloudSession:
    """A temporary key: whose, until when, and what a session policy leaves it (None: all of the role's)."""

    key: Key
    role: str
    name: str
    ends: datetime
    allowed: frozenset[str] | None = None

    def may(self, action: str) -> bool:
        """Whether both the role and the session's own policy allow it."""
        return action not in self.key.denied and (self.allowed is None or action in self.allowed)


@dataclass(slots=True)
class AssumedRoles:
    """An account's roles by ARN, its identity providers by name or ARN, and the sessions by their key's id.

    Sessions end by a clock of their own, `later` than the one that signatures are held against; `web` has the
    issuers by host.
    """

    now: Callable[[], datetime]
    roles: dict[str, CloudRole] = field(default_factory=dict)
    identity_providers: dict[str, IdentityProvider] = field(default_factory=dict)
    sessions: dict[str, CloudSession] = field(default_factory=dict)
    web: dict[str, Handler] = field(default_factory=dict)
    later: timedelta = timedelta()

    def begin(
        self, arn: str, account: str, name: str, seconds: int, allowed: frozenset[str] | None
    ) -> CloudSession:
        """A session of this role, with new keys."""
        key = Key(
            f"TMP.{secrets.token_hex(8)}",
            f"cAnArY-{secrets.token_hex(16)}",
            account,
            arn,
            token=f"cAnArY-{secrets.token_hex(32)}",
            denied=self.roles[arn].denied,
        )
        session = CloudSession(key, arn, name, self.clock() + timedelta(seconds=seconds), allowed)
        self.sessions[key.id] = session
        return session

    def clock(self) -> datetime:
        """The time that sessions are held against."""
        return self.now() + self.later

    def has_ended(self, key: Key) -> bool:
        """Whether the key is a session's that is over."""
        session = self.sessions.get(key.id)
        return session is not None and session.ends <= self.clock()

    def may(self, key: Key, action: str) -> bool:
        """Whether a key's policies let it do this."""
        session = self.sessions.get(key.id)
        return session.may(action) if session is not None else action not in key.denied


def trusts(
    document: str, action: str, principal: Mapping[str, set[str]], context: Mapping[str, set[str]]
) -> bool:
    """Whether a trust policy lets who asks.

    `principal` has their names by kind (`qcs`, `ram`, `federated`), `context` what conditions compare.
    """
    for statement in _lowered(json.loads(document))["statement"]:
        assert statement["effect"].lower() == "allow", "no denials are read here"
        named = {kind: set(_listed(values)) for kind, values in statement["principal"].items()}
        if action not in _listed(statement["action"]):
            continue
        if not any(named.get(kind, set()) & called for kind, called in principal.items()):
            continue
        if _holds(statement.get("condition", {}), context):
            return True
    return False


def permitted(document: str) -> frozenset[str]:
    """The actions that a policy names; raises ValueError for one that is no policy."""
    statements = _lowered(json.loads(document)).get("statement")
    if not statements or any("principal" in one or "action" not in one for one in statements):
        raise ValueError
    return frozenset(action for one in statements for action in _listed(one["action"]))


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, set[str]]) -> bool:
    assert conditions.keys() <= EQUAL, "no other operator is read here"
    wanted = (pair for compared in conditions.values() for pair in compared.items())
    return all(context.get(key, set()) & set(_listed(values)) for key, values in wanted)


def _lowered(value: Any) -> Any:
    """A document with its elements' names, operators and kinds of principals in lower case."""
    if isinstance(value, list):
        return [_lowered(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {(key if ":" in key else key.lower()): _lowered(one) for key, one in value.items()}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
