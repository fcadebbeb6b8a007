"""What holds for the linked role of every cloud: a test file makes its `RoleCloud` and inherits `Contract`.

@pytest.fixture
def cloud(monkeypatch) -> Iterator[AwsCloud]:
    with aws() as emulator, clouds(dict.fromkeys(HOSTS, emulator)) as env:
        settle(monkeypatch, env)
        yield AwsCloud(emulator)

class TestAws(Contract): ...
"""

import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from credentials import kinds, roles
from credentials.roles import BadRole, NotAssumed, Reason, Role, Session, SourceKind
from credentials.secret import SecretBytes
from tests.credentials.identity.asking import assert_nothing_told, settle
from tests.emulators.proxy import Response, clouds

SESSION_NAME = "tic-site-prod-4f2a"
NOBODY = "http://127.0.0.1:9"  # nobody listens to the discard port of loopback


@dataclass(frozen=True, slots=True)
class Way:
    """One way to take the role on: `identity` as the vault gives it, and what the environment has besides."""

    role: Role
    identity: Mapping[str, SecretBytes] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


class RoleCloud(ABC):
    """An emulated cloud with one role that trusts one source of each kind, and what can happen to the role.

    `reasons` has what the cloud can't tell apart: the Reason that is given for what happened, by the name of
    the method here, where it is not the plain one.
    """

    provider: ClassVar[str]
    sdk: ClassVar[str]  # a module that taking the role on imports
    hosts: ClassVar[tuple[str, ...]]  # where the provider answers for its roles
    bad_roles: ClassVar[tuple[str, ...]]  # what looks like one and is none
    usual: ClassVar[SourceKind] = "credential"  # the source that the refusals are tried with
    has_external_id: ClassVar[bool] = True
    has_longest: ClassVar[bool] = True  # whether a role has a limit of its own for its sessions
    has_names: ClassVar[bool] = True  # whether sessions have names in its trail
    has_clock: ClassVar[bool] = True  # whether it refuses a request for its time
    reasons: ClassVar[Mapping[str, Reason]] = {}
    nothing_here: ClassVar[Mapping[str, str]]  # an environment whose metadata service nobody answers for

    @abstractmethod
    def way(self, kind: SourceKind, folder: Path) -> AbstractContextManager[Way]:
        """How the role is taken on from a source of this kind, which works; its services run in the block."""

    @abstractmethod
    def attach(self, trust_policy: str) -> None:
        """Make this the role's trust policy, instead of the one that it has."""

    @abstractmethod
    def delete_role(self) -> None:
        """Delete the role."""

    @abstractmethod
    def create_role(self) -> None:
        """Make it again as it was."""

    @abstractmethod
    def forget_trust(self) -> None:
        """Have the role trust somebody else."""

    @abstractmethod
    def reject_source(self) -> None:
        """Disable the usual source: the key, or what its token is signed with."""

    @abstractmethod
    def set_clock(self, ahead: timedelta) -> None:
        """Let the cloud's clock be so far ahead of this machine's."""

    @abstractmethod
    def longest(self) -> int:
        """The most seconds that the role itself allows a session; less than the provider's most."""

    @abstractmethod
    def accepts(self, session: Session, purpose: str = "apply") -> bool:
        """Whether the cloud's own services take these credentials for a call of this purpose."""

    @abstractmethod
    def session_names(self) -> list[str]:
        """The names under which sessions stand in the cloud's trail, in order."""

    @abstractmethod
    def secrets(self) -> list[str]:
        """What no text may hold: keys, tokens, and those of every session."""


class Contract:
    """The promises; `cloud` is the fixture of the test file."""

    @pytest.fixture
    def way(self, cloud: RoleCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
        with cloud.way(cloud.usual, tmp_path) as way:
            settle(monkeypatch, way.environ)
            yield way

    def test_an_enabled_role_gives_temporary_credentials_that_work(self, cloud: RoleCloud, way: Way) -> None:
        # A2, A10
        before = time.time()
        session = assumed(way)
        known = {one.name for one in kinds.load(cloud.provider).fields}
        assert set(session.fields) <= known
        assert session.account
        assert session.principal
        assert before < session.expires_at <= time.time() + way.role.session_seconds + 2
        assert cloud.accepts(session)
        assert not any(secret in repr(session) for secret in cloud.secrets())

    @pytest.mark.parametrize("kind", ["metadata", "oidc", "credential"])
    def test_every_source_that_it_names_takes_it_on(
        self, cloud: RoleCloud, kind: SourceKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if kind not in roles.provider(cloud.provider).SOURCES:
            return
        with cloud.way(kind, tmp_path) as way:
            settle(monkeypatch, way.environ)
            assert way.role.source.kind == kind
            assert cloud.accepts(assumed(way))

    @pytest.mark.parametrize("kind", ["metadata", "oidc", "credential"])
    def test_the_trust_policy_that_it_prints_is_the_one_that_it_needs(
        self, cloud: RoleCloud, kind: SourceKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # A2
        module = roles.provider(cloud.provider)
        if kind not in module.SOURCES:
            return
        with cloud.way(kind, tmp_path) as way:
            settle(monkeypatch, way.environ)
            account = assumed(way).account
            cloud.forget_trust()
            refused(way)
            policy = module.trust_policy(way.role, account)
            json.loads(policy)
            cloud.attach(policy)
            assert cloud.accepts(assumed(way))

    def test_a_trust_policy_can_be_shown_before_there_is_a_role(self, cloud: RoleCloud, way: Way) -> None:
        module = roles.provider(cloud.provider)
        json.loads(module.trust_policy(replace(way.role, role="", settings={}), None))

    def test_its_session_stands_in_the_clouds_own_trail(self, cloud: RoleCloud, way: Way) -> None:  # A10
        if not cloud.has_names:
            return
        assumed(way)
        assumed(way, session_name="tic-böse/name with everything: " + "x" * 200)
        names = cloud.session_names()
        assert names[0] == SESSION_NAME
        assert names[1].startswith("tic-b")

    def test_a_session_ends_by_the_clouds_clock(self, cloud: RoleCloud, way: Way) -> None:  # A10
        session = assumed(way)
        cloud.set_clock(timedelta(seconds=way.role.session_seconds + 1))
        assert not cloud.accepts(session)

    def test_another_external_id_is_not_trusted(self, cloud: RoleCloud, way: Way) -> None:  # A2
        if not cloud.has_external_id:
            return
        for wrong in ("tic-of-another-vault", None):
            error = refused(replace(way, role=replace(way.role, external_id=wrong)))
            assert error.reason is cloud.reasons.get("external_id", Reason.TRUST_GONE)

    def test_a_role_without_trust_is_named_and_comes_back(self, cloud: RoleCloud, way: Way) -> None:  # A4
        account = assumed(way).account
        cloud.forget_trust()
        assert refused(way).reason is cloud.reasons.get("forget_trust", Reason.TRUST_GONE)
        cloud.attach(roles.provider(cloud.provider).trust_policy(way.role, account))
        assert cloud.accepts(assumed(way))

    def test_a_deleted_role_is_named_and_comes_back(self, cloud: RoleCloud, way: Way) -> None:  # A4
        cloud.delete_role()
        error = refused(way)
        assert error.reason is cloud.reasons.get("delete_role", Reason.ROLE_GONE)
        assert way.role.role in str(error)
        cloud.create_role()
        assert cloud.accepts(assumed(way))

    def test_a_source_that_is_rejected_is_told_from_a_role(self, cloud: RoleCloud, way: Way) -> None:
        cloud.reject_source()
        assert refused(way).reason is cloud.reasons.get("reject_source", Reason.SOURCE_REJECTED)

    @pytest.mark.parametrize(("hours", "said"), [(1, "60 min behind"), (-1, "60 min ahead of")])
    def test_a_clock_that_is_off_is_told_from_a_wrong_key(
        self, cloud: RoleCloud, way: Way, hours: int, said: str
    ) -> None:
        if not cloud.has_clock:
            return
        cloud.set_clock(timedelta(hours=hours))
        error = refused(way)
        assert error.reason is Reason.CLOCK_SKEW
        assert said in error.said
        assert "timedatectl" in error.hint

    def test_a_session_longer_than_the_role_allows_is_told(self, cloud: RoleCloud, way: Way) -> None:
        if not cloud.has_longest:
            return
        error = refused(replace(way, role=replace(way.role, session_seconds=cloud.longest() + 1)))
        assert error.reason is Reason.TOO_LONG
        assert "--session" in error.hint

    def test_a_provider_that_nobody_reaches_is_no_refusal(
        self, cloud: RoleCloud, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with clouds({"elsewhere.example.test": lambda _: Response(500)}) as env:
            settle(monkeypatch, env)
            error = refused(way)
        assert error.reason is Reason.UNREACHABLE
        assert "403" in error.said

    def test_a_provider_with_troubles_of_its_own_is_no_refusal(
        self, cloud: RoleCloud, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assumed(way)  # the SDKs remember where to ask
        for answer in (Response(503), Response(200, {}, b"<html>"), Response.json([])):
            with clouds(dict.fromkeys(cloud.hosts, lambda _, it=answer: it)) as env:  # type: ignore[misc]
                settle(monkeypatch, env)
                assert refused(way).reason in (Reason.UNREACHABLE, Reason.UNKNOWN)

    def test_an_sdk_that_is_not_installed_is_named(
        self, cloud: RoleCloud, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in [one for one in sys.modules if one == cloud.sdk or one.startswith(f"{cloud.sdk}.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, cloud.sdk, None)
        error = refused(way)
        assert error.reason is Reason.PACKAGE_MISSING
        assert error.hint == f"install it: pip install 'tic-engine[{cloud.provider}]'"

    def test_nothing_that_fails_tells_a_secret(
        self, cloud: RoleCloud, way: Way, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assumed(way)
        for happens in (cloud.forget_trust, cloud.reject_source, cloud.delete_role):
            happens()
            assert_nothing_told(refused(way), cloud.secrets(), caplog, capfd)

    def test_a_session_policy_narrows_it_to_its_purpose(self, cloud: RoleCloud, way: Way) -> None:  # A10
        module = roles.provider(cloud.provider)
        if (policy := module.session_policy("apply")) is None:
            return
        assert cloud.accepts(assumed(way), "deploy")
        narrowed = assumed(way, policy=policy)
        assert cloud.accepts(narrowed, "apply")
        assert not cloud.accepts(narrowed, "deploy")
        assert module.session_policy("no purpose") is None

    @pytest.mark.parametrize("kind", ["metadata", "oidc"])
    def test_what_can_take_it_on_is_found(self, cloud: RoleCloud, kind: SourceKind, tmp_path: Path) -> None:
        module = roles.provider(cloud.provider)
        if kind not in module.SOURCES:
            return
        with cloud.way(kind, tmp_path) as way:
            found = module.find_sources({**cloud.nothing_here, **way.environ})
        assert way.role.source in found

    def test_where_nothing_is_nothing_is_found(self, cloud: RoleCloud) -> None:
        assert roles.provider(cloud.provider).find_sources(cloud.nothing_here) == ()

    def test_what_is_no_role_is_refused_with_what_one_looks_like(self, cloud: RoleCloud, way: Way) -> None:
        module = roles.provider(cloud.provider)
        assert module.checked_role(f" {way.role.role}\n") == way.role.role
        for wrong in (*cloud.bad_roles, "", "tic\n", f"{way.role.role}\nmore", "ü"):
            with pytest.raises(BadRole) as caught:
                module.checked_role(wrong)
            assert "looks like" in caught.value.hint

    def test_its_pages_are_of_the_providers_console(self, cloud: RoleCloud, way: Way) -> None:
        module = roles.provider(cloud.provider)
        assert module.console(None).startswith("https://")
        assert module.console(way.role).startswith("https://")

    def test_it_says_how_long_sessions_may_be_and_what_can_be_set(self, cloud: RoleCloud, way: Way) -> None:
        module = roles.provider(cloud.provider)
        least, usual, most = module.SESSION_SECONDS
        assert 0 < least <= usual <= most
        assert set(way.role.settings) <= set(module.SETTINGS)
        assert kinds.load(cloud.provider).label == module.LABEL


def assumed(way: Way, *, policy: str | None = None, session_name: str = SESSION_NAME) -> Session:
    """The role taken on, as `engine` does it."""
    return roles.assume(way.role, way.identity, session_name=session_name, policy=policy, timeout=5)


def refused(way: Way) -> NotAssumed:
    """Why it is not; what came of that has a next step, and stands on nothing of an SDK's."""
    with pytest.raises(NotAssumed) as caught:
        assumed(way)
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert error.reason.value in str(error)
    assert error.hint
    return error
