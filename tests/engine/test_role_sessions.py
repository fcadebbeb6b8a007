"""Temporary credentials of a run: renewed in time and once, each a version, told before they are used."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.audit import Entry
from credentials.audit_log import AuditLog
from credentials.audit_store import Wanted
from credentials.credential import RoleState
from credentials.linked_roles import NotLinked
from credentials.roles import NotAssumed, Reason, Source
from credentials.vault import Vault
from engine.role_sessions import RoleSessions, session_name
from engine.role_tokens import provider_of, token_of
from tests.credentials.identity.asking import settle
from tests.credentials.roles.test_tencentcloud import KEY, TencentRoles
from tests.emulators.proxy import Clouds, Request, Response, clouds
from tests.emulators.tencentcloud import HOSTS, TencentCloud
from tests.engine.dns_world import DnsWorld, dns_world

pytestmark = pytest.mark.slow  # what it links asks an emulated cloud through its SDK

RUN = "0f1e2d3c"
SECONDS = 3600


@dataclass
class Linked:
    """A vault whose role of Tencent Cloud is linked and was never tried; `clock` is the run's."""

    world: DnsWorld
    cloud: TencentRoles
    clouds: Clouds
    clock: list[float]
    learned: set[bytes] = field(default_factory=set)

    @property
    def vault(self) -> Vault:
        return self.world.vault

    def sessions(self, learn: Callable[[list[bytes]], None] | None = None) -> RoleSessions:
        return RoleSessions(
            self.vault,
            stack="site/dev",
            run=RUN,
            learn=lambda secrets: (learn or self.learned.update)(list(secrets)),
            now=lambda: self.clock[0],
        )

    def begun(self) -> int:
        return len(self.cloud.session_names())


@pytest.fixture
def linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Linked]:
    emulator = TencentCloud([KEY])
    world = dns_world(tmp_path)
    vault = world.vault
    with ExitStack() as running:
        env = running.enter_context(clouds(dict.fromkeys(HOSTS, emulator)))
        settle(monkeypatch, env)
        cloud = TencentRoles(emulator)
        way = running.enter_context(cloud.way("credential", tmp_path))
        fields = {name: value.reveal().decode() for name, value in (way.identity or {}).items()}
        token = vault.new("first", "tencentcloud", fields).token
        vault.linked.link(
            replace(way.role, source=Source("credential", credential=token), session_seconds=SECONDS)
        )
        yield Linked(world, cloud, env, [cloud.emulator.now().timestamp()])


def test_a_session_is_kept_until_a_quarter_of_it_is_left(linked: Linked) -> None:  # A10
    sessions = linked.sessions()
    first = sessions.opened("tencentcloud")
    linked.clock[0] += SECONDS * 3 / 4 - 30
    assert sessions.opened("tencentcloud") == first
    linked.clock[0] += 60
    second = sessions.opened("tencentcloud")
    assert (first.credential.version, second.credential.version) == (1, 2)
    assert second.fields["secret-key"] != first.fields["secret-key"]
    assert linked.begun() == 2


def test_a_session_that_is_shorter_than_two_minutes_is_renewed_at_half_of_it(linked: Linked) -> None:
    sessions = linked.sessions()
    sessions.opened("tencentcloud")
    ends = sessions.session("tencentcloud").expires_at
    late = RoleSessions(linked.vault, stack="site/dev", run=RUN, now=lambda: linked.clock[0])
    linked.clock[0] = ends - 100  # as if the cloud had given it 100 seconds before its end
    late.opened("tencentcloud")
    linked.clock[0] = ends - 51
    assert late.opened("tencentcloud").credential.version == 1
    linked.clock[0] = ends - 40
    assert late.opened("tencentcloud").credential.version == 2


def test_many_threads_renew_it_once(linked: Linked) -> None:
    sessions, together = linked.sessions(), Barrier(8)

    def opened() -> int:
        together.wait()
        return sessions.opened("tencentcloud").credential.version

    with ThreadPoolExecutor(8) as pool:
        assert {one.result() for one in [pool.submit(opened) for _ in range(8)]} == {1}
        linked.clock[0] += SECONDS * 3 / 4 + 1
        assert {one.result() for one in [pool.submit(opened) for _ in range(8)]} == {2}
    assert linked.begun() == 2


def test_what_is_narrowed_is_a_session_of_its_own(linked: Linked) -> None:  # A10
    sessions = linked.sessions()
    whole, narrowed = sessions.opened("tencentcloud"), sessions.opened("tencentcloud", "apply")
    assert whole.fields["secret-key"] != narrowed.fields["secret-key"]
    assert sessions.opened("tencentcloud", "apply") == narrowed
    kept = [one for one in linked.cloud.cam.sessions.values() if one.name.startswith("tic-site-dev")]
    assert [one.allowed is None for one in kept] == [True, False]


def test_it_is_opened_like_a_credential_whose_token_says_what_it_is(linked: Linked) -> None:
    opened = linked.sessions().opened("tencentcloud")
    assert opened.credential.token == token_of("tencentcloud") == "role:tencentcloud"
    assert provider_of(opened.credential.token) == "tencentcloud"
    assert opened.credential.kind == "tencentcloud"
    assert provider_of("tencentcloud") is None


def test_its_secrets_are_learned_before_anybody_has_them(linked: Linked) -> None:  # C2
    states = []

    def learn(secrets: list[bytes]) -> None:
        linked.learned.update(secrets)
        states.append(linked.vault.role("tencentcloud"))

    opened = linked.sessions(learn).opened("tencentcloud")
    assert {opened.fields["secret-key"].reveal(), opened.fields["session-token"].reveal()} <= linked.learned
    assert states == [RoleState.AUTHORIZING]
    assert linked.vault.role("tencentcloud") is RoleState.ENABLED


def test_who_can_not_learn_them_gets_none(linked: Linked) -> None:
    def learn(_secrets: list[bytes]) -> None:
        raise OSError

    sessions = linked.sessions(learn)
    for _ in range(2):
        with pytest.raises(OSError, match=r"^$"):
            sessions.opened("tencentcloud")
    assert linked.begun() == 2  # the first one was not kept
    assert linked.vault.role("tencentcloud") is RoleState.AUTHORIZING


def test_the_log_has_it_before_the_cloud_is_asked(linked: Linked) -> None:  # B10
    handlers, told = dict(linked.clouds.handlers), []
    log = AuditLog(linked.world.database, linked.vault.ledger)

    def asked(request: Request) -> Response:
        told.append(log.newest(Wanted(action="role.session"), 9))
        return handlers[request.host](request)

    linked.clouds.handlers = dict.fromkeys(handlers, asked)
    linked.sessions().opened("tencentcloud")
    (entry,) = told[0]
    assert isinstance(entry, Entry)
    event = entry.event
    assert (event.kind, event.stack) == ("tencentcloud", "site/dev")
    assert event.detail == {"session": session_name("site/dev", RUN)}


def test_a_role_that_is_lost_is_marked_and_comes_back_by_itself_in_the_next_try(linked: Linked) -> None:
    sessions = linked.sessions()  # A4
    sessions.opened("tencentcloud")
    linked.clock[0] += SECONDS
    linked.cloud.delete_role()
    with pytest.raises(NotAssumed) as caught:
        sessions.opened("tencentcloud")
    assert caught.value.reason is Reason.ROLE_GONE
    assert linked.vault.role("tencentcloud") is RoleState.FAILED
    assert linked.vault.linked.find("tencentcloud").problem == caught.value.told
    linked.cloud.create_role()
    assert sessions.opened("tencentcloud").credential.version == 2
    assert linked.vault.role("tencentcloud") is RoleState.ENABLED


def test_a_role_that_is_not_linked_gives_nothing(linked: Linked) -> None:
    with pytest.raises(NotLinked):
        linked.sessions().opened("aws")


def test_its_name_in_the_trail_has_stack_and_run(linked: Linked) -> None:  # A10
    linked.sessions().opened("tencentcloud")
    assert linked.cloud.session_names()[-1] == f"tic-site-dev-{RUN}"


@given(st.text(max_size=80))
def test_a_name_is_one_that_every_cloud_takes(stack: str) -> None:
    name = session_name(stack, RUN)
    assert re.fullmatch(r"tic(-[A-Za-z0-9]+)+", name)
    assert len(name) <= 32
    assert name.endswith(RUN)
