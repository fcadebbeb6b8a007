"""Tokens that are kept: good at every server of one database, until they are revoked or expire."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.database import Database, DatabaseUnusable
from engine.home import Home
from engine.state import access_tokens, stacks, updates
from engine.state.access_tokens import AccessToken
from engine.state.app import app
from engine.state.kept_tokens import KeptTokens
from engine.state.reach import EVERYTHING, Reach
from engine.state.server import serve
from engine.state.service import StateService, token_hash
from engine.state.tables import ACCESS_TOKEN
from tests.engine.state.client import STACK, Client, created, names
from tests.engine.state.conftest import Wax

SOMEBODY_ELSES = access_tokens.new_secret()


@dataclass
class Team:
    """Two servers, each with a database connection of its own, and the tokens that both accept."""

    database: Database
    sealing: Wax
    urls: list[str]
    kept: list[KeptTokens]

    def token(
        self, name: str = "ci", reach: Reach = EVERYTHING, *, expires_in: float | None = 3600
    ) -> tuple[AccessToken, str]:
        """A new token, and what its bearer shows."""
        secret, now = access_tokens.new_secret(), time.time()
        with self.database.write() as connection:
            made = access_tokens.add(
                connection,
                self.sealing,
                name,
                token_hash(secret),
                reach,
                made_by="somebody@here",
                now=now,
                expires_at=None if expires_in is None else now + expires_in,
            )
        return made, secret

    def revoke(self, token: AccessToken) -> None:
        with self.database.write() as connection:
            access_tokens.remove(connection, token)

    def client(self, secret: str, server: int = 0) -> Client:
        return Client(self.urls[server], secret)

    def running(self) -> updates.RunningUpdate:
        with self.database.read() as connection:
            stack = stacks.find(connection, "proj", "dev")
            assert stack is not None
            found = updates.running(connection, stack.id)
        assert found is not None
        return found


@pytest.fixture
def team(database: Database, sealing: Wax, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Team]:
    embedded = (tmp_path / "tic" / "tic.db").exists()
    url = None if embedded else request.getfixturevalue("postgres_url")
    other = Database.open(Home(tmp_path / "tic", tmp_path / "cache", url))
    made = Team(database, sealing, [], [])
    with ExitStack() as running:
        running.callback(other.close)
        for one in (database, other):
            kept = KeptTokens(one, sealing)
            service = StateService(one, sealing, kept=kept)
            made.kept.append(kept)
            made.urls.append(running.enter_context(serve(lambda service=service: app(service))))  # type: ignore[misc]
        yield made


def test_every_server_lets_in_whoever_shows_it(team: Team) -> None:
    _, secret = team.token()
    team.client(secret).make_stack()
    assert team.client(secret, 1)("GET", STACK).code == 200
    assert team.client(secret, 1)("GET", "/api/user").value["githubLogin"] == "ci"


def test_what_is_kept_of_it_opens_nothing(team: Team) -> None:
    _, secret = team.token()
    with team.database.read() as connection:
        (row,) = connection.execute(ACCESS_TOKEN.select())
    assert secret.encode() not in b"".join(str(cell).encode() for cell in row)
    for shown in ("", row.hash.hex(), access_tokens.new_secret(), secret[:-1], secret + "A", secret.lower()):
        assert team.client(shown)("GET", "/api/user").code == 401


def test_a_revoked_one_is_refused_at_once_everywhere(team: Team) -> None:
    token, secret = team.token()
    clients = [team.client(secret, server) for server in (0, 1)]
    assert [client("GET", "/api/user").code for client in clients] == [200, 200]
    team.revoke(token)
    assert [client("GET", "/api/user").code for client in clients] == [401, 401]


def test_an_expired_one_is_refused_and_says_so(team: Team) -> None:
    _, secret = team.token(expires_in=-1)
    refused = team.client(secret)("GET", "/api/user")
    assert refused.code == 403
    assert "'ci' expired on" in refused.message
    assert "tic token new" in refused.message
    assert team.client(team.token("good", expires_in=None)[1])("GET", "/api/user").code == 200


def test_a_row_that_tic_has_not_written_opens_nothing(team: Team) -> None:
    _, secret = team.token(reach=Reach("proj", "dev", read_only=True))
    with team.database.read() as connection:
        before = connection.execute(ACCESS_TOKEN.select()).one()._mapping
    changes: list[dict[str, object]] = [
        {"read_only": False},
        {"project": None},
        {"stack": "prod"},
        {"expires_at": None},
        {"name": "admin"},
        {"hash": token_hash(SOMEBODY_ELSES)},
        {"seal": b""},
        {"seal": bytes(72)},
    ]
    for change in changes:
        with team.database.write() as connection:
            connection.execute(ACCESS_TOKEN.update().values({**before, **change}))
        for shown in (secret, SOMEBODY_ELSES):
            assert team.client(shown)("GET", "/api/user").code == 401, change
    with team.database.write() as connection:
        connection.execute(ACCESS_TOKEN.update().values(dict(before)))
    assert team.client(secret)("GET", "/api/user").code == 200


def test_an_update_goes_on_at_any_server(team: Team) -> None:  # C3
    _, secret = team.token()
    here, there = team.client(secret), team.client(secret, 1)
    here.make_stack()
    path, lease = here.begin()
    for number, client in enumerate([there, here, there], 1):
        body = {"entries": [created(number, f"r{number}")]}
        assert client("PATCH", f"{path}/journalentries", body, lease=lease).code == 200
    assert there("POST", f"{path}/renew_lease", {}, lease=lease).value["token"] == lease
    events = {"events": [{"sequence": 0, "summaryEvent": {"resourceChanges": {"create": 3}}}]}
    assert there("POST", f"{path}/events/batch", events, lease=lease).code == 200
    assert here("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    assert names(there) == ["r1", "r2", "r3"]


def test_a_lease_is_good_for_nobody_else(team: Team) -> None:
    _, secret = team.token()
    client = team.client(secret)
    client.make_stack()
    path, _ = client.begin()
    for server in (0, 1):
        for lease in ("stolen", secret, ""):
            refused = team.client(secret, server)(
                "PATCH", f"{path}/journalentries", {"entries": []}, lease=lease
            )
            assert refused.code == 403


def test_what_runs_with_a_revoked_one_can_write_no_more_and_blocks_nobody(team: Team) -> None:  # C3
    token, secret = team.token()
    _, other = team.token("other")
    client = team.client(secret)
    client.make_stack()
    path, lease = client.begin()
    client("PATCH", f"{path}/journalentries", {"entries": [created(1, "a")]}, lease=lease)
    team.revoke(token)
    for server in (0, 1):
        late = {"entries": [created(2, "late")]}
        assert team.client(secret, server)("PATCH", f"{path}/journalentries", late, lease=lease).code == 403
    assert team.running().is_dead(time.time())
    next_one = team.client(other, 1)
    next_path, next_lease = next_one.begin()
    assert next_one("POST", f"{next_path}/complete", {"status": "succeeded"}, lease=next_lease).code == 200
    assert names(next_one) == ["a"]


def test_what_runs_with_an_expired_one_can_write_no_more(team: Team) -> None:
    made, secret = team.token(expires_in=None)
    client = team.client(secret)
    client.make_stack()
    path, lease = client.begin()
    with team.database.write() as connection:
        sealed = access_tokens._content(
            {**connection.execute(ACCESS_TOKEN.select()).one()._mapping, "expires_at": 1.0}
        )
        seal = team.sealing.seal("access-token", sealed)
        connection.execute(ACCESS_TOKEN.update().values(expires_at=1.0, seal=seal))
    refused = client("PATCH", f"{path}/journalentries", {"entries": []}, lease=lease)
    assert refused.code == 403
    assert f"{made.name!r} expired on 1970-01-01" in refused.message


def test_a_client_is_known_by_token_and_address_and_lives_as_long_as_its_lease(team: Team) -> None:  # C3
    _, secret = team.token("deploy")
    _, other = team.token("other")
    client = team.client(secret)
    client.make_stack()
    client.begin()
    running = team.running()
    assert (running.user, str(running.owner)) == ("deploy", "a pulumi CLI at 127.0.0.1")
    assert not running.is_dead(time.time())
    assert running.is_dead(time.time() + updates.LEASE_SECONDS + 1)
    blocked = team.client(other, 1)
    refused = blocked("POST", f"{STACK}/update/{blocked.create()}", {})
    assert refused.code == 409
    assert "deploy, a pulumi CLI at 127.0.0.1" in refused.message


def test_a_token_of_one_process_and_its_updates_are_nothing_to_another(team: Team, sealing: Wax) -> None:
    from engine.state.service import Access

    alone = StateService(team.database, sealing)
    with serve(lambda: app(alone)) as url:
        client = Client(url, alone.admit(Access("run")))
        client.make_stack()
        path, lease = client.begin()
        journal = {"entries": [created(1, "a")]}
        for server in (0, 1):
            assert team.client(client.token, server)("GET", "/api/user").code == 401
            refused = team.client(client.token, server)(
                "PATCH", f"{path}/journalentries", journal, lease=lease
            )
            assert refused.code == 403
        assert client("PATCH", f"{path}/journalentries", journal, lease=lease).code == 200
        _, secret = team.token()
        assert Client(url, secret)("GET", "/api/user").code == 401  # a run's own service lets in nobody else


def test_uses_are_noted_when_they_are_asked_for_and_never_set_back(team: Team) -> None:
    made, secret = team.token()

    def last_used() -> float | None:
        with team.database.read() as connection:
            (found,) = access_tokens.list_all(connection)
        return found.last_used_at

    began = time.time()
    team.client(secret)("GET", "/api/user")
    assert last_used() is None
    team.kept[0].note_uses()
    first = last_used()
    assert first is not None
    assert first >= began
    with team.database.write() as connection:
        access_tokens.note_uses(connection, {made.id: first - 60})
    assert last_used() == first
    team.client(secret, 1)("GET", "/api/user")
    team.kept[1].note_uses()
    later = last_used()
    assert later is not None
    assert later > first
    team.kept[1].note_uses()
    assert last_used() == later


def test_where_the_database_is_and_what_ails_it_is_told_to_whoever_serves_alone(
    team: Team, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(_connection: object) -> None:
        raise DatabaseUnusable("the database canary-host is away", hint="look at canary-host")

    _, secret = team.token()
    monkeypatch.setattr(team.database._storage, "begin_reading", away)
    for shown in (secret, access_tokens.new_secret()):
        refused = team.client(shown)("GET", "/api/user/stacks")
        assert refused.code == 503
        assert "canary" not in refused.message
        assert "in a while" in refused.message
    assert "canary-host is away" in caplog.text
    assert "look at canary-host" in caplog.text
