"""A message that its receiver can trust: signed as Standard Webhooks says, the same when it is sent again.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: HMAC-SHA256 over
the id, the time of the attempt and the body, with a secret that both sides have.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from stacks.errors import StackError

LEAST_BYTES, MOST_BYTES = 24, 64
_PREFIX: Final = "whsec_"


class SecretUnusable(StackError):
    """The secret is none that both sides could sign with."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: `id` stays when it is sent again; `body` is JSON, and may hold a private key."""

    id: str
    body: bytes = field(repr=False)

    @classmethod
    def about(cls, id_: str, event: str, data: Mapping[str, Any], now: datetime) -> "Message":
        """An event that happens now; `now` is aware."""
        told = {"type": event, "timestamp": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "data": data}
        return cls(id_, json.dumps(told, separators=(",", ":")).encode())

    def headers(self, secret: bytes, now: datetime) -> dict[str, str]:
        """Those of one attempt."""
        at = str(int(now.timestamp()))
        digest = hmac.digest(secret, b".".join((self.id.encode(), at.encode(), self.body)), hashlib.sha256)
        return {
            "content-type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }


def message_id(*parts: str) -> str:
    """The same for the same parts."""
    return f"msg_{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}"


def secret_bytes(given: str) -> bytes:
    """The secret as it is signed with; raises SecretUnusable, which tells nothing of it."""
    text = given.strip().removeprefix(_PREFIX)
    try:
        secret = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not LEAST_BYTES <= len(secret) <= MOST_BYTES:
        raise SecretUnusable(
            f"the webhook's secret is not {LEAST_BYTES} to {MOST_BYTES} bytes in base64",
            hint="give the credential one: tic creds rotate NAME; to make one: openssl rand -base64 32",
        )
    return secret
