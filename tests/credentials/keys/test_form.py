"""The text form of a key, and its id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.keys.form import KEY_BYTES, as_text, from_text, key_id, new_key
from credentials.secret import SecretBytes

KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES).map(SecretBytes)


@given(KEYS)
def test_what_is_written_is_read_back(key: SecretBytes) -> None:
    text = as_text(key).reveal()
    assert text.startswith(b"tic-vault-key-1:")
    assert from_text(text) == from_text(text + b"\n") == key


@given(st.binary(max_size=100))
def test_anything_else_is_no_key(content: bytes) -> None:
    key = from_text(content)
    assert key is None or as_text(key).reveal() == content.removesuffix(b"\n")


@pytest.mark.parametrize("after", [b"\n\n", b" ", b"\0", b"A"])
def test_what_follows_a_key_makes_it_none(after: bytes) -> None:
    assert from_text(as_text(new_key()).reveal() + after) is None


@given(KEYS, KEYS)
def test_an_id_tells_keys_apart_and_shows_nothing_of_them(one: SecretBytes, other: SecretBytes) -> None:
    assert (key_id(one) == key_id(other)) == (one == other)
    assert key_id(one) not in one.reveal().hex()
    assert len(key_id(one)) == 16
