"""What a vault key is: 32 random bytes, their text form, and the name by which they are told apart."""

import base64
import binascii
import hashlib
import secrets
from typing import Final

from credentials.errors import CredentialError
from credentials.secret import SecretBytes

KEY_BYTES: Final = 32
MARK: Final = "tic-vault-key-1:"
_PERSON: Final = b"tic-vault-key-id"


class KeyUnusable(CredentialError):
    """The vault key is missing, open to others, damaged, or not the one that this vault was made with."""

    exit_code = 5


def new_key() -> SecretBytes:
    """A random key."""
    return SecretBytes(secrets.token_bytes(KEY_BYTES))


def as_text(key: SecretBytes) -> SecretBytes:
    """The key as one line of ASCII: `tic-vault-key-1:` and its bytes in base64."""
    return SecretBytes(MARK.encode() + base64.b64encode(key.reveal()))


def from_text(text: bytes) -> SecretBytes | None:
    """The key that `as_text` wrote, a line's end after it allowed; None for anything else."""
    mark, encoded = text[: len(MARK)], text[len(MARK) :].removesuffix(b"\n")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    return SecretBytes(key) if mark == MARK.encode() and len(key) == KEY_BYTES else None


def key_id(key: SecretBytes) -> str:
    """16 hex digits that name a key and give nothing of it away (BLAKE2b, RFC 7693, personalized).

    A vault notes the id of its key, so a key that is not its own is told apart from a changed database, and
    of two keys (one that is, one that is about to be) the right one is found.
    """
    return hashlib.blake2b(key.reveal(), digest_size=8, person=_PERSON).hexdigest()
