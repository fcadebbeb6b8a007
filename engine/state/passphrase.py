"""Secrets as Pulumi's passphrase provider seals them: opened when a stack moves in, sealed when it moves out.

The form is that of Pulumi's Go packages `sdk/go/common/resource/config` (crypt.go) and
`pkg/secrets/passphrase`: the key is PBKDF2-HMAC-SHA256 of the passphrase (1,000,000 rounds, 8 bytes of salt),
a ciphertext is `v1:NONCE:SEALED` (AES-256-GCM, both parts base64), and the provider's state is `v1:SALT:`
followed by the ciphertext of the word `pulumi`, which tells a right passphrase from a wrong one.
"""

import base64
import binascii
import hashlib
import secrets
from typing import Final

from engine.errors import EngineError

TYPE: Final = "passphrase"
ROUNDS: Final = 1_000_000
SALT_BYTES: Final = 8
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_PROOF: Final = b"pulumi"


class WrongPassphrase(EngineError):
    """The passphrase is not the one that the secrets were sealed under."""

    exit_code = 2


class Unreadable(EngineError):
    """What should be a ciphertext or a provider's state is none, or was changed."""

    exit_code = 2


class Passphrase:
    """The key of one passphrase and salt; seals and opens. Its repr shows nothing."""

    def __init__(self, key: bytes, state: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self.state = state

    @classmethod
    def of(cls, phrase: str, state: str) -> "Passphrase":
        """The key of the provider's state (`encryptionsalt` of a stack's file); takes a quarter of a second.

        Raises WrongPassphrase, Unreadable.
        """
        version, _, rest = state.partition(":")
        salt, _, proof = rest.partition(":")
        if version != "v1" or not proof:
            raise unreadable("the state of the passphrase provider")
        made = cls(_key(phrase, _bytes(salt)), state)
        try:
            right = made.unseal(proof) == _PROOF
        except Unreadable:
            right = False
        if not right:
            raise WrongPassphrase(
                "the passphrase is not the one that the secrets were sealed under",
                hint="give the one that PULUMI_CONFIG_PASSPHRASE held where they were sealed",
            )
        return made

    @classmethod
    def new(cls, phrase: str) -> "Passphrase":
        """A key with a salt of its own."""
        salt = secrets.token_bytes(SALT_BYTES)
        made = cls(_key(phrase, salt), "")
        made.state = f"v1:{_text(salt)}:{made.seal(_PROOF)}"
        return made

    def seal(self, plaintext: bytes) -> str:
        """The ciphertext."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return f"v1:{_text(nonce)}:{_text(self._cipher.encrypt(nonce, plaintext, None))}"

    def unseal(self, ciphertext: str) -> bytes:
        """The plaintext; raises Unreadable for what another key has sealed, and for what was changed."""
        from cryptography.exceptions import InvalidTag

        version, *parts = ciphertext.split(":")
        if version != "v1" or len(parts) != 2:
            raise unreadable("a secret")
        nonce, sealed = (_bytes(part) for part in parts)
        if len(nonce) != NONCE_BYTES:
            raise unreadable("a secret")
        try:
            return self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise unreadable("a secret") from None


def _key(phrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", phrase.encode(errors="surrogateescape"), salt, ROUNDS, KEY_BYTES)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise unreadable("a secret") from None


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def unreadable(what: str) -> Unreadable:
    """The error for `what`, which is not as it should be."""
    return Unreadable(
        f"{what} is not in the form in which Pulumi seals under a passphrase, or was changed",
        hint="export the stack again where it was: pulumi stack export --show-secrets",
    )
