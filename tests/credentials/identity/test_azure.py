"""Entra tells who a service principal is, to the official SDK, and refuses in its own words."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from credentials.identity import (
    ClockSkew,
    Identity,
    Inconclusive,
    NotVerifiable,
    Rejected,
    Unreachable,
    verify,
)
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.azure import LOGIN, MANAGER, Application, Azure
from tests.emulators.proxy import Request, Response, clouds

# Canaries stand here alone: a traceback shows the lines of the tests, too.
SECRET, WRONG = "cAnArY~secret-5f1c", "cAnArY~wrong"
TENANT = "72f988bf-0000-4000-8000-00000000bbbb"
APP = Application(
    "11111111-2222-4333-8444-555555555555",
    "99999999-8888-4777-8666-555555555555",
    TENANT,
    SECRET,
    may=frozenset({"subscription", "zones"}),
)
FIELDS = {"client-id": APP.client_id, "client-secret": SECRET, "tenant-id": TENANT}
SUBSCRIBED = {**FIELDS, "subscription-id": Azure.subscription}
READS = "read the subscription (Microsoft.Resources/subscriptions/read)"
APPLY = "apply: list zones (Microsoft.Network/dnsZones/read)"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    made = Azure(APP)
    with clouds({LOGIN: made, MANAGER: made}) as env:
        settle(monkeypatch, env)
        yield made


@pytest.fixture(scope="module")
def pem() -> tuple[bytes, bytes]:
    """A certificate, and it with its key behind it."""
    key = rsa.generate_private_key(65537, 2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tic")]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate, certificate + private


def asked(fields: Mapping[str, str] = FIELDS) -> Identity:
    return verify("azure", secrets(fields), timeout=5)


def test_a_principal_is_told_who_it_is_and_what_it_can(cloud: Azure) -> None:  # B9
    assert asked(SUBSCRIBED) == Identity(
        account=TENANT,
        principal=APP.object_id,
        detail={
            "application": APP.client_id,
            "subscription": "Production (Enabled)",
            "can": f"{READS}; {APPLY}",
        },
    )


def test_without_a_subscription_nothing_is_read(cloud: Azure) -> None:
    assert asked() == Identity(TENANT, APP.object_id, {"application": APP.client_id})


def test_what_its_roles_do_not_allow_is_said(cloud: Azure) -> None:  # B9
    cloud.applications[APP.client_id] = replace(APP, may=frozenset({"zones"}))
    assert asked(SUBSCRIBED).cannot == (READS,)
    cloud.applications[APP.client_id] = replace(APP, may=frozenset())
    assert asked({**SUBSCRIBED, "resource-group": "dns"}).cannot == (READS, APPLY)
    other = asked({**FIELDS, "subscription-id": APP.object_id})
    assert (other.cannot, other.detail["subscription"]) == ((READS, APPLY), APP.object_id)


def test_a_certificate_signs_what_a_secret_would_say(cloud: Azure, pem: tuple[bytes, bytes]) -> None:
    certificate, with_key = pem
    cloud.applications[APP.client_id] = replace(APP, secret="", certificate=certificate)
    fields = {
        "client-id": APP.client_id,
        "tenant-id": TENANT,
        "client-certificate": with_key.decode(),
    }
    assert asked(fields).principal == APP.object_id
    other = rsa.generate_private_key(65537, 2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other")]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, other.public_key(), 1, now, now + timedelta(days=1))
    own = builder.sign(other, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    cloud.applications[APP.client_id] = replace(APP, secret="", certificate=own)
    with pytest.raises(Rejected, match="AADSTS700027: Client assertion contains an invalid signature"):
        asked(fields)


def test_a_clock_that_is_off_is_not_a_wrong_certificate(cloud: Azure, pem: tuple[bytes, bytes]) -> None:
    cloud.applications[APP.client_id] = replace(APP, secret="", certificate=pem[0])
    cloud.now = lambda: time.time() + 3600
    fields = {"client-id": APP.client_id, "tenant-id": TENANT, "client-certificate": pem[1].decode()}
    with pytest.raises(ClockSkew, match="AADSTS700024"):
        asked(fields)


def test_a_certificate_without_its_key_is_rejected(cloud: Azure, pem: tuple[bytes, bytes]) -> None:
    fields = {"client-id": APP.client_id, "tenant-id": TENANT, "client-certificate": pem[0].decode()}
    with pytest.raises(Rejected, match="no certificate with its private key can be read"):
        asked(fields)


def test_a_wrong_secret_is_rejected_and_never_repeated(
    cloud: Azure, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        Rejected, match=r"AADSTS7000215: Invalid client secret .* \(request 0e8a6b1c-"
    ) as caught:
        asked({**FIELDS, "client-secret": WRONG})
    assert caught.value.exit_code == 1
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"disabled": True}, "AADSTS7000112"),
        ({"expired": True}, "AADSTS7000222"),
        ({"client_id": "00000000-0000-4000-8000-000000000000"}, "AADSTS700016"),
        ({"tenant": "00000000-0000-4000-8000-000000000000"}, "AADSTS90002"),
    ],
)
def test_an_unknown_disabled_or_expired_one_is_rejected(
    cloud: Azure, change: dict[str, Any], code: str
) -> None:
    changed = replace(APP, **change)
    cloud.applications = {changed.client_id: changed}
    with pytest.raises(Rejected) as caught:
        asked()
    assert caught.value.code == code


def test_a_managed_identity_is_not_asked_about() -> None:
    with pytest.raises(NotVerifiable, match="a managed identity is known on its own machine only"):
        asked({"identity": "managed", "subscription-id": Azure.subscription})


@pytest.mark.parametrize(
    "answer",
    [
        Response(503),
        Response(200, body=b"<html>"),
        Response.json([]),
        Response.json({"error": "temporarily_unavailable", "error_description": "AADSTS90033: -"}, 503),
    ],
)
def test_an_answer_that_says_nothing_of_the_principal_is_said_to_be_that(
    monkeypatch: pytest.MonkeyPatch, answer: Response
) -> None:
    def service(_: Request) -> Response:
        return answer

    with clouds({LOGIN: service}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive):
            asked()


def test_a_provider_that_can_not_be_reached_is_no_rejection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with clouds({"elsewhere.test": lambda _: Response()}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Unreachable, match="the proxy refuses: 403") as caught:
            asked()
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


def test_what_azure_does_not_answer_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({LOGIN: Azure(APP)}) as env:
        settle(monkeypatch, env)
        told = asked(SUBSCRIBED)
    assert (told.cannot, told.detail["not known"]) == ((), f"{READS}; {APPLY}")
