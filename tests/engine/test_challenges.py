"""The write-ahead notes, and what the next run withdraws after a killed one."""

import random
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest
from dns.message import Message
from sqlalchemy import text

from credentials.kinds import Kind
from credentials.secret import SecretBytes
from engine.challenge_notes import FOREIGN_OWNER_SECONDS, Author, Note, State, leave, needed_elsewhere, write
from engine.challenges import open_notes, withdraw_left_over
from engine.publishers import Publishers
from engine.state import stacks
from engine.state.owner import Owner, this_process
from engine.timing import Timing
from engine.withdrawal import StillPublished, withdraw
from stacks.dns.publisher import ProviderFailed, Publisher, Record
from stacks.dns.record import Challenge
from stacks.dns.zones import Place, place_at
from tests.engine.dns_world import NAME, DnsWorld, dns_world, publish, value, warnings
from tests.servers.bind import Bind, TsigKey
from tests.servers.challtestsrv import challtestsrv
from tests.stacks.dns.answering import Answering, Query, answering, no_such_name, response
from tests.stacks.dns.provider_programs import publishing_program, webhook

CANARY = "canary-" + secrets.token_hex(12)
server = pytest.mark.server
KILLS = 200
ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@contextmanager
def another_process(
    folder: Path, nameserver: str = "-", tokens: Sequence[str] = ("apex", "wildcard")
) -> Iterator["subprocess.Popen[str]"]:
    """A run in a process of its own; killed (SIGKILL) at the end of the block at the latest."""
    command = [sys.executable, "-m", "tests.engine.publishing_process", str(folder), nameserver, *tokens]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def published_by(process: "subprocess.Popen[str]") -> set[str]:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return {process.stdout.readline().strip(), process.stdout.readline().strip()}


def note_of(world: DnsWorld, place: Place, *, owner: Owner | None = None, token: str = "one") -> Note:  # noqa: S107
    """Write a note as a run does; without an owner it is left."""
    credential = next(iter(world.bindings.values()), "tic_gone")
    kind = next(iter(world.bindings), "exec")
    author = Author(world.stack.id, world.stack.full_name, credential, kind, owner or this_process())
    record = Record(Challenge("example.test", token, f"{token}.thumbprint"), place.name)
    with world.database.write() as connection:
        note_id = write(connection, author, record, place, (), 1000.0)
        if owner is None:
            leave(connection, note_id, "")
    return next(note for note in world.notes() if note.id == note_id)


PLACE = Place(NAME, "example.test", ())


# Killed runs


@server
def test_what_a_killed_run_published_is_withdrawn_by_the_next(
    world: DnsWorld, tmp_path: Path, own_bind: Bind, tsig_key: TsigKey
) -> None:  # C3, D1
    world.bind_updates(own_bind, tsig_key)
    own_bind.add_txt(NAME, "somebody else's")
    with another_process(tmp_path) as process:
        assert published_by(process) == {"apex", "wildcard"}
    assert own_bind.txt(NAME) == sorted([value("apex"), value("wildcard"), "somebody else's"])
    notices = withdraw_left_over(world.database, world.vault, world.stack.id)
    assert own_bind.every_txt() == {NAME: ["somebody else's"]}
    assert world.notes() == []
    assert [notice.severity for notice in notices] == ["info", "info"]


@server
@pytest.mark.parametrize("mode", ["default", "RAW"])
def test_a_program_withdraws_what_another_process_had_it_publish(
    world: DnsWorld, tmp_path: Path, mode: str
) -> None:
    with challtestsrv(tmp_path) as dns_server:
        program = publishing_program(tmp_path, dns_server.management_url)
        world.bind("exec", {"path": str(program.path), "mode": mode})
        one = ["apex"]  # a program is asked for one challenge at a time
        with another_process(tmp_path, dns_server.address, one) as process:
            assert process.stdout is not None
            assert [process.stdout.readline().strip() for _ in range(2)] == ["ready", "apex"]
        assert warnings(withdraw_left_over(world.database, world.vault, None)) == []
    calls = program.calls()
    assert sorted(call[1:] for call in calls if call[0] == "present") == sorted(
        call[1:] for call in calls if call[0] == "cleanup"
    )
    assert world.notes() == []


@server
def test_a_run_that_was_killed_while_it_waited_left_a_note_too(
    world: DnsWorld, tmp_path: Path, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)
    with answering(no_such_name) as blind, another_process(tmp_path, blind.address):
        while len(own_bind.every_txt().get(NAME, [])) < 2:
            pass
        assert {note.state for note in world.notes()} == {State.PUBLISHING}
    withdraw_left_over(world.database, world.vault, world.stack.id)
    assert own_bind.every_txt() == {}


@server
def test_records_of_a_run_that_lives_are_left_alone(
    world: DnsWorld, tmp_path: Path, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)
    with another_process(tmp_path) as process:
        published_by(process)
        assert withdraw_left_over(world.database, world.vault, None) == []
        assert own_bind.txt(NAME) == sorted([value("apex"), value("wildcard")])


@server
def test_another_stacks_records_are_left_to_it(
    world: DnsWorld, tmp_path: Path, own_bind: Bind, tsig_key: TsigKey
) -> None:
    world.bind_updates(own_bind, tsig_key)
    other = world.another_stack("other")
    with another_process(tmp_path) as process:
        published_by(process)
    assert withdraw_left_over(world.database, world.vault, other.stack.id) == []
    assert len(withdraw_left_over(world.database, world.vault, None)) == 2


@server
@pytest.mark.soak
def test_kills_at_random_moments_leave_no_record_and_touch_no_foreign_one(
    world: DnsWorld, tmp_path: Path, own_bind: Bind, tsig_key: TsigKey
) -> None:  # C3, D1
    world.bind_updates(own_bind, tsig_key)
    own_bind.add_txt(NAME, "somebody else's")
    left: Counter[tuple[int, int]] = Counter()
    for _ in range(KILLS):
        with another_process(tmp_path) as process:
            assert process.stdout is not None
            process.stdout.readline()
            Event().wait(random.uniform(0, 0.1))
        left[len(world.notes()), len(own_bind.txt(NAME)) - 1] += 1
        assert warnings(withdraw_left_over(world.database, world.vault, None)) == []
        assert own_bind.every_txt() == {NAME: ["somebody else's"]}
        assert world.notes() == []
    sys.stderr.write(f"kills by (notes, records) that were left: {dict(left)}\n")


# The note comes first, and goes last


def test_the_note_is_there_before_the_provider_is_called_and_gone_after_it(world: DnsWorld) -> None:
    seen: list[tuple[str, list[State]]] = []

    def look(path: str) -> None:
        seen.append((path, [note.state for note in world.notes()]))

    with (
        webhook(on_request=look) as hook,
        answering(lambda query: published_at(query, hook.records)) as names,
    ):
        world.bind("httpreq", {"endpoint": hook.url})
        with world.run() as broker:
            broker.publish(publish(nameservers=(names.address,)))
            assert [note.state for note in world.notes()] == [State.PUBLISHED]
    assert seen == [("/present", [State.PUBLISHING]), ("/cleanup", [State.PUBLISHED])]
    assert world.notes() == []


def published_at(query: Query, records: Mapping[str, set[str]]) -> Message:
    return response(query, *(f'{query.name}. TXT "{each}"' for each in records.get(query.name, set())))


def test_a_note_holds_no_secret(world: DnsWorld) -> None:  # B4
    with webhook(user="me", password=CANARY) as hook:
        world.bind("httpreq", {"endpoint": hook.url, "username": "me", "password": CANARY})
        note_of(world, PLACE)
    with world.database.read() as connection:
        rows = connection.execute(text("SELECT * FROM challenge")).all()
    assert CANARY not in repr(rows)


def test_a_note_outlives_its_stack(world: DnsWorld) -> None:
    note_of(world, PLACE)
    with world.database.write() as connection:
        stacks.remove(connection, world.stack.id)
    (note,) = world.notes()
    assert (note.stack_id, note.stack) == (None, "site/dev")


def test_publishing_what_was_left_takes_the_note_over(world: DnsWorld) -> None:
    left = note_of(world, PLACE)
    taken = note_of(world, PLACE, owner=this_process())
    assert taken.id == left.id
    assert not taken.is_left(1000.0)
    assert len(world.notes()) == 1


def test_of_another_hosts_process_nothing_is_sure_but_no_run_takes_an_hour(world: DnsWorld) -> None:
    note = note_of(world, PLACE, owner=Owner(1, "another-host", "boot:1"))
    assert not note.is_left(1000.0 + FOREIGN_OWNER_SECONDS)
    assert note.is_left(1001.0 + FOREIGN_OWNER_SECONDS)


def test_a_record_that_a_living_run_of_another_stack_shares_stays(world: DnsWorld) -> None:
    """Stacks of one ACME account get the same pending authorization, so the same name and value."""
    with webhook() as hook:
        world.bind("httpreq", {"endpoint": hook.url})
        note = note_of(world, PLACE)
        other = note_of(world.another_stack("other"), PLACE, owner=this_process())
        with world.database.read() as connection:
            assert needed_elsewhere(connection, note, 1000.0)
        withdraw_left_over(world.database, world.vault, world.stack.id)
        assert hook.requests == []
        assert [each.id for each in world.notes()] == [other.id]
        withdraw_left_over(world.database, world.vault, None, now=lambda: 1000.0)
        assert [each.id for each in world.notes()] == [other.id]


# What can't be withdrawn


def test_a_rotated_credential_withdraws_what_the_one_before_published(world: DnsWorld) -> None:  # B5
    with webhook(user="me", password=CANARY) as hook, answering(no_such_name) as names:
        token = world.bind("httpreq", {"endpoint": hook.url, "username": "me", "password": "before"})
        note_of(world, place_at(NAME, [names.address]))
        world.vault.rotate(token, {"password": CANARY, "username": "me", "endpoint": hook.url})
        withdraw_left_over(world.database, world.vault, None)
    assert [path for path, _, _ in hook.requests] == ["/cleanup"]
    assert world.notes() == []


def test_what_a_provider_refuses_is_named_and_tried_again(world: DnsWorld) -> None:
    with webhook() as hook, answering(lambda query: published_at(query, hook.records)) as names:
        world.bind("httpreq", {"endpoint": hook.url})
        note_of(world, place_at(NAME, [names.address]))
        hook.records[NAME] = {value()}
        hook.fail = "closed on sundays"
        (told,) = warnings(withdraw_left_over(world.database, world.vault, None))
        assert f"the TXT record {NAME} with the value {value()} may still be published" in told
        assert "closed on sundays" in told
        assert "the zone example.test (httpreq)" in told
        assert "tic dns clean site/dev" in told
        (note,) = world.notes()
        assert note.problem is not None
        assert "closed on sundays" in note.problem
        hook.fail = None
        assert warnings(withdraw_left_over(world.database, world.vault, None)) == []
        assert hook.records[NAME] == set()
        assert world.notes() == []


def test_what_was_deleted_by_hand_is_forgotten_though_the_credential_is_gone(world: DnsWorld) -> None:
    records = {NAME: {value()}}
    with answering(lambda query: published_at(query, records)) as names:
        note_of(world, place_at(NAME, [names.address]))  # by a credential that does not exist
        (told,) = warnings(withdraw_left_over(world.database, world.vault, None))
        assert "tic_gone" in told
        records[NAME].clear()
        assert warnings(withdraw_left_over(world.database, world.vault, None)) == []
    assert world.notes() == []


def test_a_name_server_that_does_not_answer_proves_nothing(world: DnsWorld) -> None:
    with answering(no_such_name) as names:
        place = place_at(NAME, [names.address])
    note_of(world, place)  # by a credential that does not exist, at a server that is gone
    assert len(warnings(withdraw_left_over(world.database, world.vault, None))) == 1
    assert len(world.notes()) == 1


# Providers that can withdraw only what the same process published


@dataclass
class Remembering:
    """A provider that forgets with its process: cleaning up what it does not know does nothing."""

    records: dict[str, set[str]]
    known: set[str] = field(default_factory=set)
    usable = True
    nameservers: tuple[str, ...] = ()

    def perform(self, record: Record) -> None:
        self.known.add(record.value)
        self.records.setdefault(record.name, set()).add(record.value)

    def cleanup(self, record: Record) -> None:
        if record.value in self.known:
            self.records[record.name].discard(record.value)

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


class RememberingPublishers(Publishers):
    """Publishers whose provider, whatever the kind, is one that remembers."""

    records: dict[str, set[str]]

    def _publisher(
        self, kind: Kind, fields: Mapping[str, SecretBytes], resolvers: tuple[str, ...], timing: Timing
    ) -> Publisher:
        return Remembering(self.records)

    def account(self, token: str) -> None:
        """As where dns-lexicon is not installed."""


@pytest.fixture
def names() -> Iterator[Answering]:
    RememberingPublishers.records = {}
    with answering(lambda query: published_at(query, RememberingPublishers.records)) as made:
        yield made


def test_the_process_that_published_withdraws_and_is_believed(world: DnsWorld, names: Answering) -> None:
    token = world.bind("cloudflare", {"api-token": CANARY})
    note = note_of(world, place_at(NAME, [names.address]))
    publishers = RememberingPublishers(world.lessee(), "test")
    publishers.perform(token, note.record)
    withdraw(world.database, publishers, note, stopped=lambda _: True)
    assert RememberingPublishers.records == {NAME: set()}
    assert world.notes() == []


def test_another_process_is_not_believed_until_the_servers_have_lost_the_record(
    world: DnsWorld, names: Answering
) -> None:
    world.bind("cloudflare", {"api-token": CANARY})
    note = note_of(world, place_at(NAME, [names.address]))
    RememberingPublishers.records[NAME] = {value()}
    publishers = RememberingPublishers(world.lessee(), "test")
    with pytest.raises(StillPublished, match="only from the process that published it") as failed:
        withdraw(world.database, publishers, note, stopped=lambda _: True)
    assert "example.test at cloudflare" in failed.value.hint
    assert [each.id for each in world.notes()] == [note.id]
    RememberingPublishers.records[NAME].clear()
    withdraw(world.database, publishers, note, stopped=lambda _: True)
    assert world.notes() == []


def test_open_notes_of_a_stack_are_its_own(world: DnsWorld) -> None:
    note = note_of(world, PLACE)
    note_of(world.another_stack("other"), PLACE)
    with world.database.read() as connection:
        assert [each.id for each in open_notes(connection, world.stack.id)] == [note.id]
        assert len(open_notes(connection)) == 2


def test_a_provider_that_fails_is_an_error_that_can_be_caught(world: DnsWorld) -> None:
    world.bind("httpreq", {"endpoint": "http://127.0.0.1:9"})
    with answering(lambda query: published_at(query, {NAME: {value()}})) as names:
        note = note_of(world, place_at(NAME, [names.address]))
        publishers = Publishers(world.lessee(), "test")
        with pytest.raises(ProviderFailed, match="httpreq failed withdrawing"):
            withdraw(world.database, publishers, note, stopped=lambda _: True)
        publishers.close()
