"""Tampering with the audit log: follows its chain and names each place that does not fit. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from credentials.audit import Entry, Head, Unreadable, genesis, hash_of, mac_of

MOST_PROBLEMS: Final = 100

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of the log."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """How many entries were looked at, the first MOST_PROBLEMS problems, and how many came after these."""

    checked: int
    problems: tuple[Problem, ...]
    further: int = 0


class Chain:
    """Follows a log from one entry to the next, in constant memory, and says what does not fit."""

    def __init__(self, previous: bytes, *, first: int = 1, key: bytes | None = None) -> None:
        self.seq = first - 1
        self._before: tuple[bytes, ...] = (previous,)
        self._key = key

    def follow(self, entry: Entry | Unreadable) -> str | None:
        """What is wrong with the entry that comes next; None where it fits.

        After an entry that does not fit, both its hashes count as the one before: that which it has and that
        which it should have. So one change is one problem.
        """
        expected = self.seq + 1
        if isinstance(entry, Unreadable):
            self.seq, self._before = max(entry.seq, self.seq), ()
            return f"{entry.what}, so the entry after it can't be compared with it"
        if entry.seq < expected:
            return f"it comes after entry {self.seq}: it is there twice, or was moved"
        self.seq = entry.seq
        if entry.seq > expected:
            self._before = (entry.hash,)
            missing = f"{expected}" if entry.seq == expected + 1 else f"{expected} to {entry.seq - 1}"
            return f"what comes before it is missing: {missing}"
        fitting = [hash_of(previous, entry) for previous in self._before]
        self._before = (entry.hash, *(one for one in fitting[:1] if one != entry.hash))
        if fitting and entry.hash not in fitting:
            return "it was changed: its content does not fit its hash and the hash before it"
        if self._key is not None and mac_of(self._key, entry.hash) != entry.mac:
            return "it was not written by this vault: its MAC is wrong"
        return None

    def end(self, head: Head) -> Problem | None:
        """What is wrong with the end of the log, which should be `head`."""
        if self.seq < head.seq:
            missing = f"{head.seq}" if self.seq + 1 == head.seq else f"{self.seq + 1} to {head.seq}"
            return Problem(self.seq + 1, f"the end of the log is missing: {missing}")
        if self.seq > head.seq:
            return Problem(head.seq + 1, f"the log ended with entry {head.seq}; what follows was added")
        if head.seq > 0 and self._before and head.hash not in self._before:
            return Problem(head.seq, "it is not the entry that the vault has sealed as the last one")
        return None


def verify(
    entries: Iterable[Entry | Unreadable], key: bytes | None, vault_id: str, head: Head | None
) -> Verification:
    """Whether a log is what was written: nothing changed, removed, added, moved, or cut from the end.

    Without `key` a chain that was written anew as a whole is not noticed; without `head`, a cut end.
    """
    chain = Chain(genesis(vault_id), key=key)
    checked = 0

    def found() -> Iterator[Problem]:
        nonlocal checked
        for entry in entries:
            checked += 1
            if what := chain.follow(entry):
                yield Problem(entry.seq, what)
        if head is not None and (last := chain.end(head)):
            yield last

    problems, further = bounded(found())
    return Verification(checked, problems, further)


def bounded(found: Iterator[_Found]) -> tuple[tuple[_Found, ...], int]:
    """The first MOST_PROBLEMS of what is found, and how many more there are."""
    first = tuple(islice(found, MOST_PROBLEMS))
    return first, sum(1 for _ in found)
