"""The audit log as values: what an entry holds, and what ties entries together. Pure.

Each entry's hash covers the hash before it, so that anybody can check order and completeness; its MAC covers
the hash with the vault's audit key, so that nobody without the key can write a chain anew:

    hash(0) = BLAKE2b-256("tic-audit-1", vault id)
    hash(n) = BLAKE2b-256(hash(n-1), canonical(entry n))
    mac(n)  = BLAKE2b-256 keyed with the audit key (hash(n))

`credentials.audit_chain` follows the chain. The end of the log (`Head`) is kept sealed in the vault: else
entries that were cut from the end would not be missed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple

FORMAT: Final = "tic-audit-1"
HASH_BYTES: Final = 32
LONGEST: Final = 256  # characters of one value; what is longer is cut, and ends with an ellipsis
LATEST: Final = 253402300800 * 10**6  # microseconds since the epoch: the year 10000
_LAST_SEQ: Final = 2**63 - 1

Outcome = Literal["done", "refused", "failed"]
OUTCOMES: Final = ("done", "refused", "failed")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: `action` as `noun.verb`, such as "credential.open"; the rest where it applies.

    `credential` is a token, `stack` is `project/stack`. None of it is ever a secret: values are shown to
    whoever may read the log.
    """

    action: str
    outcome: Outcome
    credential: str | None = None
    name: str | None = None
    kind: str | None = None
    stack: str | None = None
    purpose: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place: `seq` counts from 1, `at` is in microseconds since the epoch (UTC)."""

    seq: int
    at: int
    actor: str
    event: Event
    hash: bytes
    mac: bytes


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A place of the log that holds no entry, because of what a program other than tic put there."""

    seq: int
    what: str


class Head(NamedTuple):
    """The end of a log: its last entry's number and hash; (0, b"") for an empty one."""

    seq: int
    hash: bytes


NOTHING_YET: Final = Head(0, b"")


def next_entry(head: Head, key: bytes, vault_id: str, event: Event, *, actor: str, at: int) -> Entry:
    """The entry that follows `head`; its texts are cut to LONGEST, unprintable characters are escaped."""
    event = replace(
        event,
        action=noted(event.action),
        credential=_noted_or_none(event.credential),
        name=_noted_or_none(event.name),
        kind=_noted_or_none(event.kind),
        stack=_noted_or_none(event.stack),
        purpose=_noted_or_none(event.purpose),
        detail={noted(name): noted(value) for name, value in event.detail.items()},
    )
    entry = Entry(head.seq + 1, at, noted(actor), event, b"", b"")
    digest = hash_of(head.hash or genesis(vault_id), entry)
    return replace(entry, hash=digest, mac=mac_of(key, digest))


def genesis(vault_id: str) -> bytes:
    """What stands for the hash before the first entry: another vault's log does not fit."""
    return hashlib.blake2b(_text(FORMAT) + _text(vault_id), digest_size=HASH_BYTES).digest()


def hash_of(previous: bytes, entry: Entry) -> bytes:
    """The hash of an entry that follows `previous`."""
    return hashlib.blake2b(previous + canonical(entry), digest_size=HASH_BYTES).digest()


def mac_of(key: bytes, digest: bytes) -> bytes:
    """What only the holder of the audit key can make of an entry's hash."""
    return hashlib.blake2b(digest, digest_size=HASH_BYTES, key=key, person=b"tic-audit-mac").digest()


def canonical(entry: Entry) -> bytes:
    """An entry without its hash and MAC, as one unambiguous series of bytes, the same for ever.

    Numbers have 8 bytes, big-endian. A text is 01, its length in 4 bytes, and its UTF-8; no text is 00. The
    detail is the number of its pairs in 4 bytes, then name and value of each, by the names' code points.
    """
    event = entry.event
    parts = [entry.seq.to_bytes(8, "big"), entry.at.to_bytes(8, "big"), _text(entry.actor)]
    parts += [_text(event.action), _text(event.outcome), _text(event.credential), _text(event.name)]
    parts += [_text(event.kind), _text(event.stack), _text(event.purpose)]
    parts.append(len(event.detail).to_bytes(4, "big"))
    for name in sorted(event.detail):
        parts += [_text(name), _text(event.detail[name])]
    return b"".join(parts)


def noted(text: str) -> str:
    """`text` as the log takes it: on one line, nothing that steers a terminal, no longer than LONGEST."""
    if not text.isprintable():
        text = "".join(one if one.isprintable() else f"\\u{{{ord(one):x}}}" for one in text[:LONGEST])
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def entry_of(values: Mapping[str, object]) -> Entry | Unreadable:
    """The entry of these values, by the names of the log's columns; whatever they are, it never raises.

    `seq` must be an int; `detail` is a mapping.
    """
    seq = values["seq"]
    if wrong := [name for name in _FITS if not _FITS[name](values[name])]:
        return Unreadable(seq if type(seq) is int else 0, f"its {wrong[0]} is not what tic puts there")
    parts = dict(values)
    place = {name: parts.pop(name) for name in ("seq", "at", "actor", "hash", "mac")}
    return Entry(event=Event(**parts), **place)  # type: ignore[arg-type]  # _FITS has looked at each


def values_of(entry: Entry) -> dict[str, Any]:
    """What `entry_of` makes the entry of."""
    event = entry.event
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "action": event.action,
        "outcome": event.outcome,
        "credential": event.credential,
        "name": event.name,
        "kind": event.kind,
        "stack": event.stack,
        "purpose": event.purpose,
        "detail": event.detail,
        "hash": entry.hash,
        "mac": entry.mac,
    }


def _text(text: str | None) -> bytes:
    if text is None:
        return b"\0"
    encoded = text.encode()
    return b"\1" + len(encoded).to_bytes(4, "big") + encoded


def _noted_or_none(text: str | None) -> str | None:
    return None if text is None else noted(text)


def _is_text(value: object) -> bool:
    """Half a surrogate pair, which JSON can spell, is no text."""
    return isinstance(value, str) and (
        value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value)
    )


def _is_text_or_none(value: object) -> bool:
    return value is None or _is_text(value)


def _is_digest(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == HASH_BYTES


_FITS: Final = {
    "seq": lambda value: type(value) is int and 0 < value <= _LAST_SEQ,
    "at": lambda value: type(value) is int and 0 <= value < LATEST,
    "actor": _is_text,
    "action": _is_text,
    "outcome": lambda value: value in OUTCOMES,
    "credential": _is_text_or_none,
    "name": _is_text_or_none,
    "kind": _is_text_or_none,
    "stack": _is_text_or_none,
    "purpose": _is_text_or_none,
    "detail": lambda value: (
        isinstance(value, Mapping) and all(_is_text(one) for pair in value.items() for one in pair)
    ),
    "hash": _is_digest,
    "mac": _is_digest,
}
