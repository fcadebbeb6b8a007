"""Sealed values: XChaCha20-Poly1305 (PyNaCl `Aead`), each bound to the owner that it was sealed for.

The owner (whose value, which version, which field) is authenticated with the value and not stored with it. So
a sealed value that was moved to another row does not open, no more than one with a flipped bit.

A vault's data key can be replaced. A value begins with the generation of the key that sealed it (format 2;
the first generation's values have format 1 and do not say it), so what lives outside the vault's tables still
opens.
"""

from collections.abc import Mapping
from typing import Final

from credentials.secret import SecretBytes

FIRST: Final = 1
_FIRST_FORMAT: Final = b"\x01"
_LATER_FORMAT: Final = b"\x02"
_GENERATION_BYTES: Final = 4
# XChaCha20-Poly1305, as PyNaCl has them too; importing it takes longer than a listing needs for all the rest.
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 24
_TAG_BYTES: Final = 16
OVERHEAD: Final = len(_FIRST_FORMAT) + _NONCE_BYTES + _TAG_BYTES


# What lives outside the vault's tables may have been sealed before the data key was replaced. Whatever is in
# them was sealed anew then: a key that was given up opens and forges nothing there.
_OUTSIDE: Final = frozenset({"context", "anchor"})


class BrokenSeal(Exception):
    """The value was changed, cut, moved, or sealed with another key; which of these can't be told."""


class Sealer:
    """Seals with one key and opens with those before it as well; safe to use from several threads at once."""

    def __init__(
        self,
        key: SecretBytes,
        vault_id: str,
        *,
        generation: int = FIRST,
        retired: Mapping[int, SecretBytes] | None = None,
    ) -> None:
        from nacl.secret import Aead

        self.generation = generation
        self._prefix = (
            _FIRST_FORMAT
            if generation == FIRST
            else _LATER_FORMAT + generation.to_bytes(_GENERATION_BYTES, "big")
        )
        self._vault_id = vault_id
        self._keys = {each: Aead(one.reveal()) for each, one in (retired or {}).items()}
        self._keys[generation] = Aead(key.reveal())

    def seal(self, owner: tuple[str, ...], plaintext: bytes) -> bytes:
        """`plaintext` sealed for `owner`: format, generation, a random 24-byte nonce, ciphertext, tag."""
        aead = self._keys[self.generation]
        return self._prefix + bytes(aead.encrypt(plaintext, aad=self._bound_to(owner)))

    def open(self, owner: tuple[str, ...], sealed: bytes) -> bytes:
        """What was sealed for `owner`; raises BrokenSeal."""
        from nacl.exceptions import CryptoError

        generation, body = _parted(sealed)
        aead = self._keys.get(generation)
        if generation != self.generation and owner[0] not in _OUTSIDE:
            raise BrokenSeal
        if aead is None or len(body) < OVERHEAD - len(_FIRST_FORMAT):
            raise BrokenSeal
        try:
            return aead.decrypt(body, aad=self._bound_to(owner))
        except CryptoError:
            raise BrokenSeal from None

    def _bound_to(self, owner: tuple[str, ...]) -> bytes:
        # Each part carries its length, so ("ab", "c") and ("a", "bc") are two owners.
        parts = [part.encode() for part in ("tic-seal-1", self._vault_id, *owner)]
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def generation_of(sealed: bytes) -> int:
    """Which generation of the data key sealed a value; 0 for what is no sealed value."""
    return _parted(sealed)[0]


def _parted(sealed: bytes) -> tuple[int, bytes]:
    if sealed[:1] == _FIRST_FORMAT:
        return FIRST, sealed[1:]
    if sealed[:1] == _LATER_FORMAT:
        end = 1 + _GENERATION_BYTES
        return int.from_bytes(sealed[1:end], "big"), sealed[end:]
    return 0, b""
