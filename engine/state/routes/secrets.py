"""Secrets of a stack, sealed and opened one by one or in batches; Go encodes bytes in JSON as base64.

Nothing of it changes a stack, and a preview needs it: tokens that may only read may call all of it.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from starlette.routing import BaseRoute

from engine.state import checkpoints
from engine.state.routes.call import Call, Refused, by_token
from engine.state.routes.reading import readable
from engine.state.sealing import context
from engine.state.service import StateService
from engine.state.shared_outputs import ciphertexts

_STACK = "/api/stacks/{org}/{project}/{stack}"


def routes(service: StateService) -> list[BaseRoute]:
    """The routes of secrets."""
    return [
        by_token(service, f"{_STACK}/encrypt", post=encrypt, reading=["post"]),
        by_token(service, f"{_STACK}/decrypt", post=decrypt, reading=["post"]),
        by_token(service, f"{_STACK}/batch-encrypt", post=batch_encrypt, reading=["post"]),
        by_token(service, f"{_STACK}/batch-decrypt", post=batch_decrypt, reading=["post"]),
        by_token(service, f"{_STACK}/decrypt/log-decryption", post=note, reading=["post"]),
        by_token(service, f"{_STACK}/decrypt/log-batch-decryption", post=note, reading=["post"]),
    ]


def encrypt(call: Call) -> Any:
    """Seal one value."""
    seal = _sealer(call)
    return {"ciphertext": _text(seal(_bytes(_field(call, "plaintext", str))))}


def decrypt(call: Call) -> Any:
    """Open one value."""
    unseal = _unsealer(call)
    return {"plaintext": _text(unseal(_field(call, "ciphertext", str)))}


def batch_encrypt(call: Call) -> Any:
    """Seal values; the answer has them in the same order."""
    seal = _sealer(call)
    return {"ciphertexts": [_text(seal(_bytes(text))) for text in _field(call, "plaintexts", list)]}


def batch_decrypt(call: Call) -> Any:
    """Open values; the answer has each under its ciphertext."""
    unseal = _unsealer(call)
    return {"plaintexts": {text: _text(unseal(text)) for text in _field(call, "ciphertexts", list)}}


def note(call: Call) -> Any:
    """The CLI tells that it showed secrets of another secrets provider; tic keeps no record of that."""
    with call.service.read() as connection:
        call.stack(connection)


def _sealer(call: Call) -> Callable[[bytes], bytes]:
    with call.service.read() as connection:
        owner = context(call.stack(connection).id)
    return lambda plaintext: call.service.sealing.seal(owner, plaintext)


def _unsealer(call: Call) -> Callable[[Any], bytes]:
    """From the ciphertexts that the caller may open; of a shared stack those are the ones in its outputs."""
    sealing, shared = call.service.sealing, None
    with call.service.read() as connection:
        found = readable(call, connection)
        if not found.whole:
            state = checkpoints.deployment(connection, found.stack.id)
            shared = ciphertexts(state, sealing, found.stack.id)

    def unseal(text: Any) -> bytes:
        sealed = _bytes(text)
        if shared is not None and text not in shared:
            raise Refused(403, f"{found.stack.full_name} shares the secrets in its outputs, and no others")
        return sealing.unseal(context(found.stack.id), sealed)

    return unseal


def _field(call: Call, name: str, kind: type) -> Any:
    body = call.json_as_sent()
    value = body.get(name) if isinstance(body, dict) else None
    if value is None:
        return kind()  # Go sends no bytes as null
    if not isinstance(value, kind):
        raise Refused(400, f"{name} is missing or of the wrong type")
    return value


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Refused(400, "a value is not base64") from None


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
