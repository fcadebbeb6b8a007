"""URLs in fields that are no secret: a server's address, and nothing that is to be kept from others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import kinds
from credentials.kinds import Field, InvalidFields, fault_of

CANARY = "cAnArY-of-a-url"
NAMED = [(name, one) for name in kinds.names() for one in kinds.load(name).fields if one.url]
URL = Field("url", "URL", "somewhere", url=True)
LINE = Field("note", "Note", "somewhere")


def test_whatever_is_a_url_is_checked_as_one() -> None:
    unchecked = [
        f"{name}.{one.name}"
        for name in kinds.names()
        for one in kinds.load(name).fields
        if not one.url and (one.name.endswith(("url", "endpoint")) or "https://" in (one.pattern or ""))
    ]
    assert unchecked == []
    assert ("username-password", "url") in [(name, one.name) for name, one in NAMED]


@pytest.mark.parametrize(("name", "one"), NAMED, ids=lambda value: getattr(value, "name", value))
def test_no_url_of_the_catalogue_takes_a_password(name: str, one: Field) -> None:
    for userinfo in (f"me:{CANARY}@", f"{CANARY}@", f":{CANARY}@", "@"):
        with pytest.raises(InvalidFields) as refused:
            kinds.load(name).checked({one.name: f"https://{userinfo}example.test/path"})
        assert f"{one.name} must not have a user name or a password in it" in str(refused.value)
        assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        "https://example.test",
        "http://localhost:8081/api/v1/?a=b@c#d",
        "https://192.0.2.1:65535",
        "http://[2001:db8::1]:1/x",
        "https://example.test./@me",
    ],
)
def test_a_url_with_a_host_is_one(value: str) -> None:
    assert fault_of(URL, value) is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("example.test", "must be a URL that begins with"),
        ("ftp://example.test", "must be a URL that begins with"),
        ("javascript:alert(1)", "must be a URL that begins with"),
        ("https://example.test/a b", "without spaces"),
        ("https://good.test\\.bad.test", "backslashes"),
        ("https://", "must name a host"),
        ("https:///path", "must name a host"),
        ("https://:80", "must name a host"),
        ("http://[::1", "must name a host"),
        ("http://::1", "in brackets"),
        ("http://[::g]/", "must name a host"),
        ("https://example.test:0", "a port from 1 to 65535"),
        ("https://example.test:65536/", "a port from 1 to 65535"),
        ("https://example.test:x/", "a port from 1 to 65535"),
        ("https://example%2etest", "must name a host"),
        ("https://example.test/\u202egnp", "holds an invisible character (U+202E)"),
        ("https://example.test/\x1b", "holds a control character (U+001B)"),
    ],
)
def test_anything_else_is_refused_in_words(value: str, fault: str) -> None:
    assert fault in (fault_of(URL, value) or "")


@given(st.text(max_size=40), st.sampled_from(["https://", "http://", "", "https://["]))
def test_any_text_is_a_url_or_refused(text: str, scheme: str) -> None:
    fault = fault_of(URL, scheme + text)
    if fault is None:
        assert "@" not in text.partition("/")[0].partition("?")[0].partition("#")[0]


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\u2066", "\ufeff", "\u00ad", "\U000e0041"])
def test_what_is_shown_holds_nothing_invisible(character: str) -> None:
    assert fault_of(LINE, f"a{character}b") == f"holds an invisible character (U+{ord(character):04X})"
    assert fault_of(Field("key", "Key", "somewhere", secret=True), f"a{character}b") is None
    assert fault_of(Field("text", "Text", "somewhere", multiline=True), f"a{character}b") is None


def test_words_that_need_joiners_are_taken() -> None:
    assert fault_of(LINE, "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937") is None


def test_where_a_name_stands_for_a_url_either_is_taken() -> None:
    (endpoint,) = [one for name, one in NAMED if name == "ovh"]
    assert fault_of(endpoint, "ovh-ca") is None
    assert fault_of(endpoint, "https://eu.api.ovh.example/1.0") is None
    assert "user name" in (fault_of(endpoint, f"https://me:{CANARY}@eu.api.ovh.example") or "")
