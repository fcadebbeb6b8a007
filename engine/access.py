"""Access tokens of the state service: made, listed, revoked; the vault guards and audits each change."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from credentials.names import checked_name
from engine.errors import EngineError
from stacks.moments import iso

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.access_tokens import AccessToken
    from engine.state.reach import Reach

NEVER: Final = "never"


class TokenExists(EngineError):
    """There is an access token of that name."""

    exit_code = 3

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is an access token {name!r} already",
            hint=f"choose another name, or revoke it first: tic token revoke {name}",
        )


class NoToken(EngineError):
    """There is no access token of that name."""

    exit_code = 4

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no access token {name!r}", hint="see which there are: tic token list")


@dataclass(frozen=True, slots=True)
class Made:
    """A new token. Its `secret` is kept nowhere, and can't be shown again."""

    token: "AccessToken"
    secret: str = field(repr=False)


def new(installation: "Installation", name: str, reach: "Reach", expires_at: float | None) -> Made:
    """Make a token; `expires_at` is in seconds since the epoch (UTC), None for never.

    Raises BadName, TokenExists, and what a change of the vault raises.
    """
    from engine.actor import actor
    from engine.state import access_tokens
    from engine.state.service import token_hash

    name, secret, vault = checked_name(name), access_tokens.new_secret(), installation.vault
    full_name = f"{reach.project}/{reach.stack}" if reach.stack else None
    detail = {"may": described(reach), "expires": iso(expires_at) or NEVER}
    with vault.change("access-token.new", name=name, stack=full_name, detail=detail) as change:
        if access_tokens.named(change.connection, name) is not None:
            raise TokenExists(name)
        token = access_tokens.add(
            change.connection,
            vault,
            name,
            token_hash(secret),
            reach,
            made_by=actor(),
            now=time.time(),
            expires_at=expires_at,
        )
    return Made(token, secret)


def listed(installation: "Installation") -> "list[AccessToken]":
    """Every token that is kept, by name."""
    from engine.state import access_tokens

    with installation.database.read() as connection:
        return access_tokens.list_all(connection)


def revoke(installation: "Installation", name: str) -> None:
    """Forget a token: every process that serves the database refuses it from now on. Raises NoToken."""
    from engine.state import access_tokens

    with installation.vault.change("access-token.revoke", name=name) as change:
        token = access_tokens.named(change.connection, name)
        if token is None:
            raise NoToken(name)
        change.about(detail={"may": described(token.reach)})
        access_tokens.remove(change.connection, token)


def described(reach: "Reach") -> str:
    """What a token may do, in a few words."""
    return f"read {reach.what}" if reach.read_only else f"use {reach.what}"
