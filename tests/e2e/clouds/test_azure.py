"""Azure DNS through lego: by a secret, a certificate, an issuer's token, or the machine's own identity."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.dns.publisher import ProviderFailed
from tests.credentials.identity.test_azure import APP, FIELDS, SECRET, SUBSCRIBED, pem
from tests.e2e.clouds.world import ZONE, CloudWorld, called_as_said, cloud_world, value
from tests.emulators.azure import LOGIN, MANAGER, Application
from tests.emulators.azure_dns import DELETE, GROUP, READ, READ_ZONES, WRITE, AzureDns
from tests.emulators.azure_identities import Machine
from tests.emulators.oidc import Issuer
from tests.engine.dns_world import warnings

__all__ = ["pem"]

METADATA = "169.254.169.254"
MAY = frozenset({READ_ZONES, READ, WRITE, DELETE})
ABLE = replace(APP, may=MAY)


@contextmanager
def there(folder: Path, application: Application = ABLE) -> Iterator[tuple[CloudWorld, AzureDns]]:
    """A world beside a subscription, on a machine with the application's identity."""
    api = AzureDns(application)
    machine = Machine(lambda client_id: api.issue(api.applications[client_id]), lambda: api.now())
    machine.system = application.client_id
    machine.assigned = {"/of/the/machine": application.client_id}
    with cloud_world(folder, {LOGIN: api, MANAGER: api, METADATA: machine}, api.txt) as world:
        yield world, api


@pytest.mark.parametrize(
    "fields",
    [FIELDS, SUBSCRIBED, {**SUBSCRIBED, "resource-group": GROUP}],
    ids=["anywhere", "in a subscription", "in a resource group"],
)
def test_publishes_and_withdraws(tmp_path: Path, fields: dict[str, str]) -> None:  # D1
    with there(tmp_path) as (world, _):
        world.dns.bind("azure", fields)
        world.passes()


def test_a_certificate_signs_what_a_secret_would_say(tmp_path: Path, pem: tuple[bytes, bytes]) -> None:  # D4
    certificate, with_key = pem
    with there(tmp_path, replace(ABLE, secret="", certificate=certificate)) as (world, _):
        fields = {**SUBSCRIBED, "client-certificate": with_key.decode()}
        del fields["client-secret"]
        world.dns.bind("azure", fields)
        world.passes()


@pytest.mark.parametrize("fields", [{}, {"client-id": APP.client_id}], ids=["its own", "one of several"])
def test_the_machine_has_an_identity(tmp_path: Path, fields: dict[str, str]) -> None:  # D4
    with there(tmp_path) as (world, _):
        world.dns.bind("azure", {"identity": "managed", **fields})
        world.passes()


def test_a_token_of_another_issuer_stands_for_the_application(tmp_path: Path) -> None:  # D4
    issuer = Issuer(path="/cluster")
    with there(tmp_path) as (world, api):
        api.federation.web[issuer.host] = issuer
        about = {"iss": issuer.url, "sub": "ci", "aud": "api://AzureADTokenExchange"}
        trusted = {"issuer": issuer.url, "subject": "ci", "audiences": [about["aud"]]}
        api.federation.credentials[APP.client_id] = [trusted]
        file = issuer.written(tmp_path / "token", issuer.token("ci", about["aud"]))
        fields = {name: FIELDS[name] for name in ("client-id", "tenant-id")}
        world.dns.bind("azure", {**fields, "federated-token-file": str(file)})
        world.passes()


def test_it_calls_what_its_privileges_say_and_nothing_else(tmp_path: Path) -> None:  # D6
    with there(tmp_path) as (world, api):
        world.dns.bind("azure", FIELDS)
        assert called_as_said("azure", world.calls(api.taken)) == MAY


@pytest.mark.parametrize("action", [READ, WRITE, DELETE])
def test_the_action_that_a_principal_lacks_is_named_with_the_policy_to_attach(
    tmp_path: Path, action: str
) -> None:  # D6
    with there(tmp_path, replace(ABLE, may=MAY - {action})) as (world, _):
        world.dns.bind("azure", FIELDS, name="dns")
        refused = world.refusal()
    assert str(refused).startswith(f"dns (azure) lacks the permission {action}: azuredns failed ")
    assert "tic creds privileges azure --for apply --format policy" in refused.hint
    assert SECRET not in str(refused)


def test_a_principal_that_sees_no_zone_may_lack_that_permission(tmp_path: Path) -> None:  # D6
    with there(tmp_path, replace(ABLE, may=MAY - {READ_ZONES})) as (world, _):
        world.dns.bind("azure", FIELDS, name="dns")
        refused = world.refusal()
    assert str(refused).startswith(f"dns (azure) may lack the permission {READ_ZONES}: ")
    assert refused.hint.startswith("check that the zone is in this account")


def test_a_secret_that_has_expired_is_told_with_what_to_do(tmp_path: Path) -> None:
    with there(tmp_path, replace(ABLE, expired=True)) as (world, _):
        world.dns.bind("azure", FIELDS, name="dns")
        with world.run() as broker, pytest.raises(ProviderFailed, match="AADSTS7000222") as failed:
            world.publish(broker)
    assert "tic creds rotate dns" in failed.value.hint
    assert SECRET not in str(failed.value)
    assert world.there(ZONE) == []


def test_a_token_that_ends_is_renewed_in_time(tmp_path: Path) -> None:
    with there(tmp_path) as (world, api):
        api.lifetime = 1
        world.dns.bind("azure", FIELDS)
        with world.run() as broker:
            world.publish(broker)
            api.now = lambda: time.time() + 60
            world.withdraw(broker)
        assert (world.there(), world.told) == ([], [])
        assert len(api.issued) > 1


@pytest.mark.parametrize("whole", [True, False])
def test_values_of_others_at_the_name_stay(tmp_path: Path, *, whole: bool) -> None:  # D1
    """lego's client would delete the whole record set, so dns-lexicon takes the value out; it knows a secret
    with its subscription and resource group alone. Where that is not given, the value is named.
    """
    fields = {**SUBSCRIBED, "resource-group": GROUP} if whole else FIELDS
    with there(tmp_path) as (world, api):
        api.put(ZONE, "_acme-challenge", "somebody else's")
        world.dns.bind("azure", fields, name="dns")
        with world.run() as broker:
            world.publish(broker)
            assert world.there() == sorted([value(), "somebody else's"])
        if whole:
            assert world.there() == ["somebody else's"]
        else:
            assert world.there() == sorted([value(), "somebody else's"])
            (told,) = warnings(world.told)
            assert f"the value {value()} may still be published: the client of azure deletes every" in told
            assert "https://portal.azure.com/" in told
