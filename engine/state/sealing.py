"""A stack's secrets: sealed by the vault, bound to the stack; to Pulumi they are base64 ciphertexts."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import orjson

from engine.errors import EngineError
from engine.state.sieve import HIDDEN
from engine.state.urns import SIGNATURE

SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the signature of a secret value, known to all


class SealedElsewhere(EngineError):
    """The secrets of a state were sealed by another secrets provider of Pulumi's, and only it opens them."""

    exit_code = 3

    def __init__(self, provider: str, stack: str | None = None) -> None:
        """`stack` (`project/stack`) is named where a run is refused, and not where one state is read."""
        anew = f"tic stack export-state {stack} | tic stack import-state {stack} - --force --yes; or: "
        super().__init__(
            f"the secrets of {stack or 'this stack'}'s state are sealed by {provider}, not by tic's vault",
            hint=f"give them to the vault: {anew if stack else ''}tic serve, and in the shell that it is "
            "for: pulumi stack change-secrets-provider default",
        )


class Sealing(Protocol):
    """Seals bytes so that they open only in the context in which they were sealed; the vault does."""

    def seal(self, context: str, plaintext: bytes) -> bytes:
        """The sealed bytes."""

    def unseal(self, context: str, sealed: bytes) -> bytes:
        """The plaintext; raises CredentialError for another context's bytes, and for changed ones."""


def context(stack_id: int) -> str:
    """What the secrets of a stack are bound to; the stack keeps it when it is renamed."""
    return f"stack:{stack_id}"


def encrypter(sealing: Sealing, stack_id: int) -> Callable[[bytes], str]:
    """From a plaintext to the ciphertext that may stand in the stack's state or configuration."""
    return lambda plaintext: base64.b64encode(sealing.seal(context(stack_id), plaintext)).decode()


def require_sealed_here(deployment: Mapping[str, Any]) -> None:
    """Raise SealedElsewhere unless the vault can open the secrets of the deployment."""
    provider = (deployment.get("secrets_providers") or {}).get("type")
    if provider not in (None, "service"):
        raise SealedElsewhere(provider)


def sealed_value(value: Any, encrypt: Callable[[bytes], str]) -> dict[str, str]:
    """A property value as a secret of Pulumi's (`apitype.SecretV1`): the ciphertext of its JSON."""
    return {SIGNATURE: SECRET, "ciphertext": encrypt(orjson.dumps(value))}


def opened_value(value: Any, sealing: Sealing, stack_id: int) -> Any:
    """A property value with its secrets in plaintext, nested ones too; raises CredentialError."""
    if isinstance(value, list):
        return [opened_value(item, sealing, stack_id) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) != SECRET:
        return {key: opened_value(item, sealing, stack_id) for key, item in value.items()}
    return without_marks(
        orjson.loads(sealing.unseal(context(stack_id), base64.b64decode(value["ciphertext"])))
    )


def without_marks(value: Any) -> Any:
    """What stands inside a secret, without the marks of secrets in it: the engine seals the outermost alone,
    and what it calls the `ciphertext` (or the `plaintext`) of an inner one is its JSON.
    """
    if isinstance(value, list):
        return [without_marks(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET:
        return without_marks(orjson.loads(value.get("ciphertext") or value["plaintext"]))
    return {key: without_marks(item) for key, item in value.items()}


def hidden_value(value: Any) -> Any:
    """A property value with `[secret]` in place of its secrets."""
    if isinstance(value, list):
        return [hidden_value(item) for item in value]
    if isinstance(value, dict):
        return (
            HIDDEN
            if value.get(SIGNATURE) == SECRET
            else {key: hidden_value(item) for key, item in value.items()}
        )
    return value
