"""Earlier versions of a credential stay sealed while somebody works with them, and no longer (B5)."""

from collections.abc import Callable

import pytest

from credentials.credential import Lease, Use
from credentials.errors import CredentialError
from tests.credentials.worlds import KEYS, World

NEW = {"secret-id": "another-id", "secret-key": "another-key"}


def use(holder: str) -> Use:
    return Use(holder, f"up of {holder}", "host", 4711, 17.5)


def living(*holders: str) -> Callable[[Lease], bool]:
    """The rule that these live, and nobody else."""
    return lambda lease: lease.use.holder in holders


def work(world: World, holder: str, name: str = "prod") -> None:
    world.vault.opened(name, purpose=f"up of {holder}", use=use(holder))


def kept(world: World, name: str = "prod") -> dict[int, list[str]]:
    """Who works with what is sealed, by version."""
    return {one.version: [lease.use.holder for lease in one.leases] for one in world.vault.versions(name)}


@pytest.fixture
def world(world: World) -> World:
    world.vault.new("prod", "tencentcloud", KEYS)
    return world


def test_a_version_that_nobody_works_with_is_gone_at_once(world: World) -> None:
    world.vault.opened("prod", purpose="a glance")
    assert world.vault.rotate("prod", NEW).kept == ()
    assert kept(world) == {2: []}


def test_a_version_stays_until_its_last_holder_is_done(world: World) -> None:
    work(world, "one")
    work(world, "two")
    assert world.vault.rotate("prod", NEW).kept == (1,)
    assert kept(world) == {1: ["one", "two"], 2: []}
    world.vault.release("one")
    assert kept(world) == {1: ["two"], 2: []}
    world.vault.release("two")
    assert kept(world) == {2: []}


def test_who_opens_it_again_after_a_rotation_gets_the_new_one_and_keeps_both(world: World) -> None:
    work(world, "one")
    world.vault.rotate("prod", NEW)
    opened = world.vault.opened("prod", purpose="up of one", use=use("one"))
    assert opened.fields["secret-id"].reveal() == b"another-id"
    assert kept(world) == {1: ["one"], 2: ["one"]}
    assert world.vault.rotate("prod", KEYS).kept == (1, 2)
    world.vault.release("one")
    assert kept(world) == {3: []}


def test_between_two_that_are_worked_with_nothing_is_kept(world: World) -> None:
    work(world, "one")
    world.vault.rotate("prod", NEW)
    assert world.vault.rotate("prod", KEYS).kept == (1,)
    assert kept(world) == {1: ["one"], 3: []}


def test_opening_it_often_is_one_lease(world: World) -> None:
    for _ in range(3):
        work(world, "one")
    assert kept(world) == {1: ["one"]}


def test_a_holder_that_is_gone_keeps_nothing_at_the_next_rotation(world: World) -> None:
    work(world, "killed")
    work(world, "living")
    world.vault.rotate("prod", NEW)
    work(world, "killed too")
    assert world.vault.rotate("prod", KEYS, alive=living("living")).kept == (1,)
    assert kept(world) == {1: ["living"], 3: []}
    assert [lease.use.holder for lease in world.vault.leases()] == ["living"]


def test_a_sweep_forgets_who_is_gone_with_what_they_kept_of_any_credential(world: World) -> None:
    world.vault.new("next", "tencentcloud", KEYS)
    for name in ("prod", "next"):
        work(world, "killed", name)
        world.vault.rotate(name, NEW)
    work(world, "living", "next")
    world.vault.sweep(alive=living("living"))
    assert (kept(world), kept(world, "next")) == ({2: []}, {2: ["living"]})


def test_a_sweep_that_finds_nothing_writes_nothing(world: World) -> None:
    work(world, "living")
    world.vault.rotate("prod", NEW)
    log = world.home.root / "tic.db-wal"
    before = log.read_bytes()
    world.vault.sweep(alive=living("living"))
    world.vault.sweep()
    assert log.read_bytes() == before
    assert kept(world) == {1: ["living"], 2: []}


def test_where_nobody_can_tell_all_count_as_living(world: World) -> None:
    work(world, "one")
    world.vault.rotate("prod", NEW)
    world.vault.sweep()
    assert kept(world) == {1: ["one"], 2: []}


def test_a_lease_ends_with_its_credential(world: World) -> None:
    world.vault.new("next", "tencentcloud", KEYS)
    work(world, "one", "next")
    world.vault.delete("next")
    assert world.vault.leases() == []


def test_what_is_kept_is_proven_like_everything_else(world: World) -> None:
    """A kept version that something else takes away is noticed with the next change."""
    work(world, "one")
    world.vault.rotate("prod", NEW)
    world.sql("DELETE FROM credential_field WHERE version = 1")
    with pytest.raises(CredentialError, match="changed by something else than tic"):
        world.vault.activate("prod")


def test_a_refused_opening_leases_nothing(world: World) -> None:
    world.vault.rescope("prod", "project:shop")
    with pytest.raises(CredentialError, match="may not be used here"):
        work(world, "one")
    assert world.vault.leases() == []


def test_every_kept_version_follows_its_credential_into_a_new_scope(world: World) -> None:
    work(world, "one")
    world.vault.rotate("prod", NEW)
    assert world.vault.rescope("prod", "project:shop").scope == "project:shop"
    assert kept(world) == {1: ["one"], 2: []}
    world.vault.release("one")
    assert kept(world) == {2: []}
