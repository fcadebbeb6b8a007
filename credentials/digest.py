"""One digest over the tables of the vault: whoever changes a row without the vault's key is noticed.

Each seal guards one value; the digest guards what is between them: that no row was taken away, added, put
back from an old copy or changed in a column that is not sealed. It is kept sealed, with a counter that grows
with every change; `credentials.anchor` keeps the highest counter beside the key.
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

DIGEST_BYTES: Final = 32
_SEALED: Final = struct.Struct(f">Q{DIGEST_BYTES}s")

Table = tuple[str, Iterable[Sequence[object]]]


@dataclass(frozen=True, slots=True)
class Guard:
    """The digest of the tables after their change number `counter`."""

    counter: int
    digest: bytes

    def packed(self) -> bytes:
        """For sealing."""
        return _SEALED.pack(self.counter, self.digest)

    @classmethod
    def unpacked(cls, content: bytes) -> "Guard":
        """What `packed` made."""
        return cls(*_SEALED.unpack(content))


def digest_of(tables: Iterable[Table]) -> bytes:
    """BLAKE2b-256 over named tables, each an ordered series of rows.

    A row's values are None, numbers, texts and bytes; Python's `ascii` of their tuple tells all of them apart
    and looks the same in every version of Python and of Unicode.
    """
    state = hashlib.blake2b(digest_size=DIGEST_BYTES, person=b"tic-digest-1")
    for name, rows in tables:
        state.update(b"table " + name.encode() + b"\n")
        for row in rows:
            state.update(ascii(tuple(row)).encode() + b"\n")
    return state.digest()
