"""What is linked: which source takes a role on, what is kept of the link before, and what is refused."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from credentials.credential import RoleState
from credentials.refusals import NoCredential
from credentials.roles import BadRole, NotAssumed, Reason, Role, Source, UnknownRoleProvider
from credentials.roles.providers import tencentcloud as module
from credentials.vault import Vault
from engine import role_linking
from engine.role_linking import NoSource, Wanted, describe
from tests.credentials.identity.asking import settle
from tests.credentials.roles.test_tencentcloud import ARN, KEY, TencentRoles
from tests.emulators.proxy import clouds
from tests.emulators.tencentcloud import HOSTS, TencentCloud
from tests.engine.dns_world import dns_world

pytestmark = pytest.mark.slow  # what it links asks an emulated cloud through its SDK

FIELDS = {"secret-id": KEY.id, "secret-key": KEY.secret}
NOTHING = TencentRoles.nothing_here
WANTED = Wanted("tencentcloud", ARN)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return dns_world(tmp_path).vault


@dataclass
class Here:
    """A vault on a machine in Tencent Cloud; `environ` says which sources the machine has."""

    vault: Vault
    cloud: TencentRoles
    environ: Mapping[str, Mapping[str, str]]

    def role(self) -> Role:
        """What is linked with what the vault has."""
        wanted = replace(WANTED, external_id="tic-0f1e2d3c")
        return describe(self.vault, wanted, NOTHING)


@pytest.fixture
def here(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    emulator = TencentCloud([KEY])
    with ExitStack() as running:
        settle(monkeypatch, running.enter_context(clouds(dict.fromkeys(HOSTS, emulator))))
        cloud = TencentRoles(emulator)
        ways = {kind: running.enter_context(cloud.way(kind, tmp_path)) for kind in ("metadata", "oidc")}
        yield Here(vault, cloud, {kind: way.environ for kind, way in ways.items()})


def test_a_token_is_preferred_to_the_machine_and_both_to_a_key(here: Here) -> None:
    active = here.vault.new("first", "tencentcloud", FIELDS)
    of_machine = {**NOTHING, **here.environ["metadata"]}
    of_both = {**of_machine, **here.environ["oidc"]}
    assert describe(here.vault, WANTED, of_both).source.kind == "oidc"
    assert describe(here.vault, WANTED, of_machine).source == Source("metadata")
    assert describe(here.vault, WANTED, NOTHING).source == Source("credential", credential=active.token)


def test_the_source_that_is_named_is_taken(here: Here) -> None:
    here.vault.new("first", "tencentcloud", FIELDS)
    second = here.vault.new("second", "tencentcloud", FIELDS)

    def named(source: str) -> Source:
        return describe(
            here.vault, replace(WANTED, source=source), {**NOTHING, **here.environ["oidc"]}
        ).source

    assert named("credential:second") == Source("credential", credential=second.token)
    assert named("credential").credential == here.vault.find("first").token
    assert named("metadata") == Source("metadata")
    assert named("oidc").token_file == here.environ["oidc"]["TKE_WEB_IDENTITY_TOKEN_FILE"]
    assert named("oidc:/run/token") == Source("oidc", token_file="/run/token")
    relative = named("oidc:token").token_file
    assert relative is not None
    assert Path(relative).is_absolute()


def test_where_nothing_can_take_it_on_that_is_said(vault: Vault) -> None:
    for source, said in ((None, "nothing here"), ("credential", "no Active"), ("oidc", "no variable")):
        with pytest.raises(NoSource, match=said) as caught:
            describe(vault, replace(WANTED, source=source), NOTHING)
        assert "tic role enable tencentcloud" in caught.value.hint
        assert caught.value.exit_code == 3
    with pytest.raises(NoCredential):
        describe(vault, replace(WANTED, source="credential:nobody"), NOTHING)
    with pytest.raises(BadRole, match="'passport'") as unknown:
        describe(vault, replace(WANTED, source="passport:x"), NOTHING)
    assert "--source metadata" in unknown.value.hint


def test_without_more_it_is_the_usual_and_this_vaults_own_external_id(here: Here) -> None:
    role = describe(here.vault, WANTED, {**NOTHING, **here.environ["metadata"]})
    assert role.session_seconds == module.SESSION_SECONDS[1]
    assert role.external_id == role_linking.external_id(here.vault)
    assert role.external_id is not None
    assert role.external_id.startswith("tic-")
    assert here.vault.status().vault_id.startswith(role.external_id.removeprefix("tic-"))


def test_what_is_not_said_stays_as_it_was_linked(vault: Vault) -> None:
    vault.new("first", "tencentcloud", FIELDS)
    wanted = replace(WANTED, external_id="mine", session_seconds=1800, settings={"region": "ap-shanghai"})
    first = describe(vault, wanted, NOTHING)
    vault.linked.link(first)
    assert describe(vault, Wanted("tencentcloud"), NOTHING) == first
    longer = describe(vault, Wanted("tencentcloud", session_seconds=3600), NOTHING)
    assert longer == replace(first, session_seconds=3600)


@pytest.mark.parametrize("seconds", [0, module.SESSION_SECONDS[0] - 1, module.SESSION_SECONDS[2] + 1])
def test_a_session_outside_of_the_providers_limits_is_refused(vault: Vault, seconds: int) -> None:
    vault.new("first", "tencentcloud", FIELDS)
    with pytest.raises(BadRole, match=f"{seconds} seconds") as caught:
        describe(vault, replace(WANTED, session_seconds=seconds), NOTHING)
    least, _usual, most = module.SESSION_SECONDS
    assert caught.value.hint.endswith(f"--session {least if seconds < least else most}")


def test_what_is_no_role_no_setting_or_no_provider_is_refused(vault: Vault) -> None:
    vault.new("first", "tencentcloud", FIELDS)
    with pytest.raises(BadRole, match="which role of tencentcloud") as unnamed:
        describe(vault, Wanted("tencentcloud"), NOTHING)
    assert module.console(None) in unnamed.value.hint
    with pytest.raises(BadRole):
        describe(vault, Wanted("tencentcloud", "arn:aws:iam::123456789012:role/tic"), NOTHING)
    with pytest.raises(BadRole, match="colour is no setting") as unset:
        describe(vault, replace(WANTED, settings={"colour": "red"}), NOTHING)
    assert all(name in unset.value.hint for name in module.SETTINGS)
    with pytest.raises(UnknownRoleProvider):
        describe(vault, Wanted("cloudflare", "x"), NOTHING)


def test_waiting_hears_each_reason_once_and_goes_on_until_it_works(here: Here) -> None:  # A2
    here.vault.new("first", "tencentcloud", FIELDS)
    heard: list[Reason] = []
    here.cloud.delete_role()
    mends = iter([lambda: None, here.cloud.forget_trust, lambda: None, here.cloud.create_role])
    now = role_linking.enable(
        here.vault,
        here.role(),
        wait_seconds=60,
        waiting=lambda error: heard.append(error.reason),
        pause=lambda _seconds: next(mends)(),
    )
    assert now.state is RoleState.ENABLED
    assert heard == [Reason.ROLE_GONE, Reason.DENIED]  # Tencent Cloud's word for a trust that is gone


def test_waiting_ends_when_its_time_is_over_or_when_no_waiting_helps(here: Here) -> None:
    here.vault.new("first", "tencentcloud", FIELDS)
    here.cloud.delete_role()
    paused: list[float] = []
    clock = iter([0.0, 5.0, 10.0])
    with pytest.raises(NotAssumed):
        role_linking.enable(
            here.vault,
            here.role(),
            wait_seconds=10,
            waiting=lambda _error: None,
            pause=paused.append,
            now=lambda: next(clock),
        )
    assert paused == [role_linking.PAUSE_SECONDS]
    assert here.vault.role("tencentcloud") is RoleState.AUTHORIZING
    here.cloud.reject_source()
    with pytest.raises(NotAssumed) as caught:
        role_linking.enable(
            here.vault, here.role(), wait_seconds=10, waiting=lambda _error: None, pause=paused.append
        )
    assert caught.value.reason is Reason.SOURCE_REJECTED
    assert len(paused) == 1


def test_checking_tells_of_each_role_what_it_is_now(here: Here) -> None:  # A4
    here.vault.new("first", "tencentcloud", FIELDS)
    here.vault.linked.link(here.role())
    (works,) = role_linking.checked(here.vault, ["tencentcloud"])
    assert (works.linked.state, works.hint) == (RoleState.ENABLED, None)
    here.cloud.delete_role()
    (lost,) = role_linking.checked(here.vault, ["tencentcloud"])
    assert lost.linked.state is RoleState.FAILED
    assert lost.linked.problem
    assert lost.hint
    assert lost.hint.endswith("tic role reauthorize tencentcloud")
    assert role_linking.checked(here.vault, []) == []
