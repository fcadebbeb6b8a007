"""When a record counts as published: the verdict, and the wait against servers that lag, split or fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

import dns.rcode
import pytest
from dns.message import Message
from hypothesis import given
from hypothesis import strategies as st

from stacks.dns.asking import Answer, Heard, Server
from stacks.dns.asking import given as given_server
from stacks.dns.propagation import (
    CONFIRMATIONS,
    NotPublished,
    Presence,
    Standing,
    Verdict,
    WaitStopped,
    equally_doubted,
    judge,
    presence,
    present,
    wait,
    wait_gone,
)
from stacks.dns.zones import Place
from tests.stacks.dns.answering import Answering, Query, answering, no_such_name, response, truncated, txt

NAME = "_acme-challenge.example.test"
VALUE = "the-value"
HAS = Answer(Heard.ANSWER, frozenset({VALUE, "another"}))
LACKS = Answer(Heard.ANSWER, detail="it says: no such name")
OTHER = Answer(Heard.ANSWER, frozenset({"another"}))
FAULT = Answer(Heard.FAULT, detail="it answers REFUSED")
SILENT = Answer(Heard.SILENCE, detail="it does not answer")
NO_ROUTE = Answer(Heard.NO_ROUTE, detail="this machine has no route to it")

NS1, NS2 = Server("ns1.test", "192.0.2.1"), Server("ns2.test", "192.0.2.2")
NS1_6, NS2_6 = Server("ns1.test", "2001:db8::1"), Server("ns2.test", "2001:db8::2")


def heard(*answers: Answer) -> Standing:
    return Standing().after(answers, VALUE)


AGREES = heard(*[HAS] * CONFIRMATIONS)


@dataclass
class Clock:
    """Time that passes only while something waits."""

    now: float = 0.0
    waits: int = 0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> bool:
        self.now += seconds
        self.waits += 1
        return False


def place(*servers: Answering) -> Place:
    return Place(
        NAME, "example.test", tuple(Server(f"ns{n}", each.host, each.port) for n, each in enumerate(servers))
    )


# What the verdict is


def test_ready_when_every_address_of_every_server_agrees() -> None:  # D1
    assert judge({NS1: AGREES, NS1_6: AGREES, NS2: AGREES}) == Verdict(ready=True)


@pytest.mark.parametrize("answer", [LACKS, OTHER, FAULT, SILENT, NO_ROUTE])
def test_one_server_without_the_value_is_enough_to_wait_and_is_named(answer: Answer) -> None:
    verdict = judge({NS1: AGREES, NS2: heard(answer)})
    assert not verdict.ready
    assert [server for server, _ in verdict.missing] == [NS2]
    assert "ns2.test (192.0.2.2:53)" in str(verdict)


def test_an_ipv6_address_without_a_route_from_here_is_excused_by_ipv4_of_the_same_server() -> None:
    assert judge({NS1: AGREES, NS1_6: heard(NO_ROUTE)}).ready
    assert not judge({NS1: AGREES, NS2_6: heard(NO_ROUTE)}).ready


def test_silent_ipv6_is_excused_only_while_no_ipv6_answers_at_all() -> None:
    assert judge({NS1: AGREES, NS1_6: heard(SILENT), NS2: AGREES, NS2_6: heard(SILENT)}).ready
    assert not judge({NS1: AGREES, NS1_6: heard(SILENT), NS2: AGREES, NS2_6: AGREES}).ready
    assert not judge({NS1: heard(SILENT), NS1_6: AGREES}).ready


def test_an_address_that_goes_back_on_what_it_said_must_say_it_more_often() -> None:
    changed = AGREES.after([LACKS], VALUE)
    assert not judge({NS1: changed.after([HAS] * CONFIRMATIONS, VALUE)}).ready
    assert judge({NS1: changed.after([HAS] * CONFIRMATIONS * 2, VALUE)}).ready


def test_once_one_goes_back_on_it_all_of_the_zone_must_say_it_more_often() -> None:
    changed = equally_doubted({NS1: AGREES, NS2: AGREES.after([LACKS], VALUE)})
    assert changed[NS1].needed == changed[NS2].needed == 2 * CONFIRMATIONS
    assert not judge(changed).ready


def test_silence_says_nothing_either_way() -> None:
    assert heard(*[HAS] * (CONFIRMATIONS - 1), SILENT, HAS).agrees
    assert not heard(*[HAS] * (CONFIRMATIONS - 1), SILENT, SILENT).agrees


def test_nobody_to_ask_is_not_ready() -> None:
    assert not judge({}).ready


answers = st.lists(st.sampled_from([HAS, LACKS, OTHER, FAULT, SILENT, NO_ROUTE]), max_size=CONFIRMATIONS * 4)
boards = st.dictionaries(st.sampled_from([NS1, NS1_6, NS2, NS2_6]), answers.map(lambda each: heard(*each)))


@given(boards)
def test_ready_means_that_each_server_was_believed_and_no_address_lacked_it_last(
    board: Mapping[Server, Standing],
) -> None:
    verdict = judge(board)
    if verdict.ready:
        names = {server.name for server in board}
        assert {server.name for server, standing in board.items() if standing.agrees} == names
        for standing in board.values():
            assert standing.agrees or (
                standing.last and standing.last.heard in {Heard.NO_ROUTE, Heard.SILENCE}
            )
    else:
        assert verdict.missing or not board


@given(boards)
def test_the_order_of_the_servers_decides_nothing(board: dict[Server, Standing]) -> None:
    turned = dict(reversed(board.items()))
    assert judge(turned).ready == judge(board).ready
    assert set(judge(turned).missing) == set(judge(board).missing)


@given(boards)
def test_a_server_that_agrees_never_makes_a_verdict_worse(board: dict[Server, Standing]) -> None:
    more = {**board, Server("ns3.test", "192.0.2.3"): AGREES}
    assert judge(more).ready or not judge(board).ready


@given(answers, answers)
def test_it_is_the_same_whether_answers_come_together_or_apart(one: list[Answer], two: list[Answer]) -> None:
    assert heard(*one).after(two, VALUE) == heard(*one, *two)


@given(
    st.dictionaries(st.sampled_from([NS1, NS1_6, NS2, NS2_6]), st.sampled_from([HAS, LACKS, FAULT, SILENT]))
)
def test_a_value_is_absent_only_where_every_server_said_so(board: dict[Server, Answer]) -> None:
    verdict = present(board, VALUE)
    assert (verdict is Presence.SEEN) == (HAS in board.values())
    if verdict is Presence.ABSENT:
        assert {s.name for s, answer in board.items() if answer is LACKS} == {s.name for s in board}


# The wait, against servers that answer for real


def test_a_record_that_is_there_is_seen_without_any_wait() -> None:
    clock = Clock()
    with answering(lambda query: txt(query, "another", VALUE)) as server:
        wait(place(server), VALUE, seconds=60, stopped=clock.pause, clock=clock)
    assert clock.waits == 0
    assert len(server.asked) == CONFIRMATIONS
    assert {str(query) for query in server.asked} == {f"{NAME} TXT"}


def test_a_lagging_server_is_waited_for_and_the_quick_one_asked_once_more_at_the_end() -> None:  # D1
    clock, asked = Clock(), count()

    def lagging(query: Query) -> Message:
        return no_such_name(query) if next(asked) < 7 else txt(query, VALUE)

    seen: list[str] = []
    with answering(lambda query: txt(query, VALUE)) as quick, answering(lagging) as late:
        wait(
            place(quick, late),
            VALUE,
            seconds=60,
            stopped=clock.pause,
            clock=clock,
            progress=lambda verdict: seen.append(str(verdict)),
        )
    assert clock.waits == 8
    assert len(quick.asked) == 2 * CONFIRMATIONS
    assert not seen  # nobody wonders yet


def test_who_goes_back_on_the_value_while_others_lag_is_waited_for_again() -> None:  # D1
    """As when a server loads an older copy of the zone: it had the value when it was first asked."""
    clock = Clock()

    def forgetful(query: Query) -> Message:
        return no_such_name(query) if 0.2 <= clock.now < 5.0 else txt(query, VALUE)

    def late(query: Query) -> Message:
        return no_such_name(query) if clock.now < 3.0 else txt(query, VALUE)

    seen: list[str] = []
    with answering(forgetful) as first, answering(late) as second:
        wait(
            place(first, second),
            VALUE,
            seconds=60,
            stopped=clock.pause,
            clock=clock,
            progress=lambda verdict: seen.append(str(verdict)),
        )
    assert clock.now >= 5.0
    assert seen[0] == f"ns1 ({second.address}): it says: no such name"
    assert seen[-1].startswith(f"ns0 ({first.address}): ")


def test_a_question_that_is_lost_is_asked_again_and_counts_for_nothing() -> None:
    clock, met = Clock(), set[int]()

    def losing(query: Query) -> Message | None:
        again = query.message.id in met
        met.add(query.message.id)
        return txt(query, VALUE) if again or len(met) % 5 else None

    with answering(losing) as server:
        wait(place(server), VALUE, seconds=60, stopped=clock.pause, clock=clock)
    assert clock.waits == 0


def test_a_pool_behind_one_address_is_believed_only_when_all_of_it_has_the_value() -> None:
    """Every other answer lacks the value for the first hundred questions, as when half of a pool lags."""
    clock, asked = Clock(), count()

    def split(query: Query) -> Message:
        number = next(asked)
        return no_such_name(query) if number < 100 and number % 2 else txt(query, VALUE)

    with answering(split) as server:
        wait(place(server), VALUE, seconds=600, stopped=clock.pause, clock=clock)
    assert len(server.asked) > 100


def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    def respond(query: Query) -> Message:
        return txt(query, *(f"filler-{n}" for n in range(80)), VALUE) if query.tcp else truncated(query)

    clock = Clock()
    with answering(respond) as server:
        wait(place(server), VALUE, seconds=60, stopped=clock.pause, clock=clock)
    assert sum(query.tcp for query in server.asked) == CONFIRMATIONS


def test_what_never_appears_is_told_with_the_place_and_what_each_server_said() -> None:
    clock = Clock()
    with (
        answering(lambda query: txt(query, "another")) as other,
        answering(lambda query: response(query, code=dns.rcode.REFUSED)) as refusing,
        answering(lambda query: response(query, f'{NAME} TXT "{VALUE}"', authoritative=False)) as cache,
        pytest.raises(NotPublished) as failed,
    ):
        wait(place(other, refusing, cache), VALUE, seconds=30, stopped=clock.pause, clock=clock)
    text = str(failed.value)
    assert f"the TXT record {NAME} with {VALUE} did not appear within 30 s" in text
    assert f"ns0 ({other.address}): it has 1 other value there" in text
    assert f"ns1 ({refusing.address}): it answers REFUSED" in text
    assert f"ns2 ({cache.address}): it answers without authority" in text
    assert "example.test" in failed.value.hint
    assert 28 < clock.now <= 30


def test_a_server_that_was_given_needs_no_authority() -> None:
    clock = Clock()
    with answering(lambda query: response(query, f'{NAME} TXT "{VALUE}"', authoritative=False)) as server:
        wait(
            Place(NAME, "example.test", (given_server(server.address),)),
            VALUE,
            seconds=60,
            stopped=clock.pause,
            clock=clock,
        )


def test_a_value_behind_a_cname_counts_as_the_ca_would_see_it() -> None:  # D5
    def respond(query: Query) -> Message:
        return response(query, f"{NAME} CNAME x.other.test.", f'x.other.test. TXT "{VALUE}"')

    clock = Clock()
    with answering(respond) as server:
        wait(place(server), VALUE, seconds=60, stopped=clock.pause, clock=clock)


def test_a_wait_ends_when_the_run_ends() -> None:
    with answering(no_such_name) as server, pytest.raises(WaitStopped, match="the run ends"):
        wait(place(server), VALUE, seconds=60, stopped=lambda _pause: True)


def test_gone_means_gone_at_every_server() -> None:
    clock, asked = Clock(), count()

    def lagging(query: Query) -> Message:
        return txt(query, VALUE) if next(asked) < 3 else no_such_name(query)

    with answering(no_such_name) as quick, answering(lagging) as late:
        where = place(quick, late)
        assert presence(where, VALUE) is Presence.SEEN
        assert wait_gone(where, VALUE, seconds=20, stopped=clock.pause, clock=clock) is Presence.ABSENT
    assert clock.waits == 2
