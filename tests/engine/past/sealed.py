"""Secrets for tests without a vault: a ciphertext is a number, and what it stands for is kept beside."""

import itertools
from typing import Any

import orjson
from hypothesis import strategies as st

from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE

_numbers = itertools.count()
_sealed: dict[str, bytes] = {}

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b.c", "1"])
KEYS = st.sampled_from(["a", "b", "a.b", "", "long key", "ä"])


def seal(value: Any) -> dict[str, str]:
    """A secret of Pulumi's; sealed twice, a value has two ciphertexts."""
    return {SIGNATURE: SECRET, "ciphertext": sealed_bytes(orjson.dumps(value))}


def sealed_bytes(plaintext: bytes) -> str:
    """A ciphertext."""
    ciphertext = f"sealed-{next(_numbers)}"
    _sealed[ciphertext] = plaintext
    return ciphertext


def unseal(ciphertext: str) -> bytes:
    """What was sealed."""
    return _sealed[ciphertext]


def secrets(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Sealed values; texts in them begin with `canary`."""
    texts = st.sampled_from(["canary-one", "canary-two"])
    return (texts | inner.map(lambda value: [value, "canary-inside"])).map(seal)


def values() -> st.SearchStrategy[Any]:
    """Property values as a state has them."""
    return st.recursive(
        SCALARS | secrets(SCALARS),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3) | secrets(inner),
        max_leaves=8,
    )


def resealed(value: Any) -> Any:
    """The same value with every secret sealed anew."""
    if isinstance(value, list):
        return [resealed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET:
        return seal(resealed(orjson.loads(unseal(value["ciphertext"]))))
    return {key: resealed(item) for key, item in value.items()}
