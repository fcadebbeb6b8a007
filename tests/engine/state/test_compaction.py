"""Compaction: fewer entries mean the same, over any base, whatever came before or comes again."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.state.carrying import settled_by
from engine.state.compaction import compacted
from engine.state.replay import Entry, Kind, replay
from tests.engine.state.journals import NOW, Journal, journals, resource


def meaning(base: dict[str, Any] | None, entries: Sequence[Entry]) -> object:
    """The state, and what is known of operations that were pending before."""
    settled = settled_by(entries, (base or {}).get("resources") or ())
    return replay(base, entries, now=NOW, engine="v1"), settled


def entry(number: int, kind: Kind, step: int, **more: Any) -> dict[str, Any]:
    return {"version": 1, "kind": kind, "sequenceID": number, "operationID": step, **more}


def creating(name: str) -> dict[str, Any]:
    return {"operation": {"type": "creating", "resource": resource(name)}}


@given(journals())
def test_a_compacted_journal_means_what_it_meant(drawn: Journal) -> None:
    base, entries = drawn
    fewer = compacted(entries)
    assert meaning(base, fewer) == meaning(base, entries)
    assert {each["sequenceID"] for each in fewer} <= {each["sequenceID"] for each in entries}
    assert compacted(fewer) == fewer


@given(journals(), st.data())
def test_any_part_of_a_journal_may_be_compacted_at_any_time_and_batches_may_come_again(
    drawn: Journal, data: st.DataObject
) -> None:
    """As the service does it: batches come in turn, some a second time, and what came last is compacted."""
    base, entries = drawn
    kept: list[Sequence[Entry]] = []  # batches and packs
    sent: list[Sequence[Entry]] = []
    start = 0
    while start < len(entries):
        length = data.draw(st.integers(1, 5))
        sent.append(entries[start : start + length])
        start += length
        kept.append(sent[-1])
        if data.draw(st.booleans()):
            kept.append(data.draw(st.sampled_from(sent)))
        if data.draw(st.booleans()):
            first = data.draw(st.integers(0, len(kept) - 1))
            kept[first:] = [compacted(each for batch in kept[first:] for each in batch)]
    kept += data.draw(st.lists(st.sampled_from(sent), max_size=3)) if sent else []
    assert meaning(base, [each for batch in kept for each in batch]) == meaning(base, entries)


def begun(number: int, step: int, name: str) -> Entry:
    """What stays of a begin: that there was a step, and on what."""
    operation = {"type": "creating", "resource": {"urn": resource(name)["urn"]}}
    return entry(number, Kind.BEGIN, step, operation=operation)


def test_a_step_that_is_done_is_kept_once() -> None:
    done = entry(2, Kind.SUCCESS, 1, state=resource("a"))
    open_step = entry(3, Kind.BEGIN, 2, **creating("b"))
    entries = [entry(1, Kind.BEGIN, 1, **creating("a")), done, open_step]
    assert compacted(entries) == [begun(1, 1, "a"), done, open_step]


def test_a_step_that_changed_nothing_has_no_begin() -> None:
    done = entry(2, Kind.SUCCESS, 1, state=resource("a"), removeOld=0)
    assert compacted([entry(1, Kind.BEGIN, 1), done]) == [done]


def test_a_failure_stays_without_its_resource() -> None:
    begin = entry(1, Kind.BEGIN, 1, **creating("a"))
    fewer = compacted([begin, entry(2, Kind.FAILURE, 1, state=resource("a"))])
    assert fewer == [begun(1, 1, "a"), entry(2, Kind.FAILURE, 1)]
    assert meaning(None, [*fewer, begin]) == meaning(None, fewer)


def test_of_outputs_and_snapshots_the_last_stays() -> None:
    entries = [
        entry(1, Kind.WRITE, 0, newSnapshot={"resources": [resource("x")]}),
        entry(2, Kind.WRITE, 0, newSnapshot={"resources": [resource("y")]}),
        entry(3, Kind.SUCCESS, 1, state=resource("a")),
        entry(4, Kind.OUTPUTS, 2, state=resource("a", id="first"), removeNew=1),
        entry(5, Kind.OUTPUTS, 3, state=resource("a", id="second"), removeNew=1),
        entry(6, Kind.OUTPUTS, 4, state=resource("y", id="other"), removeOld=0),
    ]
    assert [each["sequenceID"] for each in compacted(entries)] == [2, 3, 5, 6]


def test_what_lies_across_a_rebuilt_base_stays() -> None:
    """Its indices, and what was begun, mean something else on the other side."""
    entries = [
        entry(1, Kind.BEGIN, 1, **creating("a")),
        entry(2, Kind.OUTPUTS, 2, state=resource("y", id="first"), removeOld=0),
        entry(3, Kind.REBUILT_BASE_STATE, 0),
        entry(4, Kind.FAILURE, 1),
        entry(5, Kind.OUTPUTS, 3, state=resource("z", id="second"), removeOld=0),
    ]
    assert compacted(entries) == entries


def test_that_a_string_is_no_text_is_still_said() -> None:
    begin = entry(1, Kind.BEGIN, 1, requiresByteString=True)
    entries = [begin, entry(2, Kind.SUCCESS, 1, state=resource("a"))]
    assert compacted(entries) == entries


@pytest.mark.soak
@pytest.mark.parametrize(
    "promise",
    [
        test_a_compacted_journal_means_what_it_meant,
        test_any_part_of_a_journal_may_be_compacted_at_any_time_and_batches_may_come_again,
    ],
)
def test_it_holds_for_many_journals(promise: Callable[[], None]) -> None:
    settings(max_examples=2000, deadline=None)(promise)()
