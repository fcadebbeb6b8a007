"""A value goes by its name and content, whoever published it, and nobody else's value goes with it."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from credentials.kinds import Kind
from credentials.secret import SecretBytes
from engine import withdrawal
from engine.challenge_notes import Author, Note, leave, open_notes, write
from engine.publishers import Publishers
from engine.state.owner import this_process
from engine.timing import Timing
from engine.withdrawal import OthersThere, StillPublished, settle, withdraw
from stacks.dns.asking import given
from stacks.dns.lexicon import Account
from stacks.dns.publisher import Publisher, Record
from stacks.dns.record import Challenge
from stacks.dns.zones import Place, place_at
from tests.e2e.clouds.world import cloud_world
from tests.emulators.cloudflare import HOST, PREFIX, Token
from tests.emulators.cloudflare_dns import READ, CloudflareDns
from tests.emulators.proxy import Request
from tests.engine.dns_world import NAME, DnsWorld, dns_world, value
from tests.stacks.dns.answering import Answering, Query, answering, response

CANARY = "canary-" + secrets.token_hex(20)


def left_note(world: DnsWorld, place: Place, kind: str, *, at: float = 1000.0, token: str = "one") -> Note:  # noqa: S107
    """The note of a run that has ended."""
    credential = world.bindings[kind]
    run = Author(world.stack.id, world.stack.full_name, credential, kind, this_process())
    record = Record(Challenge("example.test", token, f"{token}.thumbprint"), place.name)
    with world.database.write() as connection:
        note_id = write(connection, run, record, place, (), at)
        leave(connection, note_id, "")
    with world.database.read() as connection:
        return next(note for note in open_notes(connection) if note.id == note_id)


@dataclass
class Careless:
    """A provider whose client deletes whatever stands at the name."""

    records: dict[str, set[str]]
    calls: list[str] = field(default_factory=list)
    usable = True
    nameservers: tuple[str, ...] = ()

    def perform(self, record: Record) -> None:
        self.records.setdefault(record.name, set()).add(record.value)

    def cleanup(self, record: Record) -> None:
        self.calls.append(record.value)
        self.records.pop(record.name, None)

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


class CarelessPublishers(Publishers):
    """Publishers with that provider, whatever the kind; dns-lexicon is not there."""

    provider: Careless

    def _publisher(
        self, kind: Kind, fields: Mapping[str, SecretBytes], resolvers: tuple[str, ...], timing: Timing
    ) -> Publisher:
        return self.provider

    def account(self, token: str) -> Account | None:
        return None


@dataclass(frozen=True)
class Scene:
    """A home with a left note of a NS1 record, the provider, and the name server that shows what it has."""

    world: DnsWorld
    names: Answering
    provider: Careless
    publishers: CarelessPublishers

    @property
    def place(self) -> Place:
        return place_at(NAME, [self.names.address])

    def withdraw(self, note: Note, stopped: Callable[[float], bool] = lambda _: False) -> None:
        withdraw(self.world.database, self.publishers, note, stopped=stopped, now=lambda: 1000.5)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    provider = Careless({})

    def answer(query: Query) -> Any:
        values = provider.records.get(query.name, ())
        return response(query, *(f'{query.name}. TXT "{each}"' for each in values))

    world = dns_world(tmp_path)
    world.bind("ns1", {"api-key": CANARY})
    publishers = CarelessPublishers(world.lessee(), "a test", machine={})
    publishers.provider = provider
    with answering(answer) as names:
        yield Scene(world, names, provider, publishers)
    publishers.close()
    world.database.close()


def test_a_value_that_stands_alone_is_withdrawn_by_a_client_that_takes_all(scene: Scene) -> None:
    note = left_note(scene.world, scene.place, "ns1")
    scene.provider.records[NAME] = {value()}
    scene.withdraw(note)
    assert scene.provider.records == {}
    assert scene.world.notes() == []


def test_beside_a_foreign_value_a_client_that_takes_all_is_never_asked(scene: Scene) -> None:  # D1
    note = left_note(scene.world, scene.place, "ns1")
    scene.provider.records[NAME] = {value(), "theirs"}
    with pytest.raises(OthersThere, match="1 of somebody else stands there") as refused:
        scene.withdraw(note)
    assert refused.value.hint == "delete the value in the zone example.test at ns1"
    assert scene.provider.records[NAME] == {value(), "theirs"}
    assert scene.provider.calls == []
    assert [each.id for each in scene.world.notes()] == [note.id]


def test_what_would_delete_it_by_its_value_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withdrawal, "installed", lambda: False)
    note = left_note(scene.world, scene.place, "ns1")
    scene.provider.records[NAME] = {value(), "theirs"}
    with pytest.raises(OthersThere) as refused:
        scene.withdraw(note)
    assert refused.value.hint.startswith("install what deletes it by its value: pip install 'tic-engine[lex")


def test_what_nobody_can_delete_is_named_with_its_zone_and_its_console(scene: Scene) -> None:
    note = left_note(scene.world, scene.place, "ns1")
    scene.provider.records[NAME] = {value(), "theirs"}
    told = settle(scene.world.database, scene.publishers, note, stopped=lambda _: False)
    assert told.severity == "warning"
    assert f"{NAME} with the value {value()}" in told.message
    assert "in the zone example.test (ns1, https://my.nsone.net/#/zones)" in told.message
    scene.provider.records[NAME] = {"theirs"}  # it was deleted by hand
    scene.withdraw(scene.world.notes()[0])
    assert scene.world.notes() == []
    assert scene.provider.records[NAME] == {"theirs"}


def test_what_ended_runs_left_at_a_name_may_go_together(scene: Scene) -> None:
    apex = left_note(scene.world, scene.place, "ns1", token="apex")
    wildcard = left_note(scene.world, scene.place, "ns1", token="wildcard")
    scene.provider.records[NAME] = {apex.record.value, wildcard.record.value}
    scene.withdraw(apex)
    scene.withdraw(wildcard)
    assert scene.world.notes() == []
    assert scene.provider.records == {}


def test_what_arrives_after_the_kill_is_withdrawn_too(scene: Scene) -> None:
    """The request of a killed process was on its way, and the provider did it a moment later."""
    note = left_note(scene.world, scene.place, "ns1")

    def meanwhile(seconds: float) -> bool:
        assert 0 < seconds <= withdrawal.ON_THE_WAY_SECONDS
        scene.provider.records[NAME] = {value()}
        return False

    scene.withdraw(note, stopped=meanwhile)
    assert scene.provider.records == {}
    assert scene.provider.calls == [value(), value()]
    assert scene.world.notes() == []


def test_where_it_can_not_be_seen_that_it_is_gone_the_note_stays(scene: Scene) -> None:
    def broken(query: Query) -> Any:
        answer = response(query)
        answer.set_rcode(dns.rcode.SERVFAIL)
        return answer

    with answering(broken) as names:
        note = left_note(scene.world, Place(NAME, "example.test", (given(names.address),)), "ns1")
        with pytest.raises(StillPublished, match="not every name server"):
            scene.withdraw(note)
    assert [each.id for each in scene.world.notes()] == [note.id]


# By dns-lexicon, at an emulated cloud


class Listing(CloudflareDns):
    """The API with its lists too: what lexicon finds zones and records by."""

    def served(self, request: Request) -> dict[str, Any]:
        if request.method != "GET" or (request.path.endswith("/zones") and "name" in request.parameters):
            return super().served(request)
        owner = self.authenticated(request)
        self.calls.append((owner.id, READ))
        if request.path == f"{PREFIX}/zones":
            found = [{"id": each, "name": name} for name, each in self.ids.items()]
        else:
            asked = {
                name: request.parameters[name]
                for name in ("type", "name", "content")
                if name in request.parameters
            }
            found = [each for each in self.records.values() if asked.items() <= each.items()]
        return {"result": found, "result_info": {"page": 1, "total_pages": 1, "count": len(found)}}


@pytest.mark.parametrize("quote", ['"', ""])
def test_what_a_killed_process_published_at_cloudflare_is_found_by_its_value(
    tmp_path: Path, quote: str
) -> None:  # D1
    """Lego knows a record by the number that the process had in memory; lexicon looks for it."""
    token = Token("both", CANARY)
    api = Listing(token)
    with cloud_world(tmp_path, {HOST: api}, api.txt) as world:
        world.dns.bind("cloudflare", {"api-token": token.value})
        note = left_note(world.dns, place_at(NAME, [world.names.address]), "cloudflare")
        zone = api.ids["example.test"]
        for number, content in enumerate((f"{quote}{value()}{quote}", '"theirs"', f'"{value()}x"'), 1):
            each = {"id": f"{number:032x}", "type": "TXT", "name": NAME, "content": content, "ttl": 120}
            api.records[zone, each["id"]] = each  # type: ignore[index]
        publishers = Publishers(world.dns.lessee(), "a test", machine=world.env)
        withdraw(world.dns.database, publishers, note, stopped=lambda _: False)
        publishers.close()
        assert sorted(api.txt()[NAME]) == sorted(["theirs", f"{value()}x"])
        assert world.dns.notes() == []
