"""What is renewed now, in which order and runs, and what waits for what (E1)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.certificates.kept import Standing
from engine.certificates.limits import ledger as limits
from engine.certificates.limits.ledger import Bucket, Slot
from engine.certificates.listing import Listed
from engine.certificates.planning import (
    CERTIFICATES_OF_A_RUN,
    NAMES_OF_A_RUN,
    SILENT_PAUSE,
    Plan,
    plan,
    request,
)
from stacks.provider.acme.fallback import opens_at
from tests.engine.certificates.certs import BEGIN, LETS_ENCRYPT, OTHER, listed

NOW = BEGIN + timedelta(days=70)
ISSUED_AT_ONCE = 5  # of one set of names, by Let's Encrypt
NOTHING: Mapping[Slot, Bucket] = {}


def planned(found: Plan) -> list[int]:
    return [one.id for turn in found.turns for one in turn.certificates]


def used_up(one: Listed, directory: str, now: datetime = NOW) -> dict[Slot, Bucket]:
    """A ledger with as many orders like this one as the CA takes."""
    ledger: dict[Slot, Bucket] = {}
    asked = request(one, directory)
    while limits.earliest(ledger, asked, now.timestamp()) is None:
        ledger.update(limits.ordered(ledger, asked, now.timestamp()))
        ledger.update(limits.issued(ledger, asked, now.timestamp()))
    return ledger


def test_the_nearest_end_goes_first_through_all_stacks() -> None:
    due = [
        listed(1, stack=1, days=90),
        listed(2, stack=2, days=80),
        listed(3, stack=1, days=75),
        listed(4, stack=3, days=78),
    ]
    found = plan(due, NOTHING, (), NOW)
    assert [turn.stack_id for turn in found.turns] == [1, 3, 2]
    assert [[one.id for one in turn.certificates] for turn in found.turns] == [[3, 1], [4], [2]]
    assert found.waiting == ()


def test_a_stack_with_thousands_has_runs_of_a_hundred_and_others_come_in_between() -> None:
    """A run's targets are words of a command line, which has an end."""
    many = [listed(number, stack=1, days=80 + number / 1000) for number in range(250)]
    few = [listed(1000 + number, stack=2, days=80.15) for number in range(3)]
    found = plan([*many, *few], NOTHING, (), NOW)
    assert [(turn.stack_id, len(turn.certificates)) for turn in found.turns] == [
        (1, CERTIFICATES_OF_A_RUN),
        (1, CERTIFICATES_OF_A_RUN),
        (2, 3),
        (1, 50),
    ]


def test_certificates_of_many_names_make_shorter_runs() -> None:
    names = tuple(f"n{number}.example" for number in range(100))
    found = plan([listed(number, names=names) for number in range(12)], NOTHING, (), NOW)
    assert [turn.names for turn in found.turns] == [NAMES_OF_A_RUN, NAMES_OF_A_RUN, 200]


def test_what_a_limit_leaves_goes_to_the_nearest_end_and_the_rest_is_told_when() -> None:
    """Six orders of one set of names, and Let's Encrypt issues five in a week."""
    names = ("a.shop.example",)
    due = [
        listed(number, stack=number, days=90 - number, names=names, directory=LETS_ENCRYPT)
        for number in range(7)
    ]
    found = plan(due, NOTHING, (), NOW)
    assert planned(found) == [6, 5, 4, 3, 2]
    assert [each.certificate.id for each in found.waiting] == [1, 0]
    assert all("exact set of names" in each.why for each in found.waiting)
    assert all(each.until > NOW for each in found.waiting)


def test_what_the_ca_is_told_that_it_replaces_waits_for_no_limit() -> None:
    """RFC 9773 5, and Let's Encrypt's own words."""
    due = [
        listed(number, names=("a.shop.example",), directory=LETS_ENCRYPT, renewal_info=True)
        for number in range(20)
    ]
    assert len(planned(plan(due, NOTHING, (), NOW))) == 20


def test_what_is_planned_leaves_the_ledger_as_it_was() -> None:
    one = listed(1, directory=LETS_ENCRYPT)
    ledger: dict[Slot, Bucket] = {}
    plan([one], ledger, (), NOW)
    assert ledger == {}


def test_a_ca_that_does_not_answer_is_not_tried_and_fails_nothing() -> None:
    here, gone = listed(1), listed(2, directory=LETS_ENCRYPT)
    found = plan([here, gone], NOTHING, {LETS_ENCRYPT}, NOW)
    assert planned(found) == [1]
    (waiting,) = found.waiting
    assert (waiting.certificate, waiting.until) == (gone, NOW + SILENT_PAUSE)
    assert waiting.why == "Let's Encrypt does not answer"
    assert not waiting.is_late


def test_near_the_end_the_next_ca_takes_the_place_of_one_that_does_not_answer() -> None:
    """Of 90 days, in the last 15."""
    one = listed(1, directories=(OTHER, LETS_ENCRYPT))
    early = plan([one], NOTHING, {OTHER}, NOW)
    assert planned(early) == []
    late = plan([one], NOTHING, {OTHER}, BEGIN + timedelta(days=75))
    assert planned(late) == [1]


def test_it_is_looked_at_again_when_the_next_ca_may_be_asked() -> None:
    one = listed(1, directories=(OTHER, LETS_ENCRYPT))
    now = BEGIN + timedelta(days=74, hours=23, minutes=50)
    (waiting,) = plan([one], NOTHING, {OTHER}, now).waiting
    assert waiting.until == BEGIN + timedelta(days=75)


def test_the_next_ca_takes_the_place_of_one_whose_limit_is_used_up_and_keeps_its_own() -> None:
    one = listed(1, directory=LETS_ENCRYPT, directories=(LETS_ENCRYPT, OTHER))
    late = BEGIN + timedelta(days=80)
    full = used_up(one, LETS_ENCRYPT, late)
    assert planned(plan([one], full, (), late)) == [1]
    (waiting,) = plan([one], full, {OTHER}, late).waiting
    assert waiting.until == late + SILENT_PAUSE
    assert waiting.is_late


def test_one_that_is_only_to_be_deployed_needs_no_ca_and_no_limit() -> None:
    standing = Standing(failures=1, tried_at=BEGIN, retry_at=BEGIN, problem="no", wanted_epoch=1)
    one = listed(1, standing=standing)
    assert planned(plan([one], NOTHING, {OTHER}, BEGIN + timedelta(days=1))) == [1]
    by_now_due_once_more = plan([one], NOTHING, {OTHER}, NOW)
    assert planned(by_now_due_once_more) == []


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(71, 100), st.sampled_from("abc"), st.booleans()), max_size=60
    ),
    st.sets(st.sampled_from([LETS_ENCRYPT, OTHER])),
)
def test_each_is_in_one_run_or_waits_and_no_limit_is_breached(
    drawn: list[tuple[int, int, str, bool]], silent: set[str]
) -> None:
    due = [
        listed(
            number,
            stack=stack,
            days=days,
            names=(f"{name}.shop.example",),
            directory=LETS_ENCRYPT if known else OTHER,
            directories=(LETS_ENCRYPT, OTHER) if known else (),
        )
        for number, (stack, days, name, known) in enumerate(drawn)
    ]
    found = plan(due, NOTHING, silent, NOW)
    assert sorted([*planned(found), *(each.certificate.id for each in found.waiting)]) == [*range(len(due))]
    assert all(each.until > NOW for each in found.waiting)
    bound = [one for turn in found.turns for one in turn.certificates if opens_at(one.kept.held) > NOW]
    for name in "abc":
        ordered = [one for one in bound if one.kept.directories and one.kept.names[0].startswith(name)]
        assert len(ordered) <= ISSUED_AT_ONCE
    for turn in found.turns:
        assert {one.stack_id for one in turn.certificates} == {turn.stack_id}


def test_a_moment_is_in_universal_time() -> None:
    names = ("a.shop.example",)
    due = [listed(number, names=names, directory=LETS_ENCRYPT) for number in range(6)]
    (waiting,) = plan(due, NOTHING, (), NOW).waiting
    assert waiting.until.tzinfo is UTC
