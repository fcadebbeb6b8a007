"""The lines of an audit export: a header, entries, an end; each as JSON, and back. Pure.

A line counts only if it is, byte for byte, what tic writes for what it says. So there is one way to write
each entry, and a program that reads the file otherwise than this one can't be shown anything else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from credentials.audit import FORMAT, HASH_BYTES, LATEST, Entry, entry_of, values_of

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS: Final = ("actor", "action", "outcome", "credential", "name", "kind", "stack", "purpose")


@dataclass(frozen=True, slots=True)
class Header:
    """Whose log it is, when it was exported (microseconds since the epoch, UTC), and where it begins.

    `previous` is the hash that the first entry, number `first`, follows.
    """

    vault_id: str
    made: int
    first: int
    previous: bytes
    public_key: bytes

    def line(self) -> bytes:
        """The first line."""
        return _line(
            {
                "format": FORMAT,
                "vault": self.vault_id,
                "made": moment(self.made),
                "from": self.first,
                "previous": self.previous.hex(),
                "public-key": self.public_key.hex(),
            }
        )

    @classmethod
    def read(cls, line: bytes) -> "Header | None":
        """What `line` wrote; None for anything else."""
        content = _content(line)
        vault_id, made, first = content.get("vault"), _at(content.get("made")), content.get("from")
        previous, key = (
            _unhex(content.get("previous"), HASH_BYTES),
            _unhex(content.get("public-key"), KEY_BYTES),
        )
        if made is None or previous is None or key is None:
            return None
        if not (isinstance(vault_id, str) and vault_id.isascii() and type(first) is int and first > 0):
            return None
        header = cls(vault_id, made, first, previous, key)
        return header if header.line() == line else None


@dataclass(frozen=True, slots=True)
class End:
    """The last line: how many entries there are, the hash of the last one, and the signature."""

    count: int
    last: bytes
    signature: bytes

    def signed(self) -> bytes:
        """What of this line the signature covers, beside all lines before it."""
        return _line({"count": self.count, "last": self.last.hex()})

    def line(self) -> bytes:
        """The last line."""
        return _line({"count": self.count, "last": self.last.hex(), "signature": self.signature.hex()})

    @classmethod
    def read(cls, line: bytes) -> "End | None":
        """What `line` wrote; None for anything else."""
        content = _content(line)
        count, last = content.get("count"), _unhex(content.get("last"), HASH_BYTES)
        signature = _unhex(content.get("signature"), SIGNATURE_BYTES)
        if type(count) is not int or last is None or signature is None:
            return None
        end = cls(count, last, signature)
        return end if end.line() == line else None


def entry_line(entry: Entry) -> bytes:
    """One entry with its hash and its MAC."""
    return _line(shown(entry))


def entry_in(line: bytes) -> Entry | None:
    """What `entry_line` wrote; None for anything else."""
    content = _content(line)
    values: dict[str, object] = {name: content.get(name) for name in (*_TEXTS, "seq", "detail")}
    values |= {name: _unhex(content.get(name), HASH_BYTES) for name in ("hash", "mac")}
    entry = entry_of({**values, "at": _at(content.get("at"))})
    return entry if isinstance(entry, Entry) and entry_line(entry) == line else None


def shown(entry: Entry) -> dict[str, object]:
    """An entry as JSON holds it: `at` as ISO 8601, bytes in hexadecimal."""
    detail = entry.event.detail
    return {
        **values_of(entry),
        "at": moment(entry.at),
        "detail": {name: detail[name] for name in sorted(detail)},
        "hash": entry.hash.hex(),
        "mac": entry.mac.hex(),
    }


def moment(at: int) -> str:
    """Microseconds since the epoch as ISO 8601 in UTC, always with six decimals."""
    return (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _at(text: object) -> int | None:
    """What `moment` was given."""
    try:
        since = datetime.fromisoformat(text) - _EPOCH if isinstance(text, str) else None
    except (ValueError, TypeError):  # TypeError: a time without its zone
        return None
    at = None if since is None else since // timedelta(microseconds=1)
    return at if at is not None and 0 <= at < LATEST else None


def _line(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _content(line: bytes) -> Mapping[str, object]:
    """The object on a line; empty where there is none."""
    try:
        content = json.loads(line.decode())
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _unhex(text: object, length: int) -> bytes | None:
    try:
        value = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return None
    return value if len(value) == length else None
