"""Huawei Cloud's agencies, taken on with the official SDK."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from credentials.roles import Reason, Source
from credentials.roles.providers import huaweicloud
from tests.credentials.identity.asking import settle
from tests.credentials.roles.contract import Way, assumed, refused
from tests.credentials.roles.signed_cloud import (
    AUDIENCE,
    EXTERNAL_ID,
    SUBJECT,
    SignedCloud,
    SignedContract,
    check_any_text,
    dumped,
    key,
    nothing,
)
from tests.emulators.assumed_roles import CloudSession
from tests.emulators.huaweicloud import HuaweiCloud
from tests.emulators.huaweicloud_sts import machine
from tests.emulators.metadata import metadata
from tests.emulators.proxy import Handler, clouds

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

ACCOUNT = "27680d67da6b47eb82d00a1a118be145"
PROVIDER_URN = f"iam::{ACCOUNT}:oidcProvider:ci"


class Agencies(SignedCloud):
    provider = "huaweicloud"
    sdk = "huaweicloudsdkcore"
    hosts = ("sts.cn-north-4.myhuaweicloud.com", "dns.myhuaweicloud.com", "scm.cn-north-4.myhuaweicloud.com")
    account = ACCOUNT
    role = f"iam::{ACCOUNT}:agency:tic"
    settings: ClassVar[Mapping[str, str]] = {"oidc-provider": PROVIDER_URN}
    bad_roles = ("tic", f"iam::{ACCOUNT}:user:tic", f"iam:{ACCOUNT}:agency:tic", "iam::a b:agency:tic")
    nothing_here = nothing("huaweicloud")
    token_file = "HUAWEICLOUD_OIDC_TOKEN_FILE"
    identity_provider = PROVIDER_URN
    assuming = "sts:agencies:assume"

    def trusting(self, account: str) -> str:
        return dumped(
            Version="5.0",
            Statement=[
                {
                    "Effect": "Allow",
                    "Action": ["sts:agencies:assume"],
                    "Principal": {"IAM": [f"iam::{account}:root"]},
                    "Condition": {"StringEquals": {"sts:ExternalId": [EXTERNAL_ID]}},
                }
            ],
        )

    def trusting_tokens(self) -> str:
        return dumped(
            Version="5.0",
            Statement=[
                {
                    "Effect": "Allow",
                    "Action": ["sts:agencies:assumeWithOIDC"],
                    "Principal": {"Federated": [PROVIDER_URN]},
                    "Condition": {"StringEquals": {"oidc:aud": [AUDIENCE], "oidc:sub": [SUBJECT]}},
                }
            ],
        )

    def machine(self, session: CloudSession) -> Handler:
        return machine(self.iam, session)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Agencies]:
    emulator = HuaweiCloud([key(ACCOUNT)])
    with clouds(dict.fromkeys(Agencies.hosts, emulator)) as env:
        settle(monkeypatch, env)
        yield Agencies(emulator)


class TestHuaweiCloud(SignedContract):
    """The contract of every cloud's role."""


@pytest.fixture
def token(cloud: Agencies, tmp_path: Path) -> Iterator[Way]:
    with cloud.way("oidc", tmp_path) as way:
        yield way


@pytest.fixture
def on_a_machine(cloud: Agencies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    with cloud.way("metadata", tmp_path) as way:
        settle(monkeypatch, way.environ)
        yield way


def rewritten(way: Way, text: str) -> None:
    path = way.role.source.token_file
    assert path is not None
    Path(path).write_text(text)


def test_any_text_is_a_role_or_refused() -> None:
    check_any_text(huaweicloud)


def test_a_token_is_never_signed_over(cloud: Agencies, token: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that somebody left in the environment are not asked for, and not sent."""
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", "cAnArY-of-the-environment")
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", "cAnArY-of-the-environment")
    assert cloud.accepts(assumed(token))


def test_a_token_for_others_is_rejected(cloud: Agencies, token: Way) -> None:
    rewritten(token, cloud.issuer.token(SUBJECT, "somebody-else"))
    assert refused(token).reason is Reason.SOURCE_REJECTED


def test_a_token_of_a_key_that_is_nobodys_is_rejected(cloud: Agencies, token: Way) -> None:
    cloud.issuer.rotate()
    assert refused(token).reason is Reason.SOURCE_REJECTED


def test_a_token_of_another_subject_is_not_trusted(cloud: Agencies, token: Way) -> None:
    rewritten(token, cloud.issuer.token("repo:somebody/else", AUDIENCE))
    assert refused(token).reason is Reason.TRUST_GONE


def test_the_identity_provider_is_a_setting_or_the_sdks_variable(
    cloud: Agencies, token: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = replace(token, role=replace(token.role, settings={}))
    error = refused(without)
    assert error.reason is Reason.SOURCE_MISSING
    assert "oidc-provider" in error.said
    monkeypatch.setenv("HUAWEICLOUD_OIDC_PROVIDER_URN", PROVIDER_URN)
    assert cloud.accepts(assumed(without))


def test_the_trust_policy_for_tokens_has_what_the_token_says(token: Way) -> None:
    policy = huaweicloud.trust_policy(token.role, None)
    assert SUBJECT in policy
    assert AUDIENCE in policy
    nowhere = replace(token.role, source=Source("oidc", token_file="/nonexistent"))
    assert "SUBJECT" in huaweicloud.trust_policy(nowhere, None)


def test_what_a_machine_takes_on_lasts_an_hour_at_most(cloud: Agencies, on_a_machine: Way) -> None:
    longer = replace(on_a_machine, role=replace(on_a_machine.role, session_seconds=3601))
    error = refused(longer)
    assert error.reason is Reason.TOO_LONG
    assert "3600" in error.said
    assert cloud.accepts(assumed(on_a_machine))


def test_a_metadata_service_that_wants_no_token_is_asked_without(
    cloud: Agencies, on_a_machine: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = next(iter(cloud.iam.sessions.values()))
    with metadata(machine(cloud.iam, session, wants_a_token=False)) as service:
        settle(monkeypatch, {"TIC_METADATA_HUAWEICLOUD": service.address})
        assert cloud.accepts(assumed(on_a_machine))


def test_a_machine_without_an_agency_has_no_identity(
    cloud: Agencies, on_a_machine: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    with metadata(machine(cloud.iam, None)) as service:
        environ = {"TIC_METADATA_HUAWEICLOUD": service.address}
        settle(monkeypatch, environ)
        assert huaweicloud.find_sources(environ) == ()
        assert refused(on_a_machine).reason is Reason.SOURCE_MISSING


def test_the_stacks_region_is_asked_and_its_project_is_told(
    cloud: Agencies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = "sts.ap-southeast-3.myhuaweicloud.com"
    settings = {"region": "ap-southeast-3", "project-name": "ap-southeast-3_site"}
    with clouds({elsewhere: HuaweiCloud([cloud.key])}) as env, cloud.way("credential", tmp_path) as way:
        settle(monkeypatch, env)
        emulator = env.handlers[elsewhere]
        assert isinstance(emulator, HuaweiCloud)
        emulator.iam.roles[cloud.role] = cloud.kept
        session = assumed(replace(way, role=replace(way.role, settings=settings)))
    assert session.fields["project-name"].reveal() == b"ap-southeast-3_site"
    assert session.principal == f"sts::{ACCOUNT}:assumed-agency:tic/tic-site-prod-4f2a"
