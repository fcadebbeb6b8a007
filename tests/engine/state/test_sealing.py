"""What is secret in a state: sealed once, at its outermost, and opened whole."""

import orjson

from engine.state.sealing import SECRET, encrypter, hidden_value, opened_value, sealed_value
from engine.state.urns import SIGNATURE
from tests.engine.state.conftest import Wax


def test_a_secret_opens_to_the_value_that_was_sealed(sealing: Wax) -> None:
    value = {"list": [1, "two"], "text": "ü"}
    sealed = sealed_value(value, encrypter(sealing, 7))
    assert opened_value([sealed, "plain"], sealing, 7) == [value, "plain"]
    assert hidden_value([sealed, "plain"]) == ["[secret]", "plain"]


def test_what_is_secret_inside_a_secret_is_not_sealed_twice_and_opens(sealing: Wax) -> None:  # C2
    # The engine marks the inner one, and gives its JSON where a ciphertext stands elsewhere.
    innermost = {SIGNATURE: SECRET, "ciphertext": '"innermost"'}
    inner = {SIGNATURE: SECRET, "ciphertext": orjson.dumps({"deeper": innermost}).decode()}
    shown = {SIGNATURE: SECRET, "plaintext": '"shown"'}
    outer = sealed_value({"a": inner, "b": [shown]}, encrypter(sealing, 7))
    assert opened_value({"x": outer}, sealing, 7) == {"x": {"a": {"deeper": "innermost"}, "b": ["shown"]}}
