"""Sends signed requests to a cloud's API: always TLS, through the machine's proxy, never redirected."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stacks.dns.clouds.signing import Call, Keys, Sign
from stacks.dns.publisher import ProviderFailed
from stacks.dns.way_out import answered, way_out, why

MOST_ANSWER_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Calling:
    """With what a cloud is called: `machine` is the environment with the proxy and the trusted certificates,
    `seconds` what a call may take.
    """

    keys: Keys
    machine: Mapping[str, str] = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the cloud said: `content` is the JSON object of its body, None where that is something else."""

    status: int
    content: Mapping[str, Any] | None


class Caller:
    """Sends calls to one host; several threads may use it at once."""

    def __init__(self, host: str, calling: Calling) -> None:
        """Raises WayUnusable."""
        self.host = host
        self._seconds = calling.seconds
        self._pool = way_out(f"https://{host}", calling.machine, calling.seconds)

    def send(self, call: Call, sign: Sign) -> Answer:
        """The answer, whatever its status. Raises ProviderFailed where none came."""
        from urllib3.exceptions import HTTPError, NewConnectionError, ProxyError

        query = call.canonical_query
        url = f"https://{call.host}{call.path}" + (f"?{query}" if query else "")
        body = call.body
        try:
            status, content = answered(
                lambda: self._pool.request(
                    call.method,
                    url,
                    body=body or None,
                    headers={**sign(call), "User-Agent": "tic"},
                    redirect=False,
                    retries=False,
                    preload_content=False,
                ),
                MOST_ANSWER_BYTES,
                self._seconds,
            )
        except (HTTPError, OSError) as error:
            raise ProviderFailed(
                f"{call.host} can't be asked for {call.action}: {why(error, self._seconds)}",
                hint="check that this machine reaches it (HTTPS_PROXY, SSL_CERT_FILE); then run it again",
                untouched=call.reads or isinstance(error, NewConnectionError | ProxyError),
            ) from None
        return Answer(status, _object(content))

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()


def _object(content: bytes) -> Mapping[str, Any] | None:
    if not content.strip():
        return {}
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
