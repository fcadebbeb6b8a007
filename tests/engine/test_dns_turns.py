"""Challenges that would cost one another their values wait, whichever run or credential they are of."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from credentials import kinds
from engine import dns_turns
from engine.broker import Broker
from engine.challenge_notes import Author, Note, State
from engine.dns_turns import NameTaken, in_the_way
from engine.state.owner import Owner, this_process
from stacks.broker import ProviderQuestion, Withdraw
from stacks.dns import asking
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.zones import Place
from tests.engine.dns_world import NAME, DnsWorld, dns_world, publish, value, warnings
from tests.servers.challtestsrv import challtestsrv
from tests.stacks.dns.provider_programs import publishing_program, shell

PAGE = Path(__file__).parents[2] / "docs/decisions/challenge-turns.md"
OURS, GONE = this_process(), Owner(2**22 - 1, this_process().host, "1")


def note(provider: str, *, name: str = "a.test", value: str = "other", **of: object) -> Note:
    """Another challenge's note: of stack 2 and another credential, looked after by a living run."""
    challenge = Challenge(name, value, f"{value}.thumbprint")
    known: dict[str, object] = {"stack_id": 2, "credential": "tic_other", "owner": OURS, **of}
    return Note(
        id=1, stack="site/other", provider=provider, record=Record(challenge, challenge.name), zone="test",
        nameservers=(), resolvers=(), state=State.PUBLISHED, noted_at=0.0, published_at=1.0, problem=None,
        **known,  # type: ignore[arg-type]
    )  # fmt: skip


def waits(provider: str, for_: Note) -> bool:
    """Whether a record of a.test, of stack 1 and the credential tic_mine, waits for the note."""
    challenge = Challenge("a.test", "mine", "mine.thumbprint")
    record, author = (
        Record(challenge, challenge.name),
        Author(1, "site/dev", "tic_mine", provider, OURS),
    )
    return in_the_way(author, record, Place(record.name, "test", ()), [for_], 1.0) is for_


@pytest.mark.parametrize(
    ("provider", "other", "expected"),
    [
        ("cloudns", note("cloudns"), True),  # withdrawing deletes all values of the name
        ("cloudns", note("cloudns", name="b.test"), False),
        ("cloudns", note("cloudns", stack_id=1, credential="tic_mine"), True),  # apex and wildcard
        ("cloudns", note("cloudns", value="mine"), False),  # the same value: it is shared
        ("cloudns", note("cloudns", owner=GONE), False),  # nobody looks after it
        ("cloudns", note("cloudns", owner=None), False),
        ("cloudflare", note("cloudns"), True),  # whichever of the two deletes
        ("cloudflare", note("cloudflare"), False),
        ("rfc2136", note("rfc2136"), False),
        ("aws", note("aws"), True),  # read and written back by two workers
        ("aws", note("aws", stack_id=1, credential="tic_mine"), False),  # by one, call after call
        ("gandi", note("gandi", name="b.test"), True),  # the zone is copied
        ("duckdns", note("duckdns", name="b.test", credential="tic_mine"), True),  # lego: one at a time
        ("duckdns", note("duckdns", name="b.test"), False),
    ],
)
def test_who_waits_for_whom(provider: str, other: Note, *, expected: bool) -> None:  # D2
    assert waits(provider, other) is expected


def test_every_provider_of_the_lists_is_one_and_is_named_where_the_lists_are_explained() -> None:
    page = PAGE.read_text()
    listed = dns_turns.WHOLE_NAME | dns_turns.WHOLE_ZONE | dns_turns.REWRITTEN
    sequential = {name for name in kinds.names() if kinds.load(name).sequential}
    assert not listed & sequential
    for name in listed | sequential:
        assert kinds.load(name).publishes_records
        assert name in page


def txt(server: str) -> set[str]:
    """The challenge's values at a name server."""
    return set(asyncio.run(asking.txt(NAME, asking.given(server))).values)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@pytest.mark.parametrize(
    ("kind", "fields", "sequential", "by_name"),
    [
        ("exec", {"path": "/bin/true"}, True, False),
        ("cloudns", {"auth-id": "1", "auth-password": "x"}, False, True),
        ("cloudflare", {"api-token": "x" * 40}, False, False),
    ],
)
def test_the_plugin_hears_which_challenges_form_chains(
    world: DnsWorld, kind: str, fields: dict[str, str], *, sequential: bool, by_name: bool
) -> None:
    world.bind(kind, fields)
    with world.run() as broker:
        answer = broker.provider(ProviderQuestion())
    assert (answer.sequential, answer.by_name) == (sequential, by_name)


@pytest.mark.server
def test_a_program_that_would_lose_values_loses_none(world: DnsWorld, tmp_path: Path) -> None:  # D2, D5
    """It clears the name with each withdrawal; two stacks prove an apex and its wildcard, all at once."""
    with challtestsrv(tmp_path) as dns_server:
        program = publishing_program(tmp_path, dns_server.management_url)
        world.bind("exec", {"path": str(program.path)})
        stacks = [world, world.another_stack("other")]
        brokers = [stack.broker() for stack in stacks]

        def proven(broker: Broker, token: str) -> bool:
            broker.publish(publish(token, nameservers=(dns_server.address,)))
            seen = [value(token) in txt(dns_server.address) for _ in range(20)]
            broker.withdraw(Withdraw("example.test", NAME, value(token)))
            return all(seen)

        with ThreadPoolExecutor(4) as pool:
            work = [
                pool.submit(proven, broker, f"{number}{token}")
                for number, broker in enumerate(brokers)
                for token in ("apex", "wildcard")
            ]
            assert [each.result() for each in work] == [True] * 4
        assert [broker.close() for broker in brokers] == [[], []]
    assert world.notes() == []
    assert len(program.calls()) == 8


@pytest.mark.server
def test_who_waits_is_told_for_whom_and_gives_up_in_time(world: DnsWorld, tmp_path: Path) -> None:
    with challtestsrv(tmp_path) as dns_server:
        program = publishing_program(tmp_path, dns_server.management_url)
        world.bind("exec", {"path": str(program.path)})
        told: list[str] = []
        other = world.another_stack("other")
        with world.run() as first, other.run(tell=lambda notice: told.append(notice.message)) as second:
            first.publish(publish("one", nameservers=(dns_server.address,)))
            with pytest.raises(NameTaken) as given_up:
                second.publish(publish("two", nameservers=(dns_server.address,), seconds=1.0))
            assert str(given_up.value).startswith(f"{NAME} was not published: the stack site/dev proves ")
            assert "which has lasted for 1 s" in str(given_up.value)
            assert [each.partition(" proves ")[0] for each in told] == [
                f"waiting for {NAME}: the stack site/dev"
            ]
            assert len(program.calls()) == 1
            assert [note.stack for note in world.notes()] == ["site/dev"]


@pytest.mark.server
def test_a_record_that_could_not_be_withdrawn_holds_nobody_up(world: DnsWorld, tmp_path: Path) -> None:
    with challtestsrv(tmp_path) as dns_server:
        works = publishing_program(tmp_path, dns_server.management_url).path
        lines = ('[ "$1" = cleanup ] && exit 1', f'exec "{works}" "$@"')
        world.bind("exec", {"path": str(shell(tmp_path / "stubborn", *lines))})
        server = (dns_server.address,)
        broker = world.broker()
        broker.publish(publish("one", nameservers=server))
        with pytest.raises(ProviderFailed):
            broker.withdraw(Withdraw("example.test", NAME, value("one")))
        broker.publish(publish("two", nameservers=server, seconds=2.0))
        assert len(warnings(broker.close())) == 2  # both are tried once more, and named
        assert len(world.notes()) == 2
