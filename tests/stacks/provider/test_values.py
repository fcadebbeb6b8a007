"""Pulumi's values and plain Python: nothing is lost on the way, and secrets stay secrets."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT

from stacks.provider.values import UNKNOWN, is_unknown, plain, secret_names, wrapped

NAMES = st.text("abcXYZ._", min_size=1, max_size=8)
LEAVES = st.one_of(
    st.text(max_size=8), st.booleans(), st.integers(-(2**50), 2**50), st.floats(-10, 10), st.just(UNKNOWN)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def over_the_wire(values: dict[str, PropertyValue]) -> dict[str, PropertyValue]:
    sent = PropertyValue.marshal_map(values)
    return PropertyValue.unmarshal_map(type(sent).FromString(sent.SerializeToString()))


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.sets(NAMES))
def test_values_arrive_as_they_were_sent_and_secrets_arrive_as_secrets(
    values: dict[str, Any], secrets: set[str]
) -> None:
    arrived = over_the_wire(wrapped(values, secrets))
    assert plain(arrived) == values
    assert secret_names(arrived) == secrets & set(values)


def test_none_is_left_out() -> None:
    assert plain(wrapped({"a": None, "b": {"c": None, "d": 1}}, ())) == {"b": {"d": 1}}


def test_whole_numbers_come_back_as_int() -> None:
    value = plain(over_the_wire(wrapped({"epoch": 3}, ())))["epoch"]
    assert value == 3
    assert isinstance(value, int)


def test_an_unknown_value_is_found_at_any_depth() -> None:
    assert is_unknown(plain({"a": PropertyValue([PropertyValue({"b": PropertyValue(UNKNOWN_TEXT)})])}))
    assert not is_unknown({"a": [1, {"b": "known"}]})
