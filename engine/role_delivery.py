"""How an engine gets what a linked role gives: anew from the broker where its provider can, else once.

AWS's SDKs fetch container credentials whenever they need them, also from loopback, with a token of their own
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html). Azure's provider renews
managed identities by itself, and reads a federated token once. What others get at the start of a run ends
with their session.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from credentials import slots
from credentials.roles.role import Session
from credentials.secret import SecretBytes
from engine.events import Notice
from engine.role_tokens import provider_of, token_of

if TYPE_CHECKING:
    from engine.role_sessions import RoleSessions

_RENEWED_BY_THEMSELVES: Final = frozenset({("azure", "metadata")})
_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_SHORT_SECONDS: Final = 3000


def variables(
    tokens: Mapping[str, str], given: Mapping[str, SecretBytes], *, broker_url: str, broker_token: str
) -> dict[str, SecretBytes]:
    """The variables of the engine; `given` holds those of all credentials and sessions of the stack.

    `tokens` has what serves each provider, and each slot.
    """
    result = dict(given)
    for key, token in tokens.items():
        provider, slot = slots.parts(key)
        if provider != "aws" or token != token_of("aws"):
            continue
        mark = slots.mark(slot)
        for name in _KEYS:
            result.pop(mark + name, None)
            if slot and name in given:  # else the slot would work with the keys of the stack's own
                result[mark + name] = SecretBytes(b"")
        result[f"{mark}AWS_CONTAINER_CREDENTIALS_FULL_URI"] = SecretBytes(
            f"{broker_url}/session/aws".encode()
        )
        result[f"{mark}AWS_CONTAINER_AUTHORIZATION_TOKEN"] = SecretBytes(f"Bearer {broker_token}".encode())
    return result


def served_by_role(tokens: Mapping[str, str]) -> list[str]:
    """The providers that a linked role serves."""
    found = (provider_of(token) for token in tokens.values())
    return list(dict.fromkeys(provider for provider in found if provider is not None))


def container_credentials(session: Session) -> dict[str, str]:
    """A session as AWS's SDKs read container credentials."""
    fields = {name: value.reveal().decode() for name, value in session.fields.items()}
    return {
        "AccessKeyId": fields["access-key-id"],
        "SecretAccessKey": fields["secret-access-key"],
        "Token": fields["session-token"],
        "Expiration": datetime.fromtimestamp(session.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def warning(provider: str, sessions: "RoleSessions", now: float | None = None) -> Notice | None:
    """What to say at the start of a run whose provider can't renew; None where nothing needs to be said."""
    session, source = sessions.session(provider), sessions.source(provider)
    if provider == "aws" or (provider, source) in _RENEWED_BY_THEMSELVES:
        return None
    left = session.expires_at - (time.time() if now is None else now)
    text = (
        f"the role of {provider} gives its Pulumi provider credentials for {int(left // 60)} minutes, and "
        "they are not renewed while it runs (for records and certificates of tic they are); for a longer "
        f"run: tic role enable {provider} --session SECONDS"
    )
    return Notice(text, "warning" if left < _SHORT_SECONDS else "info")
