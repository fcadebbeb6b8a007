"""Whatever is done to a log by whoever lacks its key is noticed, and named where it was done (B10)."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.audit import NOTHING_YET, Entry, Event, Head, Unreadable, hash_of, next_entry
from credentials.audit_chain import MOST_PROBLEMS, Problem, Verification, verify
from tests.credentials.logs import BEGUN, KEY, VAULT, chained, events, head_of, opened

CHANGED = "it was changed: its content does not fit its hash and the hash before it"
FORGED = "it was not written by this vault: its MAC is wrong"


def verified(log: Sequence[Entry | Unreadable], head: Head | None) -> Verification:
    return verify(iter(log), KEY, VAULT, head)


def rewritten(log: Sequence[Entry], key: bytes) -> list[Entry]:
    """The log as somebody with another key would chain it anew."""
    anew: list[Entry] = []
    for entry in log:
        head = head_of(anew)
        anew.append(next_entry(head, key, VAULT, entry.event, actor=entry.actor, at=entry.at))
    return anew


@given(st.lists(events, max_size=6))
def test_a_log_that_nobody_touched_is_whole(happened: list[Event]) -> None:
    log = chained(happened)
    assert verified(log, head_of(log)) == Verification(len(log), ())
    assert verify(log, None, VAULT, None) == Verification(len(log), ())


def _swapped(log: list[Entry]) -> list[Entry]:
    return [*log[:3], log[4], log[3], *log[5:]]


def _renumbered(log: list[Entry]) -> list[Entry]:
    return [*log[:3], replace(log[4], seq=4), replace(log[3], seq=5), *log[5:]]


def _inserted(log: list[Entry]) -> list[Entry]:
    forged = next_entry(head_of(log[:4]), b"another key", VAULT, log[0].event, actor="x", at=1)
    return [*log[:4], forged, *[replace(one, seq=one.seq + 1) for one in log[4:]]]


TAMPERED: dict[str, tuple[Callable[[list[Entry]], Sequence[Entry | Unreadable]], list[Problem]]] = {
    "changed": (
        lambda log: [*log[:4], replace(log[4], actor="another"), *log[5:]],
        [Problem(5, CHANGED)],
    ),
    "changed, with its hash": (
        lambda log: [*log[:4], *rewritten(log[:5], b"another key")[4:], *log[5:]],
        [Problem(5, FORGED)],
    ),
    "removed": (lambda log: [*log[:4], *log[5:]], [Problem(6, "what comes before it is missing: 5")]),
    "several removed": (
        lambda log: [*log[:4], *log[7:]],
        [Problem(8, "what comes before it is missing: 5 to 7")],
    ),
    "the first removed": (lambda log: log[1:], [Problem(2, "what comes before it is missing: 1")]),
    "the last removed": (lambda log: log[:-1], [Problem(9, "the end of the log is missing: 9")]),
    "cut": (lambda log: log[:4], [Problem(5, "the end of the log is missing: 5 to 9")]),
    "emptied": (lambda _: [], [Problem(1, "the end of the log is missing: 1 to 9")]),
    "swapped": (
        _swapped,
        [
            Problem(5, "what comes before it is missing: 4"),
            Problem(4, "it comes after entry 5: it is there twice, or was moved"),
        ],
    ),
    "swapped and renumbered": (_renumbered, [Problem(4, CHANGED), Problem(5, CHANGED), Problem(6, CHANGED)]),
    "there twice": (
        lambda log: [*log[:5], log[4], *log[5:]],
        [Problem(5, "it comes after entry 5: it is there twice, or was moved")],
    ),
    "inserted": (
        _inserted,
        [
            Problem(5, FORGED),
            *(Problem(seq, CHANGED) for seq in range(6, 11)),
            Problem(10, "the log ended with entry 9; what follows was added"),
        ],
    ),
    "appended": (
        lambda log: [*log, next_entry(head_of(log), b"another key", VAULT, log[0].event, actor="x", at=1)],
        [Problem(10, FORGED), Problem(10, "the log ended with entry 9; what follows was added")],
    ),
    "unreadable": (
        lambda log: [*log[:4], Unreadable(5, "its at is not what tic puts there"), *log[5:]],
        [
            Problem(
                5,
                "its at is not what tic puts there, so the entry after it can't be compared with it",
            )
        ],
    ),
    "written anew by somebody else": (
        lambda log: rewritten(log, b"another key"),
        [*(Problem(seq, FORGED) for seq in range(1, 10))],
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_done_is_named_where_it_was_done(how: str) -> None:
    log = opened(9)
    tamper, problems = TAMPERED[how]
    assert list(verified(tamper(log), head_of(log)).problems) == problems


def test_another_end_than_the_sealed_one_is_noticed() -> None:
    """Whoever has an old audit key, but not the vault's, can write a whole log; it is not the sealed one."""
    log = opened(3)
    other = chained([Event("credential.delete", "done")] * 3)
    sealed = "it is not the entry that the vault has sealed as the last one"
    assert verified(other, head_of(log)).problems == (Problem(3, sealed),)


def test_the_log_of_another_vault_does_not_fit() -> None:
    log = chained([Event("credential.open", "done")] * 2, vault_id="another")
    assert verified(log, head_of(log)).problems == (Problem(1, CHANGED),)


def test_without_the_key_order_and_completeness_still_show() -> None:
    log = opened(9)
    assert verify([*log[:4], *log[5:]], None, VAULT, None).problems == (
        Problem(6, "what comes before it is missing: 5"),
    )
    assert verify(rewritten(log, b"another key"), None, VAULT, None).problems == ()


def test_many_problems_are_counted_and_not_kept() -> None:
    log = rewritten(opened(MOST_PROBLEMS + 50), b"another key")
    found = verified(log, head_of(log))
    assert (found.checked, len(found.problems), found.further) == (MOST_PROBLEMS + 50, MOST_PROBLEMS, 50)


def test_an_empty_log_has_an_end_too() -> None:
    assert verified([], NOTHING_YET) == Verification(0, ())
    assert len(verified(opened(1), NOTHING_YET).problems) == 1


@st.composite
def _tampered(draw: st.DrawFn) -> tuple[list[Entry], list[Entry]]:
    """A log, and the same log after one change of any kind that needs no key."""
    log = chained(draw(st.lists(events, min_size=1, max_size=6)))
    at = draw(st.integers(0, len(log) - 1))
    to = draw(st.integers(0, len(log) - 1))
    entry = log[at]
    match draw(st.sampled_from(["place", "event", "remove", "cut", "repeat", "swap", "insert"])):
        case "place":
            name, value = draw(
                st.one_of(
                    st.tuples(st.sampled_from(["seq", "at"]), st.integers(1, 2**60)),
                    st.tuples(st.just("actor"), st.text(max_size=5)),
                    st.tuples(st.sampled_from(["hash", "mac"]), st.binary(min_size=32, max_size=32)),
                )
            )
            changed = replace(entry, **{name: value})  # type: ignore[arg-type]
            return log, [*log[:at], changed, *log[at + 1 :]]
        case "event":
            other = draw(events)
            name = draw(st.sampled_from([one.name for one in fields(Event)]))
            event = replace(entry.event, **{name: getattr(other, name)})
            changed = replace(entry, event=event)
            if draw(st.booleans()):  # with a hash that fits
                before = (
                    log[at - 1].hash
                    if at
                    else next_entry(NOTHING_YET, KEY, VAULT, event, actor="", at=0).hash
                )
                changed = replace(changed, hash=hash_of(before, changed))
            return log, [*log[:at], changed, *log[at + 1 :]]
        case "remove":
            return log, [*log[:at], *log[at + 1 :]]
        case "cut":
            return log, log[:at]
        case "repeat":
            return log, [*log[:to], entry, *log[to:]]
        case "swap":
            moved = list(log)
            moved[at], moved[to] = moved[to], moved[at]
            return log, moved
        case _:
            forged = next_entry(head_of(log[:at]), b"guessed", VAULT, draw(events), actor="x", at=BEGUN)
            return log, [*log[:at], forged, *log[at:]]


@given(_tampered())
def test_any_single_change_of_any_log_is_detected(logs: tuple[list[Entry], list[Entry]]) -> None:
    log, tampered = logs
    found = verified(tampered, head_of(log))
    assert bool(found.problems) == (tampered != log)
