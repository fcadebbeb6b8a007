"""What a signature covers, and the parts of which every cloud's is made."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from stacks.errors import StackError


class KeysMalformed(StackError):
    """A key can't be sent to any cloud; the text never holds it."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair; `token` goes with temporary ones. Raises KeysMalformed."""

    id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name, value in (("id", self.id), ("session token", self.token)):
            if not re.fullmatch(r"[!-~]*", value):
                raise KeysMalformed(
                    f"the key's {name} holds what no HTTP header can: a space, a line's end, another script",
                    hint="give it as the cloud shows it: tic creds rotate NAME",
                )


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of `host`; `action` is what the cloud's permissions call it."""

    action: str
    method: str
    host: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, Any] | None = None

    @property
    def reads(self) -> bool:
        """Whether it changes nothing at the cloud."""
        return self.method == "GET" or self.action.partition(":")[2].startswith("Describe")

    @property
    def body(self) -> bytes:
        """The content as JSON; empty where there is none."""
        return b"" if self.content is None else json.dumps(self.content).encode()

    @property
    def canonical_query(self) -> str:
        """The query sorted and percent-encoded, all but RFC 3986's unreserved characters: so it is sent."""
        return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in sorted(self.query.items()))


Sign = Callable[[Call], Mapping[str, str]]
"""The headers of a call, its signature among them."""


def encoded(text: str, safe: str = "") -> str:
    """Percent-encoded, all but RFC 3986's unreserved characters and those of `safe`."""
    return quote(text, safe=safe + "-_.~")


def sha256(data: bytes) -> str:
    """The hash in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def mac(key: bytes, *messages: str) -> bytes:
    """HMAC-SHA256 of each message in turn, keyed by the one before."""
    for message in messages:
        key = hmac.new(key, message.encode(), hashlib.sha256).digest()
    return key


def summary(call: Call, headers: Mapping[str, str], path: str = "") -> tuple[str, str]:
    """The names of the headers that are signed, and the hash of the canonical request.

    That is the form of AWS's Signature Version 4, which most clouds keep to: method, path (the call's own,
    unless the cloud writes it otherwise), query, headers, their names, hash of the body.
    """
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    written = path or encoded(call.path, safe="/")
    parts = (call.method, written, call.canonical_query, lines, names, sha256(call.body))
    return names, sha256("\n".join(parts).encode())
