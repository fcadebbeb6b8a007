"""Sealed values: XChaCha20-Poly1305 (PyNaCl `Aead`), each bound to the owner that it was sealed for.

The owner (whose value, which version, which field) is authenticated with the value and not stored with it. So
a sealed value that was moved to another row does not open, no more than one with a flipped bit.
"""

from typing import Final

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from credentials.secret import SecretBytes

FORMAT: Final = b"\x01"
OVERHEAD: Final = len(FORMAT) + Aead.NONCE_SIZE + Aead.MACBYTES
KEY_BYTES: Final = Aead.KEY_SIZE


class BrokenSeal(Exception):
    """The value was changed, cut, moved, or sealed with another key; which of these can't be told."""


class Sealer:
    """Seals and opens with one key; safe to use from several threads at once."""

    def __init__(self, key: SecretBytes, vault_id: str) -> None:
        self._aead = Aead(key.reveal())
        self._vault_id = vault_id

    def seal(self, owner: tuple[str, ...], plaintext: bytes) -> bytes:
        """`plaintext` sealed for `owner`: a format byte, a random 24-byte nonce, ciphertext and tag."""
        return FORMAT + bytes(self._aead.encrypt(plaintext, aad=self._bound_to(owner)))

    def open(self, owner: tuple[str, ...], sealed: bytes) -> bytes:
        """What was sealed for `owner`; raises BrokenSeal."""
        if len(sealed) < OVERHEAD or sealed[:1] != FORMAT:
            raise BrokenSeal
        try:
            return self._aead.decrypt(sealed[1:], aad=self._bound_to(owner))
        except CryptoError:
            raise BrokenSeal from None

    def _bound_to(self, owner: tuple[str, ...]) -> bytes:
        # Each part carries its length, so ("ab", "c") and ("a", "bc") are two owners.
        parts = [part.encode() for part in ("tic-seal-1", self._vault_id, *owner)]
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
