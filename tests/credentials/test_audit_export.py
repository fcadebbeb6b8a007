"""An export verifies with the public key alone, and shows on which line it was changed (B10)."""

import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.audit import NOTHING_YET, Entry, Event, Head
from credentials.audit_chain import MOST_PROBLEMS
from credentials.audit_export import (
    LONGEST_LINE,
    ExportVerification,
    LineProblem,
    export,
    lines,
    public_key,
    verify_export,
)
from credentials.audit_lines import Header, entry_in, entry_line, moment
from tests.credentials.logs import BEGUN, KEY, VAULT, chained, events, head_of, opened

PUBLIC = public_key(KEY)
ANOTHER = bytes(32)
CHANGED = "it was changed: its content does not fit its hash and the hash before it"
NOT_OURS = "it is not a line that tic has written"


def exported(log: Sequence[Entry], *, after: Head = NOTHING_YET, key: bytes = KEY) -> list[bytes]:
    return list(export(iter(log), key, VAULT, after=after, made=BEGUN))


def verified(text: list[bytes] | bytes, key: bytes = PUBLIC) -> ExportVerification:
    return verify_export(lines(io.BytesIO(text if isinstance(text, bytes) else b"".join(text))), key)


def problems(text: list[bytes] | bytes) -> list[LineProblem]:
    return list(verified(text).problems)


@given(st.lists(events, max_size=5))
def test_an_export_that_nobody_touched_is_whole(happened: list[Event]) -> None:
    log = chained(happened)
    found = verified(exported(log))
    assert (found.problems, found.checked, found.further) == ((), len(log), 0)
    assert found.header is not None
    assert (found.header.vault_id, found.header.first, found.header.made) == (VAULT, 1, BEGUN)


def test_a_segment_is_whole_in_itself_and_says_where_it_begins() -> None:
    log = opened(9)
    found = verified(exported(log[4:], after=head_of(log[:4])))
    assert found.problems == ()
    assert found.header is not None
    assert (found.header.first, found.header.previous, found.checked) == (5, log[3].hash, 5)


def test_a_segment_can_be_empty() -> None:
    log = opened(2)
    found = verified(exported([], after=head_of(log)))
    assert (found.problems, found.checked) == ((), 0)


def test_a_segment_that_claims_to_be_everything_is_noticed() -> None:
    log = opened(9)
    text = exported(log[4:], after=Head(0, log[3].hash))
    assert problems(text)[0] == LineProblem(1, "it does not begin as the log of its vault does")


def test_the_lines_are_json_that_others_can_read() -> None:
    (log,) = chained([Event("credential.open", "done", name="刘", detail={"why": "b"})])
    assert entry_line(log).decode() == (
        '{"seq":1,"at":"2023-11-14T22:13:20.000000Z","actor":"someone","action":"credential.open",'
        '"outcome":"done","credential":null,"name":"刘","kind":null,"stack":null,"purpose":null,'
        f'"detail":{{"why":"b"}},"hash":"{log.hash.hex()}","mac":"{log.mac.hex()}"}}\n'
    )
    assert entry_in(entry_line(log)) == log


@given(events, st.integers(0, 253402300799999999))
def test_each_entry_has_one_line_and_each_line_one_entry(event: Event, at: int) -> None:
    (entry,) = chained([event])
    entry = Entry(entry.seq, at, entry.actor, entry.event, entry.hash, entry.mac)
    assert entry_in(entry_line(entry)) == entry
    assert entry_in(entry_line(entry).replace(b":", b": ", 1)) is None


@pytest.mark.parametrize(
    ("at", "text"),
    [(0, "1970-01-01T00:00:00.000000Z"), (253402300799999999, "9999-12-31T23:59:59.999999Z")],
)
def test_times_are_exact_to_the_microsecond(at: int, text: str) -> None:
    assert moment(at) == text


LOG = opened(5)
TEXT = exported(LOG)  # line 1 is the header, lines 2 to 6 are the entries, line 7 is the end


def _changed(number: int, old: bytes, new: bytes) -> list[bytes]:
    changed = TEXT[number - 1].replace(old, new)
    assert changed != TEXT[number - 1]
    return [*TEXT[: number - 1], changed, *TEXT[number:]]


TAMPERED: dict[str, tuple[list[bytes], list[LineProblem]]] = {
    "an entry changed": (
        _changed(4, b'"n2"', b'"n3"'),
        [LineProblem(4, f"entry 3: {CHANGED}")],
    ),
    "a line in other words": (
        _changed(4, b'"n2"', b'"\\u006e2"'),
        [LineProblem(4, f"{NOT_OURS}, so the entry after it can't be compared with it")],
    ),
    "a line removed": (
        [*TEXT[:3], *TEXT[4:]],
        [
            LineProblem(4, "entry 4: what comes before it is missing: 3"),
            LineProblem(6, "it counts 5 entries, and there are 4"),
        ],
    ),
    "the last entry removed": (
        [*TEXT[:5], *TEXT[6:]],
        [LineProblem(6, "it counts 5 entries, and there are 4")],
    ),
    "cut": (
        TEXT[:4],
        [LineProblem(5, "the end is missing: the count of the entries and the signature")],
    ),
    "cut in a line": (
        [*TEXT[:4], TEXT[4][:70]],
        [
            LineProblem(5, f"{NOT_OURS}, so the entry after it can't be compared with it"),
            LineProblem(6, "the end is missing: the count of the entries and the signature"),
        ],
    ),
    "two lines swapped": (
        [*TEXT[:2], TEXT[3], TEXT[2], *TEXT[4:]],
        [
            LineProblem(3, "entry 3: what comes before it is missing: 2"),
            LineProblem(4, "entry 2: it comes after entry 3: it is there twice, or was moved"),
        ],
    ),
    "a MAC changed, which only the vault's key can check": (
        _changed(4, LOG[2].mac.hex().encode(), b"00" * 32),
        [LineProblem(7, "the signature does not fit what is before it")],
    ),
    "something added": (
        [*TEXT, b"{}\n"],
        [LineProblem(8, "the export ended with the line before; this was added")],
    ),
    "another day": (
        _changed(1, b"2023-11-14", b"2024-11-14"),
        [LineProblem(7, "the signature does not fit what is before it")],
    ),
    "another vault": (
        _changed(1, VAULT.encode(), b"7" + VAULT[1:].encode()),
        [
            LineProblem(1, "it does not begin as the log of its vault does"),
            LineProblem(7, "the signature does not fit what is before it"),
        ],
    ),
    "no header": (TEXT[1:], [LineProblem(1, "it does not begin an export of an audit log (tic-audit-1)")]),
    "nothing": ([], [LineProblem(1, "it does not begin an export of an audit log (tic-audit-1)")]),
    "another last hash": (
        _changed(7, LOG[4].hash.hex().encode(), LOG[3].hash.hex().encode()),
        [LineProblem(7, "it names another last entry than the one before it")],
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_done_is_named_by_its_line(how: str) -> None:
    text, expected = TAMPERED[how]
    assert problems(text) == expected


def test_an_export_that_somebody_else_signed_is_noticed() -> None:
    text = exported(LOG, key=b"another key")
    other = public_key(b"another key").hex()
    assert problems(text) == [
        LineProblem(1, f"it says that it is signed with another key: {other}"),
        LineProblem(7, "the signature does not fit what is before it"),
    ]
    claiming = [text[0].replace(other.encode(), PUBLIC.hex().encode()), *text[1:]]
    assert problems(claiming) == [LineProblem(7, "the signature does not fit what is before it")]


def test_the_public_key_tells_nothing_of_the_audit_key_and_is_its_own() -> None:
    assert PUBLIC != KEY
    assert public_key(KEY) == PUBLIC != public_key(KEY[::-1])


@given(st.data())
def test_any_single_change_of_any_export_is_detected(data: st.DataObject) -> None:
    log = chained(data.draw(st.lists(events, max_size=4)))
    text = b"".join(exported(log))
    at = data.draw(st.integers(0, len(text) - 1))
    match data.draw(st.sampled_from(["flip", "insert", "remove", "cut", "line", "swap"])):
        case "flip":
            other = bytes([text[at] ^ (1 << data.draw(st.integers(0, 7)))])
            tampered = text[:at] + other + text[at + 1 :]
        case "insert":
            tampered = text[:at] + data.draw(st.binary(min_size=1, max_size=4)) + text[at:]
        case "remove":
            tampered = text[:at] + text[at + 1 + data.draw(st.integers(0, 9)) :]
        case "cut":
            tampered = text[:at]
        case "line":
            split = text.splitlines(keepends=True)
            del split[data.draw(st.integers(0, len(split) - 1))]
            tampered = b"".join(split)
        case _:
            split = text.splitlines(keepends=True)
            one, two = (data.draw(st.integers(0, len(split) - 1)) for _ in range(2))
            split[one], split[two] = split[two], split[one]
            tampered = b"".join(split)
    assert bool(verified(tampered).problems) == (tampered != text)


@given(st.lists(st.binary(max_size=80)))
def test_whatever_a_file_holds_it_is_only_found_wrong(garbage: list[bytes]) -> None:
    assert verified(b"\n".join(garbage)).problems
    assert verified(TEXT[0] + b"\n".join(garbage)).problems


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000 + b"\n",
        b'{"seq":' + b"9" * 10_000 + b"}\n",
        b'{"seq":NaN}\n',
        b'{"seq":1,"at":"2023-11-14T22:13:20.000000"}\n',
        b'{"count":1,"last":7,"signature":[]}\n',
        b'{"name":"\\ud800"}\n',
        b"\xff\xfe{\0}\0\n\0",
        b"null\n",
        b"\n",
        b"x" * (LONGEST_LINE + 10) + b"\n",
    ],
    ids=lambda line: repr(line[:20]),
)
def test_hostile_lines_are_wrong_lines(line: bytes) -> None:
    found = problems([TEXT[0], line, *TEXT[2:]])
    assert found[0].line == 2
    assert problems([line, *TEXT[1:]])[0].line == 1


def test_many_problems_are_counted_and_not_kept() -> None:
    found = verified([TEXT[0], *([b"x\n"] * (MOST_PROBLEMS + 50))])
    assert (len(found.problems), found.further, found.checked) == (MOST_PROBLEMS, 51, MOST_PROBLEMS + 50)


def test_a_header_of_another_format_is_none() -> None:
    assert Header.read(TEXT[0]) is not None
    assert Header.read(TEXT[0].replace(b"tic-audit-1", b"tic-audit-2")) is None
