"""What stands for a provider's linked role where a credential's token would stand: `role:PROVIDER`."""

from typing import Final

_PREFIX: Final = "role:"  # no token of the vault begins so, and no name may hold a colon


def token_of(provider: str) -> str:
    """The token of the provider's linked role."""
    return _PREFIX + provider


def provider_of(token: str) -> str | None:
    """The provider of such a token; None for a token or a name of the vault."""
    return token.removeprefix(_PREFIX) if token.startswith(_PREFIX) else None
