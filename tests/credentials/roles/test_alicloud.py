"""Linked roles of Alibaba Cloud: RAM's roles, taken on by a key, an instance or a token."""

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
from credentials.roles.providers import alicloud
from tests.credentials.identity.asking import secrets, settle
from tests.credentials.roles.contract import NOBODY, Contract, RoleCloud, Way, assumed, refused
from tests.emulators.alicloud import HOSTS, AlibabaCloud
from tests.emulators.alicloud_sts import MACHINE_TOKEN, machine
from tests.emulators.assumed_roles import CloudRole, IdentityProvider
from tests.emulators.metadata import metadata
from tests.emulators.oidc import Issuer
from tests.emulators.proxy import clouds
from tests.emulators.signing import Key

# Canaries stand here alone: a traceback shows the lines of the tests, too.
SECRET = "cAnArY-sk-2c5d"
ACCOUNT, OTHER_ACCOUNT = "1234567890123456", "6543210987654321"
KEY = Key("LTAIEXAMPLE", SECRET, ACCOUNT, "alice")
ARN = f"acs:ram::{ACCOUNT}:role/tic-linked-role"
MACHINE_ARN = f"acs:ram::{ACCOUNT}:role/machine"
IDP = f"acs:ram::{ACCOUNT}:oidc-provider/cluster"
EXTERNAL_ID, SUBJECT, AUDIENCE = "tic-0f1e2d3c", "system:serviceaccount:ci:tic", "sts.aliyuncs.com"
PURPOSES = {
    "apply": "apply: list DNS domains (alidns:DescribeDomains)",
    "deploy": "deploy: list certificates (yundun-cert:ListUserCertificateOrder)",
}


class AlibabaRoles(RoleCloud):
    """A key, an instance and an OIDC issuer that the role trusts, each in a statement of its own."""

    provider, sdk, hosts = "alicloud", "alibabacloud_tea_openapi", HOSTS
    bad_roles = (
        "tic-linked-role",
        f"acs:ram::{ACCOUNT}:user/alice",
        "acs:ram:::role/tic",
        f"acs:ram::{ACCOUNT}:role/",
        f"acs:ram::{ACCOUNT}:role/a/b",
        "arn:aws:iam::123456789012:role/tic",
    )
    nothing_here: ClassVar[Mapping[str, str]] = {"TIC_METADATA_ALICLOUD": NOBODY}

    def __init__(self, emulator: AlibabaCloud) -> None:
        self.emulator, self.ram = emulator, emulator.ram
        self.issuer = Issuer()
        self.token = self.issuer.token(SUBJECT, AUDIENCE)
        self.ram.web[self.issuer.host] = self.issuer
        self.ram.identity_providers[IDP] = IdentityProvider(self.issuer.url, frozenset({AUDIENCE}))
        self.create_role()
        self.ram.roles[MACHINE_ARN] = CloudRole(json.dumps({"Statement": []}))
        self.machine = self.ram.begin(MACHINE_ARN, ACCOUNT, "machine", 7200, None)

    @contextmanager
    def way(self, kind: SourceKind, folder: Path) -> Iterator[Way]:
        role = Role("alicloud", ARN, EXTERNAL_ID, 3600, Source(kind))
        if kind == "credential":
            role = replace(role, source=Source(kind, credential="cred-1"))
            yield Way(role, secrets({"access-key": KEY.id, "secret-key": SECRET}))
        elif kind == "oidc":
            path = str(self.issuer.written(folder / "token", self.token))
            role = replace(role, source=Source(kind, token_file=path), settings={"oidc-provider": IDP})
            yield Way(role, None, {"ALIBABA_CLOUD_OIDC_TOKEN_FILE": path})
        else:
            with metadata(machine(self.ram, "machine", self.machine)) as service:
                yield Way(role, None, {"TIC_METADATA_ALICLOUD": service.address})

    def attach(self, trust_policy: str) -> None:
        self.ram.roles[ARN] = CloudRole(trust_policy, self.longest())

    def delete_role(self) -> None:
        del self.ram.roles[ARN]

    def create_role(self) -> None:
        trusted = [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:root"]},
                "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
            },
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Federated": [IDP]},
                "Condition": {"StringEquals": {"oidc:iss": [self.issuer.url], "oidc:sub": SUBJECT}},
            },
        ]
        self.attach(json.dumps({"Version": "1", "Statement": trusted}))

    def forget_trust(self) -> None:
        principal = {"RAM": f"acs:ram::{OTHER_ACCOUNT}:root"}
        other = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
        self.attach(json.dumps({"Version": "1", "Statement": [other]}))

    def reject_source(self) -> None:
        self.emulator.keys[KEY.id] = replace(KEY, disabled=True)

    def set_clock(self, ahead: timedelta) -> None:
        self.emulator.now = lambda: datetime.now(UTC) + ahead

    def longest(self) -> int:
        return 7200

    def accepts(self, session: Session, purpose: str = "apply") -> bool:
        try:
            told = verify("alicloud", session.fields, timeout=5)
        except Rejected:
            return False
        return told.account == ACCOUNT and PURPOSES[purpose] in told.detail.get("can", "")

    def session_names(self) -> list[str]:
        return [session.name for session in self.ram.sessions.values() if session is not self.machine]

    def secrets(self) -> list[str]:
        keys = [KEY, *(session.key for session in self.ram.sessions.values())]
        told = [*(key.secret for key in keys), *(key.token for key in keys if key.token)]
        return [self.token, MACHINE_TOKEN, *told]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlibabaRoles]:
    emulator = AlibabaCloud([KEY])
    with clouds(dict.fromkeys(HOSTS, emulator)) as env:
        settle(monkeypatch, env)
        yield AlibabaRoles(emulator)


class TestAlibabaCloud(Contract):
    """What holds for every cloud."""


@pytest.fixture
def way(cloud: AlibabaRoles, tmp_path: Path) -> Iterator[Way]:
    with cloud.way("credential", tmp_path) as way:
        yield way


def test_pulumi_and_lego_read_a_session_like_a_credential(way: Way) -> None:  # A10
    session = assumed(replace(way, role=replace(way.role, settings={"region": "cn-shanghai"})))
    kind = kinds.load("alicloud")
    names = {"ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN"}
    assert set(kind.environment(session.fields)) == names | {"ALICLOUD_REGION"}
    assert set(kind.lego_environment(session.fields)) == names | {"ALICLOUD_REGION_ID"}
    assert (session.account, session.principal) == (ACCOUNT, ARN)


def test_a_session_that_is_over_is_refused_though_the_clocks_agree(cloud: AlibabaRoles, way: Way) -> None:
    session = assumed(way)  # A10
    cloud.ram.later = timedelta(seconds=way.role.session_seconds - 5)
    assert cloud.accepts(session)
    cloud.ram.later = timedelta(seconds=way.role.session_seconds)
    with pytest.raises(Rejected, match=r"InvalidSecurityToken\.Expired"):
        verify("alicloud", session.fields, timeout=5)


def test_who_may_not_is_told_from_whom_the_role_does_not_trust(cloud: AlibabaRoles, way: Way) -> None:  # A4
    cloud.emulator.keys[KEY.id] = replace(KEY, denied=frozenset({"sts:AssumeRole"}))
    error = refused(way)
    assert error.reason is Reason.DENIED
    assert error.said.startswith("NoPermission: You are not authorized to do this action.")


def test_the_accounts_own_key_takes_no_role_on(cloud: AlibabaRoles, way: Way) -> None:
    cloud.emulator.keys[KEY.id] = replace(KEY, principal="root")
    error = refused(way)
    assert error.reason is Reason.SOURCE_REJECTED
    assert "Roles may not be assumed by root accounts" in error.said


def test_a_wrong_secret_is_said_without_what_was_signed(way: Way) -> None:
    wrong = secrets({"access-key": KEY.id, "secret-key": "another"})
    error = refused(replace(way, identity=wrong))
    assert (error.reason, error.said.split(",")[0]) == (Reason.SOURCE_REJECTED, "SignatureDoesNotMatch")
    assert "tic creds rotate cred-1" in error.hint


def test_a_token_of_nobody_trusted_is_told(cloud: AlibabaRoles, tmp_path: Path) -> None:  # A4
    with cloud.way("oidc", tmp_path) as way:
        cloud.issuer.written(tmp_path / "token", cloud.issuer.token("somebody else", AUDIENCE))
        assert refused(way).reason is Reason.TRUST_GONE
        cloud.issuer.written(tmp_path / "token", cloud.issuer.token(SUBJECT, "another audience"))
        assert "OIDCToken.AudienceNotMatch" in rejected(way)
        cloud.issuer.written(tmp_path / "token", cloud.token)
        cloud.issuer.rotate()
        assert "AuthenticationFail.OIDCToken" in rejected(way)
        cloud.ram.identity_providers.clear()
        assert refused(way).reason is Reason.TRUST_GONE


def test_a_token_is_in_no_address(
    cloud: AlibabaRoles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clouds(dict.fromkeys(HOSTS, cloud.emulator)) as env, cloud.way("oidc", tmp_path) as way:
        settle(monkeypatch, env)
        assumed(way)
        assert [request.query for request in env.requests if cloud.token in request.query] == []


def test_a_pod_needs_nothing_but_its_own_variables(cloud: AlibabaRoles, tmp_path: Path) -> None:
    with cloud.way("oidc", tmp_path) as way:
        bare = replace(way.role, source=Source("oidc"), settings={})
        pod = {"ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(way.role.source.token_file)}
        assert reason(bare, {}) is Reason.SOURCE_MISSING
        assert reason(bare, pod) is Reason.SOURCE_MISSING
        assert reason(bare, {**pod, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": IDP}) is None


def test_an_instance_of_the_old_kind_gives_its_keys_unless_that_is_forbidden(
    cloud: AlibabaRoles, way: Way
) -> None:
    role = replace(way.role, source=Source("metadata"))
    with metadata(machine(cloud.ram, "machine", cloud.machine, hardened=False)) as service:
        environ = {"TIC_METADATA_ALICLOUD": service.address}
        assert reason(role, environ) is None
        assert reason(role, {**environ, "ALIBABA_CLOUD_ECS_METADATA": "machine"}) is None
        assert reason(role, {**environ, "ALIBABA_CLOUD_IMDSV1_DISABLED": "true"}) is Reason.SOURCE_MISSING
        before = len(service.requests)
        off = {**environ, "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}
        assert reason(role, off) is Reason.SOURCE_MISSING
        assert alicloud.find_sources(off) == ()
        assert len(service.requests) == before


@pytest.mark.parametrize("name", ["", "two\nnames"])
def test_an_instance_without_a_role_takes_none_on(cloud: AlibabaRoles, way: Way, name: str) -> None:
    with metadata(machine(cloud.ram, name, cloud.machine)) as service:
        environ = {"TIC_METADATA_ALICLOUD": service.address}
        assert reason(replace(way.role, source=Source("metadata")), environ) is Reason.SOURCE_MISSING
        assert alicloud.find_sources(environ) == ()


def test_a_source_that_was_not_opened_is_missing(way: Way) -> None:
    assert reason(way.role, {}) is Reason.SOURCE_MISSING


def test_a_role_has_a_page_of_its_own(way: Way) -> None:
    assert alicloud.console(way.role) == f"{alicloud.console(None)}/tic-linked-role"


@given(st.text())
def test_any_text_is_a_role_or_refused(text: str) -> None:
    with suppress(BadRole):
        assert alicloud.checked_role(text) == text.strip()


def rejected(way: Way) -> str:
    """What the cloud says of a source that it rejects."""
    error = refused(way)
    assert error.reason is Reason.SOURCE_REJECTED
    return error.said


def reason(role: Role, environ: Mapping[str, str]) -> Reason | None:
    """Why the role can't be taken on in this environment alone; None if it can."""
    try:
        assume(role, None, session_name="tic-a-b", timeout=5, environ=environ)
    except NotAssumed as error:
        return error.reason
    return None
