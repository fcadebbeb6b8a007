"""A1, B3, C4: which credential serves each provider of a stack, on a real database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from credentials.credential import RoleState
from credentials.refusals import ChangedBehindTheVault
from credentials.rules import NothingToFallBackTo, RoleInUse
from credentials.scopes import OutOfScope
from credentials.scopes import Place as Where
from credentials.vault import Vault
from engine import bindings
from engine.bindings import Binding, Unauthorized, Usage
from engine.database import Database
from engine.home import Home
from engine.state import stacks
from engine.state.stacks import Stack
from tests.credentials.worlds import set_role

CLOUDFLARE = {"api-token": "0123456789abcdef0123456789abcdef01234567"}


class Place:
    """A vault and the stack `site/dev`."""

    def __init__(self, root: Path) -> None:
        home = Home(root / "home", root / "cache")
        self.database = Database.open(home, create=True)
        self.vault = Vault.create(self.database, home.root, usage=Usage())
        with self.database.write() as connection:
            self.stack: Stack = stacks.create(connection, "site", "dev", str(root))

    def need(self, *providers: str) -> list[Binding]:
        with self.vault.quiet_change() as change:
            bindings.need(change.connection, self.stack.id, providers)
            return bindings.complete(change.connection, self.stack.id, self.stack.full_name, Where("site"))

    def bound(self) -> list[Binding]:
        with self.database.read() as connection:
            return bindings.bound(connection, self.stack.id)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.database.close()


def test_a_stack_is_bound_to_the_active_credential_and_stays_bound_when_another_becomes_active(
    place: Place,
) -> None:
    """B3."""
    first = place.vault.new("first", "cloudflare", CLOUDFLARE)
    assert place.need("cloudflare") == [Binding("cloudflare", "first", first.token)]
    place.vault.new("second", "cloudflare", CLOUDFLARE)
    place.vault.activate("second")
    assert place.need("cloudflare") == [Binding("cloudflare", "first", first.token)]


def test_without_an_active_credential_nothing_is_bound(place: Place) -> None:
    """A1."""
    place.vault.new("first", "cloudflare", CLOUDFLARE)
    with pytest.raises(Unauthorized, match="exec") as refused:
        place.need("cloudflare", "exec")
    assert refused.value.hint == "add one: tic creds new NAME --provider exec"
    assert place.bound() == []


def test_the_database_itself_refuses_to_delete_a_credential_in_use(place: Place) -> None:
    """A8, the second guard: a foreign key."""
    place.vault.new("first", "cloudflare", CLOUDFLARE)
    place.need("cloudflare")
    with pytest.raises(IntegrityError), place.database.write() as connection:
        connection.execute(text("DELETE FROM credential"))
    assert [each.credential.name for each in place.vault.list()] == ["first"]


def test_a_released_stack_frees_its_credential_and_remembers_what_it_needs(place: Place) -> None:
    """C4."""
    place.vault.new("first", "cloudflare", CLOUDFLARE)
    place.need("cloudflare")
    with place.vault.quiet_change() as change:
        bindings.release(change.connection, place.stack.id)
    assert place.bound() == [Binding("cloudflare", None, None)]
    assert place.vault.list()[0].used_by == ()
    assert place.need() == [Binding("cloudflare", "first", place.vault.find("first").token)]


def test_an_enabled_role_serves_a_new_stack_and_cant_be_disabled_then(place: Place) -> None:
    """A2, A3; the foreign key is the second guard."""
    set_role(place.vault, "cloudflare", RoleState.ENABLED)
    assert place.need("cloudflare") == [Binding("cloudflare", None, None, by_role=True)]
    with pytest.raises(RoleInUse, match="site/dev uses it"):
        set_role(place.vault, "cloudflare", RoleState.DISABLED)
    with pytest.raises(IntegrityError), place.database.write() as connection:
        connection.execute(text("DELETE FROM linked_role"))


def test_clearing_leaves_no_stack_without_authorization(place: Place) -> None:
    """A7, in one transaction."""
    place.vault.new("first", "cloudflare", CLOUDFLARE)
    place.need("cloudflare")
    with pytest.raises(NothingToFallBackTo):
        place.vault.clear("cloudflare")
    set_role(place.vault, "cloudflare", RoleState.ENABLED)
    done = place.vault.clear("cloudflare")
    assert ([one.name for one in done.deleted], done.stacks) == (["first"], ("site/dev",))
    assert place.bound() == [Binding("cloudflare", None, None, by_role=True)]


def test_a_binding_that_was_changed_from_outside_is_noticed(place: Place) -> None:
    """Which credential serves a stack is guarded as the credentials are."""
    place.vault.new("first", "cloudflare", CLOUDFLARE)
    other = place.vault.new("other", "cloudflare", CLOUDFLARE)
    place.need("cloudflare")
    with place.database.write() as connection:
        connection.execute(text("UPDATE binding SET credential_id = :id"), {"id": other.id})
    with pytest.raises(ChangedBehindTheVault):
        place.need("cloudflare")


def test_a_credential_of_another_project_is_not_bound(place: Place) -> None:
    """B7."""
    place.vault.new("first", "cloudflare", CLOUDFLARE, scope="project:other")
    with pytest.raises(OutOfScope, match="its scope is project:other, and this is project site"):
        place.need("cloudflare")
    assert place.bound() == []


def test_usage_names_each_stack_once(place: Place) -> None:
    """B8."""
    first = place.vault.new("first", "cloudflare", CLOUDFLARE)
    place.need("cloudflare")
    with place.database.read() as connection:
        assert Usage().stacks_using(connection, first.id) == ["site/dev"]
        assert Usage().by_credential(connection) == {first.id: ["site/dev"]}
