"""Roles of Azure: the contract against an Entra that verifies tokens of issuers; machines' identities."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from credentials import kinds
from credentials.identity import verify
from credentials.roles import Reason, Role, Session, Source, SourceKind
from credentials.roles.providers import azure as module
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.credentials.roles.contract import NOBODY, Contract, RoleCloud, Way, assumed, refused
from tests.emulators.azure import ASSERTION, LOGIN, MANAGER, Application, Azure
from tests.emulators.azure_identities import SERVICE_PATH, TOKEN_PATH, Machine
from tests.emulators.metadata import metadata
from tests.emulators.oidc import Issuer
from tests.emulators.proxy import Handler, Request, Response, clouds

SUBJECT = "system:serviceaccount:ci:tic"
TENANT = "72f988bf-0000-4000-8000-00000000bbbb"
CLIENT = "11111111-2222-4333-8444-555555555555"
RESOURCE = (
    f"/subscriptions/{Azure.subscription}/resourceGroups/ops/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/tic"
)
MAY = frozenset({"subscription", "zones"})
APP = Application(CLIENT, "99999999-8888-4777-8666-555555555555", TENANT, may=MAY)
SETTINGS = {"tenant-id": TENANT, "subscription-id": Azure.subscription}
CALLS = {"apply": "/providers/Microsoft.Network/dnsZones", "deploy": ""}
LINK_LOCAL = "169.254.169.254"
CONFIGURE = "import lego_bridge, sys; lego_bridge.cmd(sys.stdin.read())"
FEDERATION = "AZURE_FEDERATED_TOKEN_FILE"
OF_A_POD = {"AZURE_CLIENT_ID": CLIENT, "AZURE_TENANT_ID": TENANT}


class AzureCloud(RoleCloud):
    """An application that trusts an issuer's subject, and is a machine's managed identity as well."""

    provider, sdk, hosts = "azure", "azure.identity", (LOGIN,)
    usual, has_external_id, has_longest, has_names = "oidc", False, False, False
    nothing_here: ClassVar[Mapping[str, str]] = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": NOBODY}
    bad_roles = ("11111111-2222-4333-8444", "tic", RESOURCE.replace("tic", "t i c"), f"{RESOURCE}/more")

    def __init__(self) -> None:
        self.azure, self.issuer = Azure(APP), Issuer(path="/cluster")
        self.azure.federation.web[self.issuer.host] = self.issuer
        self.machine = Machine(
            lambda client_id: self.azure.issue(self.azure.applications[client_id]), lambda: self.azure.now()
        )
        self.token = self.issuer.token(SUBJECT, module.AUDIENCE)

    @contextmanager
    def way(self, kind: SourceKind, folder: Path) -> Iterator[Way]:
        with ExitStack() as running:
            if kind == "metadata":
                service = running.enter_context(metadata(self.machine))
                source, environ, name = Source(kind), {}, RESOURCE
                environ = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": service.address}
            else:
                path = self.issuer.written(folder / "token", self.token)
                source, name = Source(kind, token_file=str(path)), CLIENT
                environ = {FEDERATION: str(path)}
            role = Role("azure", name, "tic-5a1f0c2e9b7d4a36", 3600, source, SETTINGS)
            self.attach(module.trust_policy(role, None))
            yield Way(role, None, environ)

    def attach(self, trust_policy: str) -> None:
        document = json.loads(trust_policy)
        if "identity" in document:
            assert document["identity"]["type"] == "UserAssigned"
            self.machine.assigned = dict.fromkeys(document["identity"]["userAssignedIdentities"], CLIENT)
        else:
            self.azure.federation.credentials[CLIENT] = [document]

    def delete_role(self) -> None:
        del self.azure.applications[CLIENT]

    def create_role(self) -> None:
        self.azure.applications[CLIENT] = APP

    def forget_trust(self) -> None:
        self.machine.assigned = {}
        self.azure.federation.credentials = {}

    def reject_source(self) -> None:
        self.issuer.rotate()

    def set_clock(self, ahead: timedelta) -> None:
        self.azure.now = lambda: time.time() + ahead.total_seconds()

    def longest(self) -> int:
        raise NotImplementedError

    def accepts(self, session: Session, purpose: str = "apply") -> bool:
        """As Pulumi's providers do it: with their variables, and nothing else."""
        variables = kinds.load("azure").environment(session.fields)
        given = {name: value.reveal().decode() for name, value in variables.items()}
        token = self._of_machine(given) if given.get("ARM_USE_MSI") == "true" else self._federated(given)
        path = f"/subscriptions/{given['ARM_SUBSCRIPTION_ID']}{CALLS[purpose]}"
        headers = {"authorization": f"Bearer {token}"}
        return self.azure(Request("GET", MANAGER, path, "api-version=1", headers, b"")).status == 200

    def _federated(self, given: Mapping[str, str]) -> str:
        assert given["ARM_USE_OIDC"] == "true"
        form = {
            "grant_type": "client_credentials",
            "scope": f"https://{MANAGER}/.default",
            "client_id": given["ARM_CLIENT_ID"],
            "client_assertion_type": ASSERTION,
            "client_assertion": Path(given["ARM_OIDC_TOKEN_FILE_PATH"]).read_text("utf-8").strip(),
        }
        body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
        path = f"/{given['ARM_TENANT_ID']}/oauth2/v2.0/token"
        return told(self.azure(Request("POST", LOGIN, path, "", {}, body)))

    def _of_machine(self, given: Mapping[str, str]) -> str:
        query = f"resource=r&client_id={given['ARM_CLIENT_ID']}"
        return told(self.machine(Request("GET", "", TOKEN_PATH, query, {"metadata": "true"}, b"")))

    def session_names(self) -> list[str]:
        raise NotImplementedError

    def secrets(self) -> list[str]:
        return [self.token, *self.azure.issued]


def told(answer: Response) -> str:
    return str(json.loads(answer.body).get("access_token", ""))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureCloud]:
    for name in [one for one in os.environ if one.startswith(("AZURE_", "IDENTITY_", "MSI_"))]:
        monkeypatch.delenv(name)
    made = AzureCloud()
    with clouds(dict.fromkeys((LOGIN, MANAGER), made.azure)) as env:
        settle(monkeypatch, env)
        yield made


class TestAzure(Contract):
    """What holds for every cloud."""


@pytest.fixture
def way(cloud: AzureCloud, tmp_path: Path) -> Iterator[Way]:
    with cloud.way("oidc", tmp_path) as way:
        yield way


@pytest.fixture
def machine(cloud: AzureCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    with cloud.way("metadata", tmp_path) as way:
        settle(monkeypatch, way.environ)
        yield way


def test_a_session_is_what_pulumi_and_lego_read_and_holds_no_secret(cloud: AzureCloud, way: Way) -> None:
    session = assumed(way)
    assert (session.account, session.principal) == (TENANT, APP.object_id)
    assert shown(session) == {
        **SETTINGS,
        "client-id": CLIENT,
        "federated-token-file": way.role.source.token_file,
    }
    kind = kinds.load("azure")
    assert not any(one.secret for one in kind.fields if one.name in session.fields)
    assert kind.lego_environment(session.fields)["AZURE_AUTH_METHOD"].reveal() == b"wli"


def shown(session: Session) -> dict[str, str]:
    return {name: value.reveal().decode() for name, value in session.fields.items()}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "https://elsewhere.example.test"}, "AADSTS700211"),
        ({"sub": "somebody else"}, "AADSTS700213"),
        ({"aud": "another audience"}, "AADSTS700212"),
    ],
)
def test_which_claim_the_application_does_not_trust_is_said(
    cloud: AzureCloud, way: Way, tmp_path: Path, changed: dict[str, Any], code: str
) -> None:
    cloud.issuer.written(tmp_path / "token", cloud.issuer.token(SUBJECT, module.AUDIENCE, **changed))
    error = refused(way)
    assert code in error.said
    assert error.reason is Reason.TRUST_GONE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"disabled": True}, Reason.DENIED),
        ({"tenant": "00000000-0000-4000-8000-000000000000"}, Reason.ROLE_GONE),
    ],
)
def test_an_application_that_is_disabled_or_elsewhere_is_told(
    cloud: AzureCloud, way: Way, change: dict[str, bool], reason: Reason
) -> None:
    cloud.azure.applications[CLIENT] = replace(APP, **change)  # type: ignore[arg-type]
    assert refused(way).reason is reason


def test_the_tenant_may_be_in_the_environment(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    without = replace(way, role=replace(way.role, settings={"subscription-id": Azure.subscription}))
    error = refused(without)
    assert (error.reason, "AZURE_TENANT_ID" in error.said) == (Reason.SOURCE_MISSING, True)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    assert shown(assumed(without))["tenant-id"] == TENANT


def test_the_token_that_is_tried_is_what_the_file_holds_to_the_letter(way: Way, tmp_path: Path) -> None:
    # Pulumi's providers and lego send it as it stands there
    (tmp_path / "token").write_text((tmp_path / "token").read_text("ascii") + "\n")
    error = refused(way)
    assert (error.reason, "AADSTS50027" in error.said) == (Reason.SOURCE_REJECTED, True)


def test_a_token_takes_on_no_resource_id(way: Way) -> None:
    error = refused(replace(way, role=replace(way.role, role=RESOURCE)))
    assert (error.reason, "by its client ID alone" in error.said) == (Reason.SOURCE_REJECTED, True)


@pytest.mark.parametrize("role", [RESOURCE, CLIENT])
def test_a_machines_identity_is_known_by_either_id(cloud: AzureCloud, machine: Way, role: str) -> None:
    session = assumed(replace(machine, role=replace(machine.role, role=role)))
    assert shown(session) == {**SETTINGS, "identity": "managed", "client-id": CLIENT}
    assert cloud.accepts(session)
    lego = kinds.load("azure").lego_environment(session.fields)
    assert lego["AZURE_TOKEN_CREDENTIALS"].reveal() == b"ManagedIdentityCredential"


def test_a_machines_own_identity_has_no_id_to_ask_for(cloud: AzureCloud, machine: Way) -> None:
    own = replace(machine, role=replace(machine.role, role="system"))
    assert refused(own).reason is Reason.ROLE_GONE
    cloud.machine.system = CLIENT
    assert shown(assumed(own)) == {**SETTINGS, "identity": "managed"}
    assert json.loads(module.trust_policy(own.role, None)) == {"identity": {"type": "SystemAssigned"}}


def test_a_machine_without_the_identity_says_what_azure_says(cloud: AzureCloud, machine: Way) -> None:
    cloud.machine.assigned = {}
    error = refused(machine)
    assert (error.reason, error.said) == (Reason.ROLE_GONE, "invalid_request: Identity not found")


def test_a_pods_token_is_never_taken_for_a_machines_identity(
    cloud: AzureCloud, machine: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cloud.issuer.written(tmp_path / "token", cloud.token)
    settle(monkeypatch, {**OF_A_POD, FEDERATION: str(path)})
    cloud.machine.assigned = {}
    assert refused(machine).reason is Reason.ROLE_GONE


def test_a_machine_without_the_service_has_no_source(machine: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", NOBODY)
    error = refused(machine)
    assert (error.reason, "connection is refused" in error.said) == (Reason.SOURCE_MISSING, True)


def test_a_machine_is_asked_without_the_proxy(machine: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, NOBODY)
    assert assumed(machine).account == TENANT


def test_an_app_service_has_its_identity_from_a_service_of_its_own(
    cloud: AzureCloud, machine: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.machine.header = "cAnArY-header"
    with metadata(cloud.machine) as service:
        here = {"IDENTITY_ENDPOINT": f"{service.address}{SERVICE_PATH}", "IDENTITY_HEADER": "cAnArY-header"}
        assert module.find_sources(here) == (Source("metadata"),)
        settle(monkeypatch, here)
        assert shown(assumed(machine))["client-id"] == CLIENT
        cloud.machine.assigned = {}
        error = refused(machine)
    assert (error.reason, "cAnArY" in str(error)) == (Reason.ROLE_GONE, False)


def test_a_service_with_troubles_of_its_own_is_no_refusal(
    machine: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in (
        Response(500),
        Response(200, {}, b"<html>"),
        Response.json([]),
        Response.json({"error": 1}),
    ):
        with metadata(lambda _, it=answer: it) as service:  # type: ignore[misc]
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", service.address)
            assert refused(machine).reason is Reason.UNKNOWN


def test_a_credential_of_the_vault_can_be_a_federated_token_too(
    cloud: AzureCloud,
    way: Way,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fields = {**SETTINGS, "client-id": CLIENT, "federated-token-file": str(way.role.source.token_file)}
    assert verify("azure", secrets(fields), timeout=5).principal == APP.object_id
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(Exception, match="open to other users") as caught:
        verify("azure", secrets(fields), timeout=5)
    assert_nothing_told(caught.value, cloud.secrets(), caplog, capfd)


@pytest.mark.parametrize("source", ["oidc", "metadata"])
def test_lego_gets_its_own_token_with_what_a_session_hands_it(
    cloud: AzureCloud, source: SourceKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lego_bridge")
    with cloud.way(source, tmp_path) as way:
        settle(monkeypatch, way.environ)
        variables = kinds.load("azure").lego_environment(assumed(way).fields)
        shared = {name: value.reveal().decode() for name, value in variables.items()}
        asked = {"action": "configure", "provider": "azuredns", "credentials": shared, "nameservers": []}
        before = len(cloud.azure.issued)
        here: dict[str, Handler] = {LOGIN: cloud.azure, LINK_LOCAL: cloud.machine}
        here[MANAGER] = lambda _: Response(404)
        with clouds(here) as env:
            configure = [sys.executable, "-c", CONFIGURE]
            subprocess.run(configure, input=json.dumps(asked), text=True, check=True, env=dict(env))
    assert len(cloud.azure.issued) == before + 1


@pytest.mark.parametrize(
    ("kind", "role", "environment", "page"),
    [
        (
            "oidc",
            CLIENT,
            "public",
            "portal.azure.com/#view/Microsoft_AAD_RegisteredApps/Application",
        ),
        ("metadata", RESOURCE, "usgovernment", f"portal.azure.us/#resource{RESOURCE}"),
        ("metadata", "system", "china", "portal.azure.cn/#browse/Microsoft.ManagedIdentity"),
    ],
)
def test_each_of_azures_clouds_has_its_own_portal(
    kind: SourceKind, role: str, environment: str, page: str
) -> None:
    made = Role("azure", role, None, 3600, Source(kind), {"environment": environment})
    assert module.console(made).startswith(f"https://{page}")
