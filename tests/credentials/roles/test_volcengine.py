"""Volcano Engine's roles, taken on with the official SDK."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from credentials.roles import Reason, Source
from credentials.roles.providers import volcengine
from tests.credentials.identity.asking import settle
from tests.credentials.roles.contract import Way, assumed, refused
from tests.credentials.roles.signed_cloud import (
    AUDIENCE,
    SUBJECT,
    SignedCloud,
    SilentContract,
    check_any_text,
    dumped,
    key,
    nothing,
)
from tests.emulators.assumed_roles import CloudSession
from tests.emulators.metadata import metadata
from tests.emulators.proxy import Handler, clouds
from tests.emulators.volcengine import Volcengine
from tests.emulators.volcengine_sts import machine

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

ACCOUNT = "2100000001"


class VolcanoCloud(SignedCloud):
    provider = "volcengine"
    sdk = "volcenginesdkcore"
    hosts = ("open.volcengineapi.com",)
    account = ACCOUNT
    role = f"trn:iam::{ACCOUNT}:role/tic"
    settings: ClassVar[Mapping[str, str]] = {"oidc-provider": "ci"}
    bad_roles = ("arn:aws:iam::123456789012:role/tic", f"trn:iam::{ACCOUNT}:user/tic", "trn:iam::x:role/tic")
    has_external_id = False
    nothing_here = nothing("volcengine")
    token_file = "VOLCENGINE_OIDC_TOKEN_FILE"
    identity_provider = f"trn:iam::{ACCOUNT}:oidc-provider/ci"

    def trusting(self, account: str) -> str:
        return dumped(
            Statement=[
                {
                    "Effect": "Allow",
                    "Action": ["sts:AssumeRole"],
                    "Principal": {"IAM": [f"trn:iam::{account}:root"]},
                }
            ]
        )

    def trusting_tokens(self) -> str:
        return dumped(
            Statement=[
                {
                    "Effect": "Allow",
                    "Action": ["sts:AssumeRoleWithOIDC"],
                    "Principal": {"Federated": [self.identity_provider]},
                    "Condition": {"StringEquals": {"oidc:aud": [AUDIENCE], "oidc:sub": [SUBJECT]}},
                }
            ]
        )

    def machine(self, session: CloudSession) -> Handler:
        return machine(self.iam, "of-the-machine", session)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[VolcanoCloud]:
    emulator = Volcengine([key(ACCOUNT)])
    with clouds(dict.fromkeys(VolcanoCloud.hosts, emulator)) as env:
        settle(monkeypatch, env)
        yield VolcanoCloud(emulator)


class TestVolcengine(SilentContract):
    """The contract of every cloud's role."""


@pytest.fixture
def token(cloud: VolcanoCloud, tmp_path: Path) -> Iterator[Way]:
    with cloud.way("oidc", tmp_path) as way:
        yield way


def test_any_text_is_a_role_or_refused() -> None:
    check_any_text(volcengine)


def test_a_token_is_never_signed_over(
    cloud: VolcanoCloud, token: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that somebody left in the environment are not asked for, and not sent."""
    monkeypatch.setenv("VOLCENGINE_ACCESS_KEY", "cAnArY-of-the-environment")
    monkeypatch.setenv("VOLCENGINE_SECRET_KEY", "cAnArY-of-the-environment")
    assert cloud.accepts(assumed(token))


@pytest.mark.parametrize("audience", ["somebody-else", AUDIENCE])
def test_a_token_for_others_or_of_a_key_that_is_nobodys_is_rejected(
    cloud: VolcanoCloud, token: Way, audience: str
) -> None:
    path = token.role.source.token_file
    assert path is not None
    cloud.issuer.written(Path(path), cloud.issuer.token(SUBJECT, audience))
    if audience == AUDIENCE:
        cloud.issuer.rotate()
    assert refused(token).reason is Reason.SOURCE_REJECTED


def test_a_token_of_another_subject_is_not_trusted(cloud: VolcanoCloud, token: Way) -> None:
    path = token.role.source.token_file
    assert path is not None
    cloud.issuer.written(Path(path), cloud.issuer.token("repo:somebody/else", AUDIENCE))
    assert refused(token).reason is Reason.TRUST_GONE


def test_the_trust_policy_for_tokens_has_what_the_token_says(token: Way) -> None:
    policy = volcengine.trust_policy(token.role, None)
    assert SUBJECT in policy
    assert AUDIENCE in policy
    nowhere = replace(token.role, source=Source("oidc", token_file="/nonexistent"))
    assert "SUBJECT" in volcengine.trust_policy(nowhere, None)


def test_a_machine_without_a_role_has_no_identity(
    cloud: VolcanoCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cloud.way("metadata", tmp_path) as way:
        session = next(iter(cloud.iam.sessions.values()))
        with metadata(machine(cloud.iam, "", session)) as service:
            environ = {"TIC_METADATA_VOLCENGINE": service.address}
            settle(monkeypatch, environ)
            assert volcengine.find_sources(environ) == ()
            error = refused(way)
    assert error.reason is Reason.SOURCE_MISSING
    assert "no role" in error.said


def test_the_metadata_service_can_be_ruled_out(cloud: VolcanoCloud, tmp_path: Path) -> None:
    with cloud.way("metadata", tmp_path) as way:
        assert volcengine.find_sources(way.environ) == (Source("metadata"),)
        assert volcengine.find_sources({**way.environ, "VOLCENGINE_ECS_METADATA_DISABLED": "true"}) == ()


def test_a_session_that_the_cloud_cut_short_is_known_to_be_short(
    cloud: VolcanoCloud, tmp_path: Path
) -> None:  # A10
    """It takes 900 seconds for 3600 when it is asked for fewer; the times of its answer tell."""
    with cloud.way("credential", tmp_path) as way:
        session = assumed(replace(way, role=replace(way.role, session_seconds=900)))
        ends = next(iter(cloud.iam.sessions.values())).ends
        assert abs(session.expires_at - ends.timestamp()) < 5
