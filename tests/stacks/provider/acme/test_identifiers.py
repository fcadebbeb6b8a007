"""Domain names: accepted in their normal form, or refused each with its own reason."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.provider.acme.identifiers import domain, domains, identifier
from stacks.provider.properties import Refused

NORMAL = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


@pytest.mark.parametrize(
    ("given_name", "normal"),
    [
        ("Example.TEST.", "example.test"),
        ("*.example.test", "*.example.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.例え.example", "*.xn--r8jz45g.example"),
        (" example.test ", "example.test"),
        (f"{'a' * 63}.test", f"{'a' * 63}.test"),
    ],
)
def test_a_name_gets_its_normal_form(given_name: str, normal: str) -> None:
    """D5."""
    assert domain(given_name) == normal


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty label"),
        ("a..test", "empty label"),
        ("a.*.test", "one `\\*` only"),
        ("**.test", "one `\\*` only"),
        ("*", "one `\\*` only"),
        ("a_b.test", "holds '_'"),
        ("a b.test", "holds ' '"),
        ("-a.test", "hyphen"),
        ("a-.test", "hyphen"),
        (f"{'a' * 64}.test", "63"),
        (".".join(["a" * 49] * 6), "253"),
        ("192.0.2.1", "IP address"),
        ("xn--ü.test", "international"),
    ],
)
def test_a_name_that_can_not_be_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        domain(name)


@given(st.text(max_size=80) | st.from_regex(r"(\*\.)?[a-zA-Zü\-_.]{1,70}", fullmatch=True))
def test_any_text_is_accepted_in_its_normal_form_or_refused(text: str) -> None:
    try:
        accepted = domain(text)
    except Refused:
        return
    assert NORMAL.fullmatch(accepted)
    assert len(identifier(accepted)) <= 253
    assert domain(accepted) == accepted


def test_all_names_are_told_at_once_and_by_place() -> None:
    with pytest.raises(Refused) as refused:
        domains(["example.test", "a_b.test", "EXAMPLE.test.", "*.*.test"])
    assert [suffix for suffix, _ in refused.value.reasons] == ["[1]", "[2]", "[3]"]
    assert "same name as domains[0]" in refused.value.reasons[1][1]


def test_apex_and_wildcard_are_two_names_of_one_identifier() -> None:
    """D5."""
    assert domains(["example.test", "*.example.test"]) == ["example.test", "*.example.test"]
    assert identifier("*.example.test") == identifier("example.test")


def test_a_hundred_names_are_taken_and_one_more_is_not() -> None:
    """E1."""
    names = [f"n{number}.test" for number in range(101)]
    assert domains(names[:100]) == names[:100]
    with pytest.raises(Refused, match="at most 100"):
        domains(names)
    with pytest.raises(Refused, match="at least one"):
        domains([])
