"""Promises of every resource type: check takes anything, and what it accepts it leaves alone the second
time.
"""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.provider.catalogue import RESOURCES
from stacks.provider.component.issued_certificate import IssuedCertificate
from stacks.provider.properties import Property, check
from stacks.provider.values import UNKNOWN

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
LIKELY = st.sampled_from(
    [
        "letsencrypt",
        "https://ca.test/dir",
        "a.test",
        "*.a.test",
        "/srv/tls",
        "0600",
        "rsa2048",
        "x@y.test",
        "::1",
    ]
)
DECLARED: dict[str, tuple[Property, ...]] = {
    **{token: each.inputs for token, each in RESOURCES.items()},
    IssuedCertificate.token: IssuedCertificate.inputs,
}


@pytest.mark.parametrize("token", DECLARED)
@given(data=st.data())
def test_anything_is_accepted_in_its_normal_form_or_refused_with_reasons(
    token: str, data: st.DataObject
) -> None:
    names = st.sampled_from([each.name for each in DECLARED[token]]) | st.text(
        "abcXYZ", min_size=1, max_size=5
    )
    values = ANYTHING | LIKELY | st.lists(LIKELY, max_size=3)
    inputs: dict[str, Any] = data.draw(st.dictionaries(names, values, max_size=8))
    first = check(DECLARED[token], inputs)
    for failure in first.failures:
        assert failure.reason
        assert re.split(r"[\[.]", failure.path)[0] in inputs or failure.reason.startswith("is required")
    refused = {re.split(r"[\[.]", failure.path)[0] for failure in first.failures}
    accepted = {name: value for name, value in first.inputs.items() if name not in refused}
    again = check(DECLARED[token], accepted)
    assert {name: again.inputs[name] for name in accepted} == accepted
    assert all(failure.reason.startswith("is required") for failure in again.failures)


@pytest.mark.parametrize("token", DECLARED)
def test_defaults_are_good_values(token: str) -> None:
    defaults = {each.name: each.default for each in DECLARED[token] if each.default is not None}
    checked = check(DECLARED[token], defaults)
    assert all(failure.reason.startswith("is required") for failure in checked.failures)
    assert checked.inputs == defaults
