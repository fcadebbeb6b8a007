"""Roles of AWS: the contract against moto behind a gate that knows trust, ends and lengths; and AWS's own."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from credentials.identity import IdentityError
from credentials.identity.aws import Refused, caller
from credentials.roles import Reason, Role, Session, Source, SourceKind
from credentials.roles.providers import aws as module
from tests.credentials.identity.asking import secrets, settle
from tests.credentials.roles.contract import NOBODY, Contract, RoleCloud, Way, assumed, refused
from tests.emulators.aws import ACCOUNT, HOSTS, Aws, aws
from tests.emulators.aws_metadata import Container, Instance
from tests.emulators.metadata import metadata
from tests.emulators.oidc import Issuer
from tests.emulators.proxy import Request, Response, clouds
from tests.emulators.signing import Key

EXTERNAL_ID = "tic-5a1f0c2e9b7d4a36"
SUBJECT = "system:serviceaccount:ci:tic"
ARN = f"arn:aws:iam::{ACCOUNT}:role/tic"
ALLOWED = ("route53:*", "acm:*")
CALLS = {"apply": ("route53", "list_hosted_zones"), "deploy": ("acm", "list_certificates")}
FIELDS = {"id": "access-key-id", "secret": "secret-access-key", "token": "session-token"}
ELSEWHERE = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/mallory"}


class AwsCloud(RoleCloud):
    """Alice, who may take roles on and look at them; an instance's role that may, too; and an OIDC issuer."""

    provider, sdk, hosts = "aws", "botocore", HOSTS
    nothing_here: ClassVar[Mapping[str, str]] = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": NOBODY}
    bad_roles = (
        "arn:aws:iam::123456789012:user/tic",
        "arn:aws:iam::12345678901:role/tic",
        "arn:aws:iam::123456789012:role/a/b c/tic",
        f"arn:aws:iam::123456789012:role/{'x' * 65}",
        "tic",
    )

    def __init__(self, cloud: Aws) -> None:
        self.cloud, self.issuer = cloud, Issuer(path="/cluster")
        self.key = cloud.user("alice", "sts:AssumeRole", "iam:GetRole")
        self.machine = cloud.session("machine", "sts:AssumeRole", "iam:GetRole")
        self.sessions: list[Session] = []
        self.token = self.issuer.token(SUBJECT, module.AUDIENCE)
        cloud.roles.web[self.issuer.host] = self.issuer
        cloud.iam.create_open_id_connect_provider(self.issuer.url, ["0" * 40], [module.AUDIENCE], [])
        self.source = Source("credential", credential="aws-1")
        self.create_role()

    @contextmanager
    def way(self, kind: SourceKind, folder: Path) -> Iterator[Way]:
        source, environ, identity = Source(kind, credential="aws-1"), {}, fields_of(self.key)
        with ExitStack() as running:
            if kind == "metadata":
                service = running.enter_context(metadata(Instance("machine", self.machine)))
                source, environ = Source(kind), {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.address}
            elif kind == "oidc":
                path = self.issuer.written(folder / "token", self.token)
                source, environ = (
                    Source(kind, token_file=str(path)),
                    {"AWS_WEB_IDENTITY_TOKEN_FILE": str(path)},
                )
            role = Role("aws", ARN, EXTERNAL_ID, 3600, source, {"region": "eu-central-1"})
            self.attach(module.trust_policy(role, ACCOUNT))
            yield Way(role, secrets(identity) if kind == "credential" else None, environ)

    def attach(self, trust_policy: str) -> None:
        self.policy = trust_policy
        self.cloud.iam.update_assume_role_policy("tic", trust_policy)

    def delete_role(self) -> None:
        self.cloud.iam.delete_role_policy("tic", "allowed")
        self.cloud.iam.delete_role("tic")

    def create_role(self) -> None:
        trusted = getattr(self, "policy", trusting(ELSEWHERE))
        assert self.cloud.role("tic", trusted, *ALLOWED, seconds=7200) == ARN

    def forget_trust(self) -> None:
        self.cloud.iam.update_assume_role_policy("tic", trusting(ELSEWHERE))

    def reject_source(self) -> None:
        self.cloud.iam.get_user("alice").update_access_key(self.key.id, "Inactive")

    def set_clock(self, ahead: timedelta) -> None:
        self.cloud.now = lambda: datetime.now(UTC) + ahead

    def longest(self) -> int:
        return 7200

    def accepts(self, session: Session, purpose: str = "apply") -> bool:
        self.sessions.append(session)
        try:
            caller("aws", session.fields, 5)(*CALLS[purpose], {})
        except (Refused, IdentityError):
            return False
        return True

    def session_names(self) -> list[str]:
        return [taken.name for taken in self.cloud.roles.taken.values()]

    def secrets(self) -> list[str]:
        told = [self.key.secret, self.machine.secret, self.machine.token, self.token]
        sessions = [session.fields[name] for session in self.sessions for name in FIELDS.values()]
        return told + [one.reveal().decode() for one in sessions]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsCloud]:
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with aws() as made, clouds(dict.fromkeys(HOSTS, made)) as env:
        settle(monkeypatch, env)
        yield AwsCloud(made)


class TestAws(Contract):
    """What holds for every cloud."""


def fields_of(key: Key) -> dict[str, str]:
    values = {name: getattr(key, attribute) for attribute, name in FIELDS.items()}
    return {name: value for name, value in values.items() if value}


def trusting(principal: object, **more: object) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def way(cloud: AwsCloud, tmp_path: Path) -> Iterator[Way]:
    with cloud.way("credential", tmp_path) as way:
        yield way


def test_one_who_may_not_look_at_the_role_is_told_that_aws_does_not_tell(cloud: AwsCloud, way: Way) -> None:
    cloud.cloud.allow("alice", "sts:AssumeRole")
    for happens in (cloud.forget_trust, cloud.delete_role):
        happens()
        error = refused(way)
        assert error.reason is Reason.DENIED
        assert "is not authorized to perform: sts:AssumeRole" in error.said
        assert error.said.endswith("AWS does not tell a role that is gone from one that does not trust it")
        assert "/iam/home#/roles/details/tic" in error.hint


def test_a_role_of_another_account_is_not_looked_at(cloud: AwsCloud, way: Way) -> None:
    error = refused(replace(way, role=replace(way.role, role="arn:aws:iam::999999999999:role/tic")))
    assert error.reason is Reason.DENIED


def test_one_who_may_not_take_roles_on_is_told_so(cloud: AwsCloud, way: Way) -> None:
    cloud.cloud.allow("alice", "iam:GetRole")
    error = refused(way)
    assert error.reason is Reason.DENIED
    assert "AWS does not tell" not in error.said


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        (trusting(ELSEWHERE), Reason.TRUST_GONE),
        (trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:role/machine"}), Reason.TRUST_GONE),
        (trusting({"AWS": ACCOUNT}, Condition={"StringEquals": {"sts:ExternalId": "x"}}), Reason.TRUST_GONE),
        (trusting({"Service": "ec2.amazonaws.com"}), Reason.TRUST_GONE),
    ],
)
def test_what_the_role_trusts_is_read(cloud: AwsCloud, way: Way, trust: str, reason: Reason) -> None:
    cloud.attach(trust)
    assert refused(way).reason is reason


def test_a_machines_role_can_be_trusted_by_its_name(cloud: AwsCloud, tmp_path: Path) -> None:
    with cloud.way("metadata", tmp_path) as way:
        cloud.attach(trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:role/machine"}))
        with pytest.MonkeyPatch.context() as patch:
            settle(patch, way.environ)
            assert cloud.accepts(assumed(way))


def test_temporary_keys_take_a_role_on_for_an_hour_at_most(
    cloud: AwsCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cloud.way("metadata", tmp_path) as way:
        settle(monkeypatch, way.environ)
        error = refused(replace(way, role=replace(way.role, session_seconds=3601)))
    assert error.reason is Reason.TOO_LONG
    assert error.hint.endswith("tic role enable aws --session 3600")


def test_a_container_has_its_role_from_a_service_of_its_own(
    cloud: AwsCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "authorization"
    token.write_text("a-token\n")
    with (
        cloud.way("metadata", tmp_path) as way,
        metadata(Container("/role-keys", "a-token", cloud.machine)) as service,
    ):
        here = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{service.address}/role-keys",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        }
        assert module.find_sources(here) == (Source("metadata"),)
        settle(monkeypatch, {**here, "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOBODY})
        assert cloud.accepts(assumed(way))
        token.write_text("another")
        error = refused(way)
        assert (error.reason, "status 403" in error.said) == (Reason.SOURCE_MISSING, True)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://elsewhere.example.test/role-keys")
        assert "neither AWS's nor this machine" in refused(way).said


def test_an_instance_without_a_role_is_no_source(cloud: AwsCloud) -> None:
    with metadata(Instance(None, cloud.machine)) as service:
        here = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.address}
        assert module.find_sources(here) == ()
        assert module.find_sources({**here, "AWS_EC2_METADATA_DISABLED": "true"}) == ()


def test_an_issuer_that_the_account_does_not_know_is_the_roles_trust(
    cloud: AwsCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cloud.way("oidc", tmp_path) as way:
        settle(monkeypatch, way.environ)
        cloud.issuer.written(tmp_path / "token", cloud.issuer.token(SUBJECT, "another audience"))
        assert "Incorrect token audience" in refused(way).said
        cloud.issuer.written(tmp_path / "token", cloud.issuer.token("somebody else", module.AUDIENCE))
        error = refused(way)
        assert (error.reason, "sts:AssumeRoleWithWebIdentity" in error.said) == (Reason.TRUST_GONE, True)
        cloud.issuer.written(tmp_path / "token", cloud.token)
        cloud.cloud.iam.open_id_providers.clear()
        error = refused(way)
        assert error.reason is Reason.TRUST_GONE
        assert error.hint.startswith("make an identity provider of the token's issuer")


def test_a_job_of_github_has_its_token_from_github(
    cloud: AwsCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def actions(request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer cAnArY-request":
            return Response(401)
        return Response.json({"value": cloud.issuer.token(SUBJECT, request.parameters["audience"])})

    with cloud.way("oidc", tmp_path) as way, metadata(actions) as service:
        here = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{service.address}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "cAnArY-request",
        }
        assert module.find_sources({**cloud.nothing_here, **here}) == (Source("oidc"),)
        settle(monkeypatch, here)
        job = replace(way, role=replace(way.role, source=Source("oidc")))
        assert cloud.accepts(assumed(job))
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "cAnArY-another")
        error = refused(job)
    assert (error.reason, "status 401" in error.said) == (Reason.SOURCE_MISSING, True)
    assert "cAnArY" not in f"{error} {error.hint}"


def test_a_token_that_is_somebody_elses_is_rejected(
    cloud: AwsCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cloud.way("oidc", tmp_path) as way:
        settle(monkeypatch, way.environ)
        cloud.issuer.rotate()
        assert refused(way).reason is Reason.SOURCE_REJECTED


def test_a_token_that_only_the_cloud_finds_expired_is_a_matter_of_the_clock(
    cloud: AwsCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cloud.way("oidc", tmp_path) as way:
        settle(monkeypatch, way.environ)
        cloud.set_clock(timedelta(hours=2))
        error = refused(way)
    assert (error.reason, "120 min behind" in error.said) == (Reason.CLOCK_SKEW, True)


def test_the_end_is_by_this_machines_clock(cloud: AwsCloud, way: Way) -> None:
    plain = assumed(way).expires_at
    cloud.set_clock(timedelta(minutes=4))
    assert abs(assumed(way).expires_at - plain) < 30


def test_a_credential_without_keys_is_no_source(way: Way) -> None:
    for identity in (None, secrets({"credentials-file": "/nowhere"})):
        error = refused(replace(way, identity=identity))
        assert error.reason is Reason.SOURCE_MISSING
    unspeakable = secrets({"access-key-id": "AKIA", "secret-access-key": "é"})
    assert refused(replace(way, identity=unspeakable)).reason is Reason.SOURCE_REJECTED


def test_what_aws_could_not_be_asked_with_is_said(way: Way) -> None:
    error = refused(replace(way, role=replace(way.role, settings={"region": "eu central"})))
    assert "region is no name of a region" in error.said
    error = refused(replace(way, role=replace(way.role, external_id="a")))
    assert "2 to 1224 letters" in error.said


@pytest.mark.parametrize(
    ("arn", "page", "partition"),
    [
        (
            "arn:aws:iam::123456789012:role/tic",
            "https://console.aws.amazon.com/iam/home#/roles/details/tic",
            "aws",
        ),
        (
            "arn:aws-cn:iam::123456789012:role/a/b/t+c",
            "https://console.amazonaws.cn/iam/home#/roles/details/t%2Bc",
            "aws-cn",
        ),
        (
            "arn:aws-us-gov:iam::123456789012:role/tic",
            "https://console.amazonaws-us-gov.com/iam/home#/roles/details/tic",
            "aws-us-gov",
        ),
    ],
)
def test_each_partition_has_its_own_console_and_principals(arn: str, page: str, partition: str) -> None:
    role = Role("aws", arn, EXTERNAL_ID, 3600, Source("credential"))
    assert module.checked_role(arn) == arn
    assert module.console(role) == page
    (statement,) = json.loads(module.trust_policy(role, "210987654321"))["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:{partition}:iam::210987654321:root"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}


def test_the_region_goes_with_the_session(way: Way) -> None:
    assert assumed(way).fields["region"].reveal() == b"eu-central-1"
    assert "region" not in assumed(replace(way, role=replace(way.role, settings={}))).fields
