"""B3, A7, A8: what a stack is bound to is changed by name; slots hold further credentials of a provider."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from credentials import audit_store
from credentials.audit import Entry
from credentials.audit_store import Wanted
from credentials.credential import RoleState
from credentials.refusals import NoCredential
from credentials.rules import CredentialInUse
from credentials.scopes import OutOfScope, Place
from credentials.slots import BadSlot
from credentials.vault import Vault
from engine import bindings, rebinding
from engine.bindings import Binding, SlotEmpty, Unauthorized, Usage
from engine.database import Database
from engine.dns_bindings import NotBound as NoPublisher
from engine.dns_bindings import ProviderUnclear, dns_binding
from engine.home import Home
from engine.installation import Installation
from engine.rebinding import NotBound, SlotUnclear, StillUsed
from engine.state import stacks, versions
from engine.state.stacks import Stack
from engine.state.versions import Checkpoint
from tests.credentials.worlds import set_role

TOKEN = {"api-token": "0123456789abcdef0123456789abcdef01234567"}
ALI = {"access-key": "LTAI", "secret-key": "a-secret-key"}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    home = Home(tmp_path / "home", tmp_path / "cache")
    database = Database.open(home, create=True)
    Vault.create(database, home.root, usage=Usage())
    database.close()
    made = Installation(home)
    for name in ("first", "second"):
        made.vault.new(name, "cloudflare", TOKEN)
    yield made
    made.database.close()


@pytest.fixture
def stack(installation: Installation, tmp_path: Path) -> Stack:
    with installation.database.write() as connection:
        return stacks.create(connection, "site", "dev", str(tmp_path))


def bound(installation: Installation, stack: Stack) -> list[tuple[str, str | None]]:
    with installation.database.read() as connection:
        return [
            (each.key, "role" if each.by_role else each.credential)
            for each in bindings.bound(connection, stack.id)
        ]


def completed(installation: Installation, stack: Stack) -> list[Binding]:
    with installation.vault.quiet_change() as change:
        return bindings.complete(change.connection, stack.id, stack.full_name, Place("site"))


def release(installation: Installation, stack: Stack) -> None:
    with installation.vault.quiet_change() as change:
        bindings.release(change.connection, stack.id)


def audited(installation: Installation) -> list[tuple[str, str | None, str | None]]:
    with installation.database.read() as connection:
        found = audit_store.newest(connection, Wanted(action="binding"), 10)
    events = [one.event for one in found if isinstance(one, Entry)]
    return [(event.action, event.name, event.detail.get("as")) for event in events]


def test_a_slot_holds_a_second_credential_beside_the_providers_own(
    installation: Installation, stack: Stack
) -> None:
    rebinding.rebind(installation, stack, "first")
    rebinding.rebind(installation, stack, "second", "prod")
    assert bound(installation, stack) == [("cloudflare", "first"), ("cloudflare:prod", "second")]
    assert [str(each) for each in completed(installation, stack)] == ["cloudflare", "cloudflare as prod"]
    rebinding.rebind(installation, stack, "first", "prod")
    assert bound(installation, stack) == [("cloudflare", "first"), ("cloudflare:prod", "first")]


def test_a_credential_in_a_slot_is_in_use(installation: Installation, stack: Stack) -> None:  # A8, B8
    rebinding.rebind(installation, stack, "second", "prod")
    with pytest.raises(CredentialInUse, match="site/dev uses it"):
        installation.vault.delete("second")
    (view,) = [one for one in installation.vault.list() if one.credential.name == "second"]
    assert view.used_by == ("site/dev",)


def test_a_stack_that_uses_a_role_twice_is_named_once(installation: Installation, stack: Stack) -> None:
    rebinding.rebind(installation, stack, "first")
    rebinding.rebind(installation, stack, "second", "prod")
    set_role(installation.vault, "cloudflare", RoleState.ENABLED)
    installation.vault.clear("cloudflare")  # A7
    assert bound(installation, stack) == [("cloudflare", "role"), ("cloudflare:prod", "role")]
    with installation.database.read() as connection:
        assert Usage().stacks_by_role(connection, "cloudflare") == ["site/dev"]


def test_a_slot_is_never_filled_by_what_is_active(installation: Installation, stack: Stack) -> None:
    """B3 is for the provider's own: a slot that a destroy has freed waits for a name."""
    rebinding.rebind(installation, stack, "first")
    rebinding.rebind(installation, stack, "second", "prod")
    release(installation, stack)
    with pytest.raises(SlotEmpty, match="nothing bound for cloudflare as prod") as refused:
        completed(installation, stack)
    assert refused.value.exit_code == 3
    assert "tic stack bind site/dev CREDENTIAL --as prod" in refused.value.hint
    assert bound(installation, stack) == [("cloudflare", None), ("cloudflare:prod", None)]
    rebinding.unbind(installation, stack, None, "prod")
    assert [each.credential for each in completed(installation, stack)] == ["first"]


def test_a_stack_can_be_bound_to_whatever_serves_a_provider_now(
    installation: Installation, stack: Stack
) -> None:
    assert rebinding.serve(installation, stack, "cloudflare").credential == "first"
    installation.vault.activate("second")
    assert rebinding.serve(installation, stack, "cloudflare", "prod").credential == "second"
    set_role(installation.vault, "cloudflare", RoleState.ENABLED)
    assert rebinding.serve(installation, stack, "cloudflare").by_role
    assert bound(installation, stack) == [("cloudflare", "role"), ("cloudflare:prod", "second")]
    with pytest.raises(Unauthorized):  # A1
        rebinding.serve(installation, stack, "alicloud")
    assert len(bound(installation, stack)) == 2


def test_what_is_refused_changes_nothing(installation: Installation, stack: Stack) -> None:
    installation.vault.new("away", "alicloud", ALI, scope="project:other")
    for slot in ("Prod", "a_b", "-", "1", "x" * 31, "a:b", "\x1b[31m"):
        with pytest.raises(BadSlot):
            rebinding.rebind(installation, stack, "first", slot)
    with pytest.raises(NoCredential):
        rebinding.rebind(installation, stack, "none", "prod")
    with pytest.raises(OutOfScope):  # B7
        rebinding.rebind(installation, stack, "away", "prod")
    with pytest.raises(NotBound):
        rebinding.unbind(installation, stack, None, "prod")
    with pytest.raises(NotBound):
        rebinding.unbind(installation, stack, "cloudflare")
    assert bound(installation, stack) == []


def test_the_same_slot_of_two_providers_is_told_apart(installation: Installation, stack: Stack) -> None:
    installation.vault.new("ali", "alicloud", ALI)
    rebinding.rebind(installation, stack, "first", "prod")
    rebinding.rebind(installation, stack, "ali", "prod")
    with pytest.raises(SlotUnclear, match="a slot prod of alicloud and of cloudflare"):
        rebinding.unbind(installation, stack, None, "prod")
    assert rebinding.unbind(installation, stack, "alicloud", "prod").credential == "ali"
    assert bound(installation, stack) == [("cloudflare:prod", "first")]


def test_a_binding_that_resources_are_reached_through_stays(installation: Installation, stack: Stack) -> None:
    installation.vault.new("ali", "alicloud", ALI)
    rebinding.rebind(installation, stack, "ali")
    rebinding.rebind(installation, stack, "ali", "prod")
    type_, mapped = "pulumi:providers:alicloud", {"PROD_ALICLOUD_ACCESS_KEY": "ALICLOUD_ACCESS_KEY"}
    provider = {
        "urn": f"urn:pulumi:dev::site::{type_}::other", "type": type_, "custom": True, "id": "1",
        "inputs": {"__internal": {"envVarMappings": mapped}},
    }  # fmt: skip
    with installation.database.write() as connection:
        versions.save(connection, stack.id, 1, Checkpoint(1, 3, (), {"resources": [provider]}))
    with pytest.raises(StillUsed, match="pulumi:providers:alicloud other needs it") as refused:
        rebinding.unbind(installation, stack, None, "prod")
    assert "tic stack bind site/dev OTHER --as prod" in refused.value.hint
    rebinding.unbind(installation, stack, "alicloud")
    assert bound(installation, stack) == [("alicloud:prod", "ali")]


def test_what_serves_nobody_can_be_taken_away_but_for_a_slot_that_an_instance_takes(
    installation: Installation, stack: Stack
) -> None:
    type_ = "pulumi:providers:kubernetes"
    own = {"urn": f"urn:pulumi:dev::site::{type_}::own", "type": type_, "custom": True, "id": "1"}
    mapped = {"__internal": {"envVarMappings": {"PROD_KUBECONFIG": "KUBECONFIG"}}}
    other = {**own, "urn": f"urn:pulumi:dev::site::{type_}::other", "inputs": mapped}
    with installation.vault.quiet_change() as change:
        bindings.need(change.connection, stack.id, ["kubernetes", "kubernetes:prod"])
        deployment = {"resources": [own, other]}
        versions.save(change.connection, stack.id, 1, Checkpoint(1, 3, (), deployment))
    rebinding.unbind(installation, stack, "kubernetes")
    with pytest.raises(StillUsed):
        rebinding.unbind(installation, stack, None, "prod")


def test_the_audit_log_tells_the_slot(installation: Installation, stack: Stack) -> None:  # B10
    rebinding.rebind(installation, stack, "second", "prod")
    rebinding.unbind(installation, stack, None, "prod")
    assert audited(installation) == [("binding.set", "second", "prod"), ("binding.unset", "second", "prod")]


def test_records_are_published_with_a_slot_only_where_it_is_named() -> None:
    served = {"cloudflare": "tic_own", "cloudflare:prod": "tic_prod", "kubernetes": "tic_k"}
    assert dns_binding("s/d", served, None) == ("cloudflare", "tic_own")
    assert dns_binding("s/d", served, "cloudflare:prod") == ("cloudflare", "tic_prod")
    with pytest.raises(NoPublisher) as refused:
        dns_binding("s/d", served, "cloudflare:test")
    assert refused.value.hint.endswith("tic stack bind s/d NAME --as test")
    with pytest.raises(ProviderUnclear, match="cloudflare:prod alone"):
        dns_binding("s/d", {"cloudflare:prod": "tic_prod"}, None)
