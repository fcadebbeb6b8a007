"""Linked roles of Tencent Cloud: CAM's roles, taken on by a key, a machine or a token."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import kinds
from credentials.identity import Rejected, verify
from credentials.roles import BadRole, NotAssumed, Reason, Role, Session, Source, SourceKind, assume
from credentials.roles.providers import tencentcloud
from tests.credentials.identity.asking import secrets, settle
from tests.credentials.roles.contract import NOBODY, Contract, RoleCloud, Way, assumed, refused
from tests.emulators.assumed_roles import CloudRole, IdentityProvider
from tests.emulators.metadata import metadata
from tests.emulators.oidc import Issuer
from tests.emulators.proxy import clouds
from tests.emulators.signing import Key
from tests.emulators.tencentcloud import HOSTS, TencentCloud
from tests.emulators.tencentcloud_sts import machine

# Canaries stand here alone: a traceback shows the lines of the tests, too.
SECRET = "cAnArY-sk-71aa"
ACCOUNT, OTHER_ACCOUNT = "100000000001", "100000000009"
KEY = Key("AKIDEXAMPLE", SECRET, ACCOUNT, "100000000002")
ARN = f"qcs::cam::uin/{ACCOUNT}:roleName/TIC_QCSLinkedRole"
MACHINE_ARN = f"qcs::cam::uin/{ACCOUNT}:roleName/Machine"
EXTERNAL_ID, PROVIDER_ID = "tic-0f1e2d3c", "cls-example"
SUBJECT, AUDIENCE = "system:serviceaccount:ci:tic", "sts.tencentcloudapi.com"
PURPOSES = {
    "apply": "apply: list DNS domains (dnspod:DescribeDomainList)",
    "deploy": "deploy: list certificates (ssl:DescribeCertificates)",
}


class TencentRoles(RoleCloud):
    """A key, a machine and an OIDC issuer that the role trusts, each in a statement of its own."""

    provider, sdk, hosts = "tencentcloud", "tencentcloud.common", HOSTS
    bad_roles = (
        "TIC_QCSLinkedRole",
        f"qcs::cam::uin/{ACCOUNT}:uin/100000000002",
        "qcs::cam::uin/:roleName/TIC",
        f"qcs::cam::uin/{ACCOUNT}:roleName/",
        f"qcs::cam::uin/{ACCOUNT}:role/TIC",
        "acs:ram::1:role/tic",
    )
    reasons: ClassVar[Mapping[str, Reason]] = {"forget_trust": Reason.DENIED, "external_id": Reason.DENIED}
    nothing_here: ClassVar[Mapping[str, str]] = {"TIC_METADATA_TENCENTCLOUD": NOBODY}

    def __init__(self, emulator: TencentCloud) -> None:
        self.emulator, self.cam = emulator, emulator.cam
        self.issuer = Issuer()
        self.token = self.issuer.token(SUBJECT, AUDIENCE)
        self.cam.web[self.issuer.host] = self.issuer
        self.cam.identity_providers[PROVIDER_ID] = IdentityProvider(self.issuer.url, frozenset({AUDIENCE}))
        self.create_role()
        self.cam.roles[MACHINE_ARN] = CloudRole(json.dumps({"statement": []}))
        self.machine = self.cam.begin(MACHINE_ARN, ACCOUNT, "machine", 7200, None)

    @contextmanager
    def way(self, kind: SourceKind, folder: Path) -> Iterator[Way]:
        role = Role("tencentcloud", ARN, EXTERNAL_ID, 3600, Source(kind))
        if kind == "credential":
            role = replace(role, source=Source(kind, credential="cred-1"))
            yield Way(role, secrets({"secret-id": KEY.id, "secret-key": SECRET}))
        elif kind == "oidc":
            path = str(self.issuer.written(folder / "token", self.token))
            role = replace(role, source=Source(kind, token_file=path), settings={"provider-id": PROVIDER_ID})
            yield Way(role, None, {"TKE_WEB_IDENTITY_TOKEN_FILE": path})
        else:
            with metadata(machine(self.cam, "Machine", self.machine)) as service:
                yield Way(role, None, {"TIC_METADATA_TENCENTCLOUD": service.address})

    def attach(self, trust_policy: str) -> None:
        self.cam.roles[ARN] = CloudRole(trust_policy, self.longest())

    def delete_role(self) -> None:
        del self.cam.roles[ARN]

    def create_role(self) -> None:
        trusted = [
            {
                "effect": "allow",
                "action": ["name/sts:AssumeRole"],
                "principal": {"qcs": [f"qcs::cam::uin/{ACCOUNT}:root"]},
                "condition": {"string_equal": {"sts:external_id": EXTERNAL_ID}},
            },
            {
                "effect": "allow",
                "action": ["name/sts:AssumeRoleWithWebIdentity"],
                "principal": {"federated": [f"qcs::cam::uin/{ACCOUNT}:oidc-provider/{PROVIDER_ID}"]},
                "condition": {"string_equal": {"oidc:iss": [self.issuer.url], "oidc:sub": [SUBJECT]}},
            },
        ]
        self.attach(json.dumps({"version": "2.0", "statement": trusted}))

    def forget_trust(self) -> None:
        principal = {"qcs": [f"qcs::cam::uin/{OTHER_ACCOUNT}:root"]}
        other = {"effect": "allow", "action": "name/sts:AssumeRole", "principal": principal}
        self.attach(json.dumps({"version": "2.0", "statement": [other]}))

    def reject_source(self) -> None:
        self.emulator.keys[KEY.id] = replace(KEY, disabled=True)

    def set_clock(self, ahead: timedelta) -> None:
        self.emulator.now = lambda: datetime.now(UTC) + ahead

    def longest(self) -> int:
        return 7200

    def accepts(self, session: Session, purpose: str = "apply") -> bool:
        try:
            told = verify("tencentcloud", session.fields, timeout=5)
        except Rejected:
            return False
        return told.account == ACCOUNT and PURPOSES[purpose] in told.detail.get("can", "")

    def session_names(self) -> list[str]:
        return [session.name for session in self.cam.sessions.values() if session is not self.machine]

    def secrets(self) -> list[str]:
        keys = [KEY, *(session.key for session in self.cam.sessions.values())]
        return [self.token, *(key.secret for key in keys), *(key.token for key in keys if key.token)]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[TencentRoles]:
    emulator = TencentCloud([KEY])
    with clouds(dict.fromkeys(HOSTS, emulator)) as env:
        settle(monkeypatch, env)
        yield TencentRoles(emulator)


class TestTencentCloud(Contract):
    """What holds for every cloud."""


@pytest.fixture
def way(cloud: TencentRoles, tmp_path: Path) -> Iterator[Way]:
    with cloud.way("credential", tmp_path) as way:
        yield way


def test_pulumi_and_lego_read_a_session_like_a_credential(way: Way) -> None:  # A10
    session = assumed(replace(way, role=replace(way.role, settings={"region": "ap-shanghai"})))
    kind = kinds.load("tencentcloud")
    assert set(kind.environment(session.fields)) == {
        "TENCENTCLOUD_SECRET_ID",
        "TENCENTCLOUD_SECRET_KEY",
        "TENCENTCLOUD_SECURITY_TOKEN",
        "TENCENTCLOUD_REGION",
    }
    assert "TENCENTCLOUD_SESSION_TOKEN" in kind.lego_environment(session.fields)
    assert session.fields["region"].reveal() == b"ap-shanghai"
    assert (session.account, session.principal) == (ACCOUNT, ARN)


def test_a_session_that_is_over_is_refused_though_the_clocks_agree(cloud: TencentRoles, way: Way) -> None:
    session = assumed(way)  # A10
    cloud.cam.later = timedelta(seconds=way.role.session_seconds - 5)
    assert cloud.accepts(session)
    cloud.cam.later = timedelta(seconds=way.role.session_seconds)
    with pytest.raises(Rejected, match=r"AuthFailure\.TokenFailure"):
        verify("tencentcloud", session.fields, timeout=5)


def test_who_may_not_is_told_what_tencent_cloud_does_not_tell_apart(cloud: TencentRoles, way: Way) -> None:
    cloud.emulator.keys[KEY.id] = replace(KEY, denied=frozenset({"sts:AssumeRole"}))  # A4
    error = refused(way)
    assert error.reason is Reason.DENIED
    assert "UnauthorizedOperation: you are not authorized to perform operation (sts:AssumeRole)" in error.said
    assert "a role that does not trust who asks" in error.said
    assert "tic role policy tencentcloud --trust" in error.hint


def test_a_token_of_nobody_trusted_is_told(cloud: TencentRoles, tmp_path: Path) -> None:  # A4
    with cloud.way("oidc", tmp_path) as way:
        cloud.issuer.written(tmp_path / "token", cloud.issuer.token("somebody else", AUDIENCE))
        assert refused(way).reason is Reason.TRUST_GONE
        cloud.issuer.written(tmp_path / "token", cloud.issuer.token(SUBJECT, "another audience"))
        assert refused(way).reason is Reason.SOURCE_REJECTED
        cloud.issuer.written(tmp_path / "token", cloud.token)
        cloud.issuer.rotate()
        error = refused(way)
    assert (error.reason, error.said.split(":")[0]) == (
        Reason.SOURCE_REJECTED,
        "InvalidParameter.WebIdentityTokenError",
    )


def test_a_pod_of_tke_needs_nothing_but_its_own_variables(
    cloud: TencentRoles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cloud.way("oidc", tmp_path) as way:
        path = str(way.role.source.token_file)
        bare = replace(way.role, source=Source("oidc"), settings={})
        missing = taken_on(bare, {"TKE_IDENTITY_TOKEN_FILE": path})
        assert isinstance(missing, NotAssumed)
        assert missing.reason is Reason.SOURCE_MISSING
        assert "--set provider-id=" in missing.hint
        pod = {
            "TKE_IDENTITY_TOKEN_FILE": path,
            "TKE_PROVIDER_ID": PROVIDER_ID,
            "TKE_REGION": "ap-beijing",
        }
        session = taken_on(bare, pod)
    assert isinstance(session, Session)
    assert session.fields["region"].reveal() == b"ap-beijing"


@pytest.mark.parametrize("name", ["", "two\nnames"])
def test_a_machine_without_a_role_takes_none_on(cloud: TencentRoles, way: Way, name: str) -> None:
    with metadata(machine(cloud.cam, name, cloud.machine)) as service:
        environ = {"TIC_METADATA_TENCENTCLOUD": service.address}
        error = taken_on(replace(way.role, source=Source("metadata")), environ)
        assert tencentcloud.find_sources(environ) == ()
    assert isinstance(error, NotAssumed)
    assert error.reason is Reason.SOURCE_MISSING


def test_a_source_that_was_not_opened_is_missing(way: Way) -> None:
    error = taken_on(way.role, {})
    assert isinstance(error, NotAssumed)
    assert error.reason is Reason.SOURCE_MISSING


def test_a_role_by_its_number_has_a_page_of_its_own(way: Way) -> None:
    numbered = replace(way.role, role=f"qcs::cam::uin/{ACCOUNT}:role/4611686018427397919")
    assert tencentcloud.checked_role(numbered.role) == numbered.role
    assert tencentcloud.console(numbered).endswith("/cam/role/detail?roleId=4611686018427397919")
    assert tencentcloud.console(way.role) == tencentcloud.console(None)


@given(st.text())
def test_any_text_is_a_role_or_refused(text: str) -> None:
    with suppress(BadRole):
        assert tencentcloud.checked_role(text) == text.strip()


def taken_on(role: Role, environ: Mapping[str, str]) -> Session | NotAssumed:
    """What comes of it in this environment alone."""
    try:
        return assume(role, None, session_name="tic-a-b", timeout=5, environ=environ)
    except NotAssumed as error:
        return error
