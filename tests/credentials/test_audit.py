"""What an entry of the audit log is: what it holds, its one form, what ties it to the one before (B10)."""

import hashlib
from dataclasses import fields, replace

import pytest
from hypothesis import given

from credentials.audit import (
    LONGEST,
    NOTHING_YET,
    Entry,
    Event,
    Head,
    Unreadable,
    canonical,
    entry_of,
    genesis,
    hash_of,
    next_entry,
    noted,
)
from credentials.secret import SecretBytes
from tests.credentials.logs import BEGUN, KEY, VAULT, chained, events

EVENT = Event("credential.open", "done", credential="tic_a", stack="shop/prod", detail={"b": "2", "a": "é"})


def test_the_form_of_an_entry_never_changes() -> None:
    """Logs of years ago must verify: a change here is a new format, not a new constant in this test."""
    entry = next_entry(NOTHING_YET, KEY, VAULT, EVENT, actor="someone", at=BEGUN)
    assert canonical(entry) == b"".join(
        (
            b"\0\0\0\0\0\0\0\1",
            b"\0\6\x0a\x24\x18\x1e\x40\0",
            b"\1\0\0\0\7someone",
            b"\1\0\0\0\x0fcredential.open",
            b"\1\0\0\0\4done",
            b"\1\0\0\0\5tic_a",
            b"\0",
            b"\0",
            b"\1\0\0\0\x09shop/prod",
            b"\0",
            b"\0\0\0\2",
            b"\1\0\0\0\1a\1\0\0\0\2\xc3\xa9",
            b"\1\0\0\0\1b\1\0\0\0\0012",
        )
    )
    assert entry.hash.hex() == "e649dd03fcc608537a13aa8a535f4a6d02086e3f2627d4e1c7b8233e18db7ac1"
    assert entry.mac.hex() == "b43c72fd2875279b8e7e2adddd4d2e819331a1d62353f164561d52bb9e3d2df3"


def test_the_chain_is_what_anybody_can_compute_with_blake2b() -> None:
    first, second = chained([EVENT, EVENT])
    begin = b"\1\0\0\0\x0btic-audit-1" + b"\1\0\0\0\x20" + VAULT.encode()
    assert genesis(VAULT) == hashlib.blake2b(begin, digest_size=32).digest()
    assert first.hash == hashlib.blake2b(genesis(VAULT) + canonical(first), digest_size=32).digest()
    assert second.hash == hashlib.blake2b(first.hash + canonical(second), digest_size=32).digest()
    keyed = hashlib.blake2b(second.hash, digest_size=32, key=KEY, person=b"tic-audit-mac")
    assert second.mac == keyed.digest()


def test_a_vaults_first_entry_fits_no_other_vault() -> None:
    (here,), (there,) = chained([EVENT]), chained([EVENT], vault_id="another")
    assert here.hash != there.hash


def test_what_happened_is_told_apart_by_where_it_says_it() -> None:
    """Lengths come first, so text can't move from one place to the next."""
    forms = {
        canonical(Entry(1, BEGUN, actor, Event("a", "done", **about), b"", b""))
        for actor, about in (
            ("x", {}),
            ("x", {"name": ""}),
            ("x", {"credential": "", "kind": None}),
            ("x", {"name": "y"}),
            ("xy", {}),
            ("x", {"detail": {"": "y"}}),
            ("x", {"detail": {"y": ""}}),
            ("x", {"purpose": "y"}),
        )
    }
    assert len(forms) == 8


@given(events, events)
def test_two_events_have_one_form_only_if_they_are_one(one: Event, other: Event) -> None:
    def form(event: Event) -> bytes:
        return canonical(Entry(1, BEGUN, "someone", event, b"", b""))

    assert (form(one) == form(other)) == (one == other)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("刘的 key", "刘的 key"),
        ("two\nlines\t\x1b[31m", "two\\u{a}lines\\u{9}\\u{1b}[31m"),
        ("right\u202eleft", "right\\u{202e}left"),
        ("half \ud800", "half \\u{d800}"),
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * (LONGEST + 1), "x" * (LONGEST - 1) + "…"),
        ("\0" * 10**6, ("\\u{0}" * LONGEST)[: LONGEST - 1] + "…"),
    ],
)
def test_a_text_is_one_line_of_bounded_length_that_steers_no_terminal(given: str, kept: str) -> None:
    assert noted(given) == kept


def test_every_text_of_an_entry_is_kept_so() -> None:
    bad = "a\nb" + "c" * 1000
    event = Event(bad, "refused", bad, bad, bad, bad, bad, {bad: bad})
    entry = next_entry(NOTHING_YET, KEY, VAULT, event, actor=bad, at=BEGUN)
    texts = {getattr(entry.event, one.name) for one in fields(Event) if one.name not in ("outcome", "detail")}
    assert {*texts, *entry.event.detail, *entry.event.detail.values(), entry.actor} == {noted(bad)}


def test_a_secret_is_no_text() -> None:
    secret = SecretBytes(b"cAnArY")
    with pytest.raises((TypeError, AttributeError)) as refused:
        next_entry(NOTHING_YET, KEY, VAULT, Event("a", "done", name=secret), actor="x", at=1)  # type: ignore[arg-type]
    assert "cAnArY" not in str(refused.value)


ROW = {
    "seq": 1,
    "at": BEGUN,
    "actor": "someone",
    "action": "credential.open",
    "outcome": "done",
    "credential": None,
    "name": None,
    "kind": None,
    "stack": None,
    "purpose": None,
    "detail": {},
    "hash": b"h" * 32,
    "mac": b"m" * 32,
}
ANYTHING = (
    None,
    0,
    -1,
    2**70,
    1.5,
    True,
    "",
    "text",
    "\udcff",
    b"bytes",
    b"h" * 31,
    ["list"],
    {"a": 1},
    {1: "a"},
)
FITTING: dict[str, tuple[object, ...]] = {
    "at": (0,),
    **dict.fromkeys(("actor", "action"), ("", "text")),
    **dict.fromkeys(("credential", "name", "kind", "stack", "purpose"), (None, "", "text")),
}


@pytest.mark.parametrize("column", ROW)
@pytest.mark.parametrize("value", ANYTHING, ids=repr)
def test_any_value_in_any_column_is_an_entry_or_unreadable(column: str, value: object) -> None:
    entry = entry_of({**ROW, column: value})
    if any(type(value) is type(one) and value == one for one in FITTING.get(column, ())):
        assert isinstance(entry, Entry)
        assert canonical(entry) != canonical(replace(entry, seq=2))
    else:
        assert isinstance(entry, Unreadable)
        assert entry.what == f"its {column} is not what tic puts there"


def test_the_next_entry_follows_the_one_before() -> None:
    first, second = chained([EVENT, replace(EVENT, outcome="refused")])
    assert (first.seq, second.seq) == (1, 2)
    assert second.hash == hash_of(first.hash, second)
    assert next_entry(Head(2, second.hash), KEY, VAULT, EVENT, actor="x", at=BEGUN).seq == 3
