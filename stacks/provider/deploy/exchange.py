"""One exchange over HTTP with a server that a program or a credential names: bounded, nothing followed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from stacks.dns.way_out import answered
from stacks.provider.deploy.calls import SECONDS

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

MOST_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; header names in lower case. What it holds may be secret."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any] | None:
        """The body, where it is a JSON object."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def retry_after(self, now: datetime) -> float | None:
        """Seconds for which it asks not to be asked (RFC 9110 10.2.3), or None."""
        said = self.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdecimal():
            return float(said[:9])
        try:
            until = parsedate_to_datetime(said)
        except ValueError:
            return None
        return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def exchange(
    pool: "PoolManager",
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    seconds: float = SECONDS,
) -> Answer:
    """Ask once; raises urllib3's HTTPError, or OSError. A redirect is an answer like another."""
    said: dict[str, str] = {}

    def ask() -> "BaseHTTPResponse":
        got = pool.request(
            method,
            url,
            body=body,
            headers={"User-Agent": "tic", **headers},
            redirect=False,
            retries=False,
            preload_content=False,
        )
        said.update((name.lower(), value) for name, value in got.headers.items())
        return got

    status, received = answered(ask, MOST_BYTES, seconds)
    return Answer(status, said, received)
