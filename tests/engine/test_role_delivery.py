"""What an engine gets of a linked role: AWS's SDKs fetch it from the run's broker, others have it once."""

import http.client
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from credentials.roles import Session, Source, SourceKind
from credentials.secret import SecretBytes
from engine import role_delivery
from engine.broker import Broker, broker_app
from engine.role_sessions import RoleSessions
from engine.role_tokens import token_of
from engine.state.server import serve
from tests.credentials.identity.asking import secrets, settle
from tests.credentials.roles.test_aws import AwsCloud
from tests.emulators.aws import HOSTS, aws
from tests.emulators.proxy import clouds
from tests.engine.dns_world import DnsWorld, dns_world

pytestmark = pytest.mark.slow  # what it links asks an emulated cloud through its SDK

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
BROKER = {"broker_url": "http://127.0.0.1:1/broker", "broker_token": "a-token"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsWorld]:
    """The stack site/dev, which AWS's role serves."""
    made = dns_world(tmp_path)
    with aws() as emulator, clouds(dict.fromkeys(HOSTS, emulator)) as env:
        settle(monkeypatch, env)
        cloud = AwsCloud(emulator)
        with cloud.way("credential", tmp_path) as way:
            fields = {name: value.reveal().decode() for name, value in (way.identity or {}).items()}
            token = made.vault.new("first", "aws", fields).token
            made.vault.linked.link(replace(way.role, source=Source("credential", credential=token)))
            made.bindings["aws"] = token_of("aws")
            yield made
    made.database.close()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Mapping[str, str]


@contextmanager
def served(broker: Broker) -> Iterator[str]:
    with serve(lambda: broker_app(broker)) as url:
        yield url


def get(url: str, token: str) -> Answer:
    """As AWS's SDKs ask: the token stands in the header as it is."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("GET", parts.path, headers={"Authorization": token})
        answer = connection.getresponse()
        return Answer(answer.status, json.loads(answer.read()))
    finally:
        connection.close()


def test_an_engine_gets_the_address_of_aws_keys_and_no_keys() -> None:
    given = secrets({**KEYS, "AWS_REGION": "eu-central-1", "OTHER": "x"})
    found = role_delivery.variables({"aws": token_of("aws")}, given, **BROKER)
    shown = {name: value.reveal().decode() for name, value in found.items()}
    assert shown == {
        "AWS_REGION": "eu-central-1",
        "OTHER": "x",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/broker/session/aws",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer a-token",
    }


def test_a_slot_that_a_role_serves_gets_the_address_under_its_own_names_and_no_keys_of_the_stack() -> None:
    given = secrets({**KEYS, **{f"PROD_{name}": "of-a-session" for name in KEYS}})
    found = role_delivery.variables({"aws": "tic_x", "aws:prod": token_of("aws")}, given, **BROKER)
    shown = {name: value.reveal().decode() for name, value in found.items()}
    assert {name: shown[name] for name in KEYS} == KEYS
    assert {shown[f"PROD_{name}"] for name in KEYS} == {""}
    assert shown["PROD_AWS_CONTAINER_CREDENTIALS_FULL_URI"].endswith("/broker/session/aws")
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in shown


def test_what_a_credential_gives_and_what_other_roles_give_stays_as_it_is() -> None:
    given = secrets(KEYS)
    assert role_delivery.variables({"aws": "tic_abc"}, given, **BROKER) == given
    others = {"tencentcloud": token_of("tencentcloud")}
    assert role_delivery.variables(others, given, **BROKER) == given


def test_which_providers_a_role_serves_is_told_by_their_tokens() -> None:
    tokens = {"aws": token_of("aws"), "alicloud": "tic_abc", "azure": token_of("azure")}
    assert role_delivery.served_by_role(tokens) == ["aws", "azure"]


def test_a_session_is_written_as_container_credentials() -> None:
    fields = {"access-key-id": "AKIA", "secret-access-key": "s", "session-token": "t", "region": "r"}
    session = Session(secrets(fields), 1_800_000_000.9, "", "")
    assert role_delivery.container_credentials(session) == {
        "AccessKeyId": "AKIA",
        "SecretAccessKey": "s",
        "Token": "t",
        "Expiration": "2027-01-15T08:00:00Z",
    }


def test_the_broker_gives_the_session_to_who_has_the_runs_token(world: DnsWorld) -> None:  # A10
    with world.run() as broker, served(broker) as url:
        answer = get(f"{url}/session/aws", f"Bearer {broker.token}")
        assert answer.status == 200
        assert set(answer.body) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
        assert datetime.fromisoformat(answer.body["Expiration"]) > datetime.now(UTC)
        for wrong in ("", broker.token, "Bearer another"):
            assert get(f"{url}/session/aws", wrong).status == 401


def test_a_stack_that_a_credential_serves_gets_no_session(world: DnsWorld) -> None:
    world.bindings["aws"] = world.vault.find("first").token
    with world.run() as broker, served(broker) as url:
        answer = get(f"{url}/session/aws", f"Bearer {broker.token}")
    assert answer.status >= 400
    assert "not served by a linked role of aws" in answer.body["error"]
    assert "AccessKeyId" not in answer.body


def test_no_warning_is_needed_where_keys_are_renewed(world: DnsWorld) -> None:
    assert role_delivery.warning("aws", RoleSessions(world.vault, stack="site/dev", run="run")) is None
    of_machine, of_token = Fixed(world, 1800.0, "metadata"), Fixed(world, 1800.0, "oidc")
    assert role_delivery.warning("azure", of_machine, now=0.0) is None
    assert role_delivery.warning("azure", of_token, now=0.0) is not None


class Fixed(RoleSessions):
    """Sessions that end when the test says, of a role that this source takes on."""

    def __init__(self, world: DnsWorld, ends: float, source: SourceKind = "credential") -> None:
        super().__init__(world.vault, stack="site/dev", run="run")
        self._ends, self._source = ends, source

    def session(self, provider: str, purpose: str | None = None) -> Session:
        return Session({"secret-key": SecretBytes(b"s")}, self._ends, "", "")

    def source(self, provider: str) -> SourceKind:
        return self._source


@pytest.mark.parametrize(("seconds", "severity"), [(1800, "warning"), (7200, "info")])
def test_others_are_told_how_long_they_have(world: DnsWorld, seconds: int, severity: str) -> None:
    notice = role_delivery.warning("tencentcloud", Fixed(world, 1000.0 + seconds), now=1000.0)
    assert notice is not None
    assert notice.severity == severity
    assert f"for {seconds // 60} minutes" in notice.message
    assert "tic role enable tencentcloud --session SECONDS" in notice.message
