"""Exports of the audit log, which verify offline with a public key and nothing else.

The first line says whose log it is and where the export begins, each further line is an entry, the last one
is signed (Ed25519, RFC 8032) over every byte before its signature: over the BLAKE2b-512 of these. The signing
key is derived from the vault's audit key.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from credentials.audit import FORMAT, Entry, Head, Unreadable, genesis
from credentials.audit_chain import Chain, bounded
from credentials.audit_lines import SIGNATURE_BYTES, End, Header, entry_in, entry_line

if TYPE_CHECKING:
    from nacl.signing import SigningKey

LONGEST_LINE: Final = 1 << 20  # bytes; tic's own have some thousands at most
_END: Final = b'{"count":'


@dataclass(frozen=True, slots=True)
class LineProblem:
    """What is wrong with one line of an export; lines count from 1."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class ExportVerification:
    """What an export says that it is, and as `credentials.audit_chain.Verification` what is wrong with it."""

    header: Header | None
    checked: int
    problems: tuple[LineProblem, ...]
    further: int = 0


def public_key(audit_key: bytes) -> bytes:
    """The 32 bytes that verify exports of the log with this key; they may be shown to anybody."""
    return bytes(_signing_key(audit_key).verify_key)


def export(entries: Iterable[Entry], key: bytes, vault_id: str, *, after: Head, made: int) -> Iterator[bytes]:
    """The lines of an export of `entries`, which follow `after` and have been verified by the caller."""
    covered = _covered()
    count, last = 0, after.hash or genesis(vault_id)
    line = Header(vault_id, made, after.seq + 1, last, public_key(key)).line()
    covered.update(line)
    yield line
    for entry in entries:
        line = entry_line(entry)
        covered.update(line)
        yield line
        count, last = count + 1, entry.hash
    covered.update(End(count, last, b"").signed())
    yield End(count, last, _signing_key(key).sign(covered.digest())[:SIGNATURE_BYTES]).line()


def lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; one that is too long comes in pieces, none of which is a line of an export."""
    return iter(lambda: file.readline(LONGEST_LINE), b"")


def verify_export(lines: Iterable[bytes], key: bytes) -> ExportVerification:
    """Whether an export is what the vault with this public key (32 bytes) has signed.

    Streams; whatever the lines hold, it never raises.
    """
    reader = _Reader(key)
    problems, further = bounded(reader.problems(lines))
    return ExportVerification(reader.header, reader.checked, problems, further)


class _Reader:
    """Reads one export, line by line."""

    def __init__(self, key: bytes) -> None:
        self.header: Header | None = None
        self.checked = 0
        self._key = key
        self._covered = _covered()
        self._last = b""
        self._whole = True

    def problems(self, lines: Iterable[bytes]) -> Iterator[LineProblem]:
        """Everything that is wrong, in the order of the lines."""
        numbered = enumerate(lines, 1)
        _, line = next(numbered, (1, b""))
        self.header = header = Header.read(line)
        if header is None:
            yield LineProblem(1, f"it does not begin an export of an audit log ({FORMAT})")
            return
        self._covered.update(line)
        self._last = header.previous
        if header.public_key != self._key:
            yield LineProblem(1, f"it says that it is signed with another key: {header.public_key.hex()}")
        if header.first == 1 and header.previous != genesis(header.vault_id):
            yield LineProblem(1, "it does not begin as the log of its vault does")
        yield from self._rest(Chain(header.previous, first=header.first), numbered)

    def _rest(self, chain: Chain, numbered: Iterator[tuple[int, bytes]]) -> Iterator[LineProblem]:
        number = 1
        for number, line in numbered:
            if line.startswith(_END):
                if wrong := self._end(line):
                    yield LineProblem(number, wrong)
                if next(numbered, None) is not None:
                    yield LineProblem(number + 1, "the export ended with the line before; this was added")
                return
            if wrong := self._entry(chain, line):
                self._whole = False
                yield LineProblem(number, wrong)
        yield LineProblem(number + 1, "the end is missing: the count of the entries and the signature")

    def _entry(self, chain: Chain, line: bytes) -> str | None:
        self.checked += 1
        self._covered.update(line)
        entry = entry_in(line)
        if entry is None:
            self._last = b""
            return chain.follow(Unreadable(chain.seq + 1, "it is not a line that tic has written"))
        self._last = entry.hash
        wrong = chain.follow(entry)
        return wrong and f"entry {entry.seq}: {wrong}"

    def _end(self, line: bytes) -> str | None:
        """What is wrong with the last line; where an entry is wrong, no signature is expected to fit."""
        from nacl.exceptions import BadSignatureError
        from nacl.signing import VerifyKey

        end = End.read(line)
        if end is None:
            return "it is not a line that tic has written"
        if end.count != self.checked:
            return f"it counts {end.count} entries, and there are {self.checked}"
        if not self._whole:
            return None
        if end.last != self._last:
            return "it names another last entry than the one before it"
        self._covered.update(end.signed())
        try:
            VerifyKey(self._key).verify(self._covered.digest(), end.signature)
        except BadSignatureError:
            return "the signature does not fit what is before it"
        return None


def _signing_key(audit_key: bytes) -> "SigningKey":
    from nacl.signing import SigningKey

    seed = hashlib.blake2b(key=audit_key, person=b"tic-audit-sign", digest_size=32)
    return SigningKey(seed.digest())


def _covered() -> "hashlib.blake2b":
    return hashlib.blake2b(digest_size=64, person=b"tic-audit-export")
