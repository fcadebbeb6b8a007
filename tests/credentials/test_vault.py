"""The vault's promises about credentials, on a real database."""

import pytest

from credentials.credential import RoleState, State
from credentials.kinds import InvalidFields
from credentials.names import BadName
from credentials.refusals import ConflictingChange, NameTaken, NoCredential
from credentials.rules import CredentialInUse, CredentialIsActive, RoleServesProvider
from credentials.vault import Vault
from tests.credentials.worlds import KEYS, NoStacks, World


def revealed(vault: Vault, reference: str) -> dict[str, str]:
    return {
        name: value.reveal().decode()
        for name, value in vault.opened(reference, purpose="a test").fields.items()
    }


def states(vault: Vault) -> dict[str, State]:
    return {view.credential.name: view.credential.state for view in vault.list()}


def test_what_was_put_in_comes_out(world: World) -> None:  # B1
    made = world.vault.new("prod", "tencentcloud", {**KEYS, "region": "ap-guangzhou"})
    assert revealed(world.reopened(), "prod") == {**KEYS, "region": "ap-guangzhou"}
    assert (made.name, made.kind, made.version) == ("prod", "tencentcloud", 1)


def test_the_first_of_a_kind_is_active_and_later_ones_are_ready(world: World) -> None:  # B2
    for name in ("one", "two", "three"):
        world.vault.new(name, "tencentcloud", KEYS)
    world.vault.new("dns", "exec", {"path": "/bin/true"})
    assert states(world.vault) == {
        "one": State.ACTIVE,
        "two": State.READY,
        "three": State.READY,
        "dns": State.ACTIVE,
    }


def test_the_database_refuses_a_second_active_one(world: World) -> None:  # B2
    world.vault.new("one", "tencentcloud", KEYS)
    world.vault.new("two", "tencentcloud", KEYS)
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError, match="UNIQUE"):
        world.sql("UPDATE credential SET state = 'active'")


def test_each_has_a_token_that_finds_it(world: World) -> None:  # B4
    made = world.vault.new("prod", "tencentcloud", KEYS)
    other = world.vault.new("next", "tencentcloud", KEYS)
    assert made.token.startswith("tic_")
    assert made.token != other.token
    assert world.vault.find(made.token) == world.vault.find("prod") == made


def test_a_field_that_was_not_given_holds_its_default(world: World) -> None:
    world.vault.new("dns", "rfc2136", {"nameserver": "ns.example"})
    assert revealed(world.vault, "dns") == {"nameserver": "ns.example", "tsig-algorithm": "hmac-sha256."}


def test_a_refused_credential_leaves_nothing_behind(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    before = world.vault.list()
    with pytest.raises(NameTaken):
        world.vault.new("prod", "aws", {"access-key-id": "a", "secret-access-key": "b"})
    with pytest.raises(InvalidFields):
        world.vault.new("other", "tencentcloud", {"secret-id": "a"})
    with pytest.raises(BadName):
        world.vault.new("-x", "tencentcloud", KEYS)
    assert world.vault.list() == before


def test_with_a_role_enabled_nothing_new_is_made(world: World) -> None:  # A6
    world.set_role("tencentcloud", RoleState.ENABLED)
    for attempt in (
        lambda: world.vault.check_new("prod", "tencentcloud"),
        lambda: world.vault.new("prod", "tencentcloud", KEYS),
    ):
        with pytest.raises(RoleServesProvider):
            attempt()
    world.vault.new("dns", "exec", {"path": "/bin/true"})
    world.set_role("tencentcloud", RoleState.DISABLED)
    world.vault.new("prod", "tencentcloud", KEYS)


def test_a_reference_that_names_nothing_is_told_with_the_closest_name(world: World) -> None:
    with pytest.raises(NoCredential) as refused:
        world.vault.find("prod")
    assert "tic creds new" in refused.value.hint
    world.vault.new("production", "tencentcloud", KEYS)
    with pytest.raises(NoCredential, match="did you mean 'production'") as refused:
        world.vault.find("producton")
    assert refused.value.exit_code == 4


@pytest.mark.parametrize("reference", ["", "tic_", "tic_nothing", "\udcff", "a\0b", "' OR 1=1", "x" * 10000])
def test_a_strange_reference_is_only_not_found(world: World, reference: str) -> None:
    with pytest.raises(NoCredential) as refused:
        world.vault.find(reference)
    assert len(str(refused.value)) < 400


def test_the_list_shows_stacks_and_last_use(world: World) -> None:  # B8
    world.vault.new("prod", "tencentcloud", KEYS)
    world.use("web/site", "prod")
    world.use("web/api", "prod")
    (view,) = world.vault.list()
    assert view.used_by == ("web/api", "web/site")
    assert view.credential.last_used_at is None
    world.vault.opened("prod", purpose="up web/site")
    (view,) = world.vault.list()
    assert view.credential.last_used_at is not None
    assert view.credential.last_used_for == "up web/site"
    assert view == world.vault.view("prod")


def test_a_description_shows_what_is_no_secret(world: World) -> None:
    world.vault.new("prod", "tencentcloud", {**KEYS, "region": "r"})
    assert world.vault.described("prod") == {"secret-id": "an-id", "secret-key": "***", "region": "r"}


def test_activate_swaps_the_two(world: World) -> None:  # B2
    world.vault.new("one", "tencentcloud", KEYS)
    world.vault.new("two", "tencentcloud", KEYS)
    done = world.vault.activate("two")
    assert states(world.vault) == {"two": State.ACTIVE, "one": State.READY}
    assert done.credential == world.vault.active("tencentcloud") == world.vault.find("two")
    assert done.replaced == world.vault.find("one")


def test_activating_the_active_one_changes_nothing(world: World) -> None:
    made = world.vault.new("one", "tencentcloud", KEYS)
    done = world.vault.activate("one")
    assert (done.credential, done.replaced) == (made, None)


def test_activating_leaves_other_kinds_and_bindings_alone(world: World) -> None:  # B3
    world.vault.new("one", "tencentcloud", KEYS)
    world.vault.new("two", "tencentcloud", KEYS)
    world.vault.new("dns", "exec", {"path": "/bin/true"})
    world.use("web/site", "one")
    world.vault.activate("two")
    assert states(world.vault)["dns"] is State.ACTIVE
    assert world.vault.view("one").used_by == ("web/site",)


def test_rotate_replaces_what_is_inside_and_nothing_else(world: World) -> None:  # B5
    made = world.vault.new("prod", "tencentcloud", {**KEYS, "region": "r"})
    world.use("web/site", "prod")
    done = world.vault.rotate("prod", {"secret-id": "new-id", "secret-key": "new-key"})
    now = done.credential
    assert (now.token, now.name, now.state, now.id, now.version) == (
        made.token,
        "prod",
        made.state,
        made.id,
        2,
    )
    assert world.vault.view("prod").used_by == ("web/site",)
    assert revealed(world.vault, "prod") == {"secret-id": "new-id", "secret-key": "new-key", "region": "r"}
    assert done.dropped == ()


def test_rotate_deletes_what_was_sealed_before(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    for _ in range(3):
        world.vault.rotate("prod", KEYS)
    with world.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT DISTINCT version FROM credential_field").scalars().all()
    assert rows == [4]


def test_rotate_says_what_the_credential_no_longer_has(world: World) -> None:
    world.vault.new("cf", "cloudflare", {"email": "a@b", "api-key": "k"})
    assert world.vault.rotate("cf", {"api-token": "t"}).dropped == ("api-key", "email")
    assert revealed(world.vault, "cf") == {"api-token": "t"}


def test_an_empty_value_takes_a_setting_away(world: World) -> None:
    world.vault.new("prod", "tencentcloud", {**KEYS, "region": "r"})
    assert world.vault.rotate("prod", {**KEYS, "region": ""}).dropped == ("region",)


def test_a_refused_rotation_changes_nothing(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    before = world.vault.list()
    with pytest.raises(InvalidFields, match="secret-key is missing"):
        world.vault.rotate("prod", {"secret-id": "new"})
    assert world.vault.list() == before
    assert revealed(world.vault, "prod") == KEYS


def test_a_ready_one_that_nobody_uses_is_deleted(world: World) -> None:  # A8
    world.vault.new("one", "tencentcloud", KEYS)
    world.vault.new("two", "tencentcloud", KEYS)
    world.vault.delete("two")
    assert list(states(world.vault)) == ["one"]
    with world.database.read() as connection:
        assert (
            connection.exec_driver_sql("SELECT count(DISTINCT credential_id) FROM credential_field").scalar()
            == 1
        )


def test_without_a_role_the_active_one_stays(world: World) -> None:  # A8
    world.vault.new("one", "tencentcloud", KEYS)
    with pytest.raises(CredentialIsActive):
        world.vault.delete("one")
    assert states(world.vault) == {"one": State.ACTIVE}


def test_one_in_use_stays_even_if_it_is_ready(world: World) -> None:  # A8
    world.vault.new("one", "tencentcloud", KEYS)
    world.vault.new("two", "tencentcloud", KEYS)
    world.use("web/site", "two")
    for attempt in (world.vault.check_delete, world.vault.delete):
        with pytest.raises(CredentialInUse, match="web/site uses it"):
            attempt("two")
    world.destroy("web/site")
    world.vault.delete("two")


def test_with_a_role_any_is_deleted_and_its_stacks_fall_back(world: World) -> None:  # A8
    world.vault.new("one", "tencentcloud", KEYS)
    world.use("web/site", "one")
    world.set_role("tencentcloud", RoleState.ENABLED)
    done = world.vault.delete("one")
    assert done.used_by == ("web/site",)
    assert world.vault.list() == []
    with world.database.read() as connection:
        assert world.usage.by_credential(connection) == {}


def test_a_role_of_another_provider_does_not_count(world: World) -> None:  # A8
    world.vault.new("one", "tencentcloud", KEYS)
    world.set_role("aws", RoleState.ENABLED)
    with pytest.raises(CredentialIsActive):
        world.vault.delete("one")


def test_the_database_refuses_what_a_late_binding_made_wrong(world: World) -> None:  # A8
    """Another process bound the credential after this one had looked: the foreign key decides."""
    world.vault.new("one", "tencentcloud", KEYS)
    world.vault.new("two", "tencentcloud", KEYS)
    world.use("web/site", "two")
    with pytest.raises(ConflictingChange) as refused:
        world.reopened(NoStacks()).delete("two")
    assert refused.value.__cause__ is None
    assert list(states(world.vault)) == ["one", "two"]
    assert revealed(world.vault, "two") == KEYS
