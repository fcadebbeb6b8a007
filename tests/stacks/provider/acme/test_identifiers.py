"""Domain names: accepted in their normal form, or refused each with its own reason."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.provider.acme.identifiers import domain, domains, identifier, told
from stacks.provider.acme.international import shown
from stacks.provider.properties import Refused

NORMAL = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


@pytest.mark.parametrize(
    ("given_name", "normal"),
    [
        ("Example.TEST.", "example.test"),
        ("*.example.test", "*.example.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.例え.example", "*.xn--r8jz45g.example"),
        ("BÜCHER.Example.", "xn--bcher-kva.example"),
        ("XN--Bcher-KVA.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45\u3002test", "example.test"),
        ("bücher.xn--r8jz45g.example", "xn--bcher-kva.xn--r8jz45g.example"),
        ("дом.example", "xn--d1aqf.example"),
        ("xn--pypal-4ve.example", "xn--pypal-4ve.example"),
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
        ("xn--ü.test", r"begins with xn-- and holds U\+00FC"),
        ("xn--zz--.test", "hyphens"),
        ("xn--.test", "no A-label"),
        ("xn--a.test", r"holds U\+0080, which IDNA 2008 does not allow"),
        ("😀.test", r"holds U\+1F600 \(GRINNING FACE\)"),
        ("xn--e28h.test", r"holds U\+1F600 \(GRINNING FACE\)"),
        ("a·b.test", r"holds U\+00B7 \(MIDDLE DOT\), which IDNA 2008 does not allow there"),
        ("a\u202eb.test", r"U\+202E"),
        ("\u0301a.test", "combining"),
        ("א1a.test", "mixes writing directions"),
        ("p\u0430ypal.test", "mixes Latin and Cyrillic letters, which look alike; write xn--pypal-4ve"),
        ("\u03b1b\u03b3.test", "mixes Latin and Greek"),
        ("ab--c.test", "third and fourth place"),
        ("ab--ü.test", "hyphens"),
        ("ü_.test", r"holds U\+005F"),
        (f"{'ü' * 60}.test", "more than 63"),
    ],
)
def test_a_name_that_can_not_be_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        domain(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("*.xn--bcher-kva.example", "*.bücher.example"),
        ("example.test", "example.test"),
        ("xn--pypal-4ve.example", "xn--pypal-4ve.example"),
        ("xn--e28h.test", "xn--e28h.test"),
        ("xn--.test", "xn--.test"),
    ],
)
def test_people_see_the_name_as_they_write_it_unless_it_would_deceive_them(name: str, text: str) -> None:
    """As browsers do; and what is no A-label is shown as it is."""
    assert shown(name) == text


def test_a_sentence_names_only_so_many_that_it_can_be_read() -> None:
    names = ["xn--bcher-kva.test", *(f"n{number}.test" for number in range(99))]
    assert told(names) == "bücher.test, n0.test, n1.test, n2.test, n3.test and 95 more"
    assert told(names[:2]) == "bücher.test, n0.test"


@given(st.text(max_size=30))
def test_what_is_shown_of_a_name_means_that_name(text: str) -> None:
    try:
        accepted = domain(text)
    except Refused:
        return
    assert domain(shown(accepted)) == accepted
    assert shown(accepted).isprintable()


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


def test_both_forms_of_an_international_name_are_one() -> None:
    with pytest.raises(Refused, match="same name"):
        domains(["bücher.test", "xn--bcher-kva.test"])


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
