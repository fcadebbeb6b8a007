"""Property values of a state as they are compared: secrets are opened when need be, and never shown."""

import base64
from collections.abc import Callable
from typing import Any

import orjson

from credentials.refusals import DamagedSecret
from engine.state.sealing import SECRET, Sealing, context
from engine.state.sieve import HIDDEN
from engine.state.urns import RESOURCE_REFERENCE, SIGNATURE

ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_SPECIAL = {ASSET: "asset", ARCHIVE: "archive", RESOURCE_REFERENCE: "resource"}

Unseal = Callable[[str], bytes]


class Secret:
    """A sealed value. Two are equal where their values are, however often each was sealed.

    What reveals it raises CredentialError where the vault does not open it. It has no readable repr.
    """

    __slots__ = ("_ciphertext", "_reveal")
    __hash__ = None  # type: ignore[assignment]  # equality opens it

    def __init__(self, ciphertext: str, reveal: Callable[[str], Any]) -> None:
        self._ciphertext = ciphertext
        self._reveal = reveal

    def reveal(self) -> Any:
        """The value in plaintext."""
        return self._reveal(self._ciphertext)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return False
        return self._ciphertext == other._ciphertext or equal(self.reveal(), other.reveal())

    def __repr__(self) -> str:
        return HIDDEN


def unsealer(sealing: Sealing, stack_id: int) -> Unseal:
    """From a ciphertext of the stack's to the bytes that were sealed; raises CredentialError."""

    def unseal(ciphertext: str) -> bytes:
        try:
            sealed = base64.b64decode(ciphertext, validate=True)
        except ValueError:
            raise DamagedSecret(context(stack_id)) from None
        return sealing.unseal(context(stack_id), sealed)

    return unseal


def opened(value: Any, unseal: Unseal) -> Any:
    """A property value (as in `apitype.ResourceV3`) whose secrets are `Secret`s, nested ones too."""

    def reveal(ciphertext: str) -> Any:
        return opened(orjson.loads(unseal(ciphertext)), unseal)

    if isinstance(value, list):
        return [opened(item, unseal) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET:
        return Secret(value["ciphertext"], reveal)
    return {key: opened(item, unseal) for key, item in value.items()}


def equal(before: Any, after: Any) -> bool:
    """Whether two values are the same in JSON, where `true` is not 1."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(equal(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(equal, before, after))
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)


def shown(value: Any) -> Any:
    """The value as JSON that anybody may see: `[secret]` for secrets, no signatures of Pulumi's."""
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, list):
        return [shown(item) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {key: shown(item) for key, item in value.items() if key != SIGNATURE}
    kind = _SPECIAL.get(value.get(SIGNATURE, ""))
    return {kind: rest} if kind else rest
