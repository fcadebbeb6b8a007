"""The vault and its key: made once, never in the place of another, and nothing opens without it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from credentials.credential import State
from credentials.errors import CredentialError
from credentials.keys import KeyUnusable
from credentials.refusals import DamagedSecret, DamagedVault, NoVault, VaultExists
from credentials.vault import Vault
from tests.credentials.worlds import KEYS, World


def revealed(vault: Vault, reference: str) -> dict[str, str]:
    return {
        name: value.reveal().decode()
        for name, value in vault.opened(reference, purpose="a test").fields.items()
    }


def states(vault: Vault) -> dict[str, State]:
    return {view.credential.name: view.credential.state for view in vault.list()}


def test_a_stack_secret_opens_in_its_stack_only(world: World) -> None:
    sealed = world.vault.seal("stack:12", b"secret")
    assert world.reopened().unseal("stack:12", sealed) == b"secret"
    for context in ("stack:1", "stack:120", "", "stack:12 "):
        with pytest.raises(DamagedSecret) as refused:
            world.vault.unseal(context, sealed)
        assert refused.value.exit_code == 5


def test_a_field_does_not_pass_as_a_stack_secret(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    with world.database.read() as connection:
        sealed = connection.exec_driver_sql("SELECT sealed FROM credential_field").scalars().first()
    with pytest.raises(DamagedSecret):
        world.vault.unseal("stack:1", sealed or b"")


def nothing_made(world: World) -> None:
    """The database as it is before a vault is made in it."""
    world.sql("DELETE FROM vault")
    world.sql("DELETE FROM audit")


def test_a_second_vault_is_refused_and_nothing_changes(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    key = world.home.key_file.read_bytes()
    with pytest.raises(VaultExists) as refused:
        Vault.create(world.database, world.home.root, usage=world.usage)
    assert refused.value.exit_code == 3
    assert world.home.key_file.read_bytes() == key
    assert revealed(world.reopened(), "prod") == KEYS


def test_a_key_that_a_crash_left_without_a_vault_is_taken(world: World) -> None:
    key = world.home.key_file.read_bytes()
    nothing_made(world)
    with pytest.raises(NoVault):
        world.reopened().seal("stack:1", b"x")
    Vault.create(world.database, world.home.root, usage=world.usage).seal("stack:1", b"x")
    assert world.home.key_file.read_bytes() == key


def test_without_a_vault_nothing_is_made(world: World) -> None:
    nothing_made(world)
    vault = world.reopened()
    for attempt in (
        vault.status,
        lambda: vault.check_new("prod", "tencentcloud"),
        lambda: vault.new("prod", "tencentcloud", KEYS),
    ):
        with pytest.raises(NoVault):
            attempt()
    assert vault.list() == []


@pytest.mark.parametrize("gone", ["", "audit", "credential"])
def test_a_vault_whose_row_is_gone_is_damaged_and_no_new_one_takes_its_place(world: World, gone: str) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    world.sql("DELETE FROM vault")
    if gone:
        world.sql(f"DELETE FROM {gone}")  # noqa: S608
    vault = world.reopened()
    before = world.home.key_file.read_bytes()
    for attempt in (
        vault.status,
        lambda: vault.check_new("next", "tencentcloud"),
        lambda: vault.new("next", "tencentcloud", KEYS),
        lambda: vault.opened("prod", purpose="a test"),
        lambda: vault.seal("stack:1", b"x"),
        lambda: Vault.create(world.database, world.home.root, usage=world.usage),
    ):
        with pytest.raises(DamagedVault, match="the vault's own row is gone") as refused:
            attempt()
        assert refused.value.exit_code == 5
        assert "put a backup back: tic vault restore FILE" in refused.value.hint
    assert world.home.key_file.read_bytes() == before


def test_listing_works_without_the_key_and_opening_does_not(world: World, tmp_path: Path) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    world.home.key_file.rename(tmp_path / "away")
    vault = world.reopened()
    assert list(states(vault)) == ["prod"]
    assert isinstance(vault.status().key_problem, KeyUnusable)
    for attempt in (
        lambda: vault.opened("prod", purpose="a test"),
        lambda: vault.new("other", "tencentcloud", KEYS),
        lambda: vault.seal("stack:1", b"x"),
    ):
        with pytest.raises(KeyUnusable, match="missing"):
            attempt()
    assert list(states(vault)) == ["prod"]


def test_the_key_of_another_vault_opens_nothing(world: World, tmp_path: Path) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    other = World(tmp_path / "other")
    world.home.key_file.write_bytes(other.home.key_file.read_bytes())
    other.close()
    with pytest.raises(KeyUnusable, match="not the one that this vault was made with"):
        world.reopened().opened("prod", purpose="a test")


def test_a_failed_opening_is_not_noted_as_a_use(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    world.sql("UPDATE credential_field SET sealed = x'00'")
    with pytest.raises(CredentialError):
        world.vault.opened("prod", purpose="a test")
    assert world.vault.find("prod").last_used_at is None


def test_several_threads_seal_and_open_at_once(world: World) -> None:
    vault = world.reopened()

    def work(number: int) -> bytes:
        context, secret = f"stack:{number % 7}", str(number).encode()
        return vault.unseal(context, vault.seal(context, secret))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(500))) == [str(number).encode() for number in range(500)]
