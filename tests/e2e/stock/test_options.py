"""What a program asks for by resource options, through the stock CLI."""

import pytest

from tests.e2e.stock.stock import APPLY, Stock, thing

pytestmark = pytest.mark.server


def test_what_is_protected_stays_until_it_is_not(shop: Stock) -> None:
    shop.up({"a": thing({"protect": True}), "b": thing()})
    assert "protect" in shop("destroy", *APPLY, code=1).text
    shop("destroy", "--exclude-protected", *APPLY)
    assert set(shop.things()) == {"a"}
    shop.up({"a": thing()})
    shop("destroy", *APPLY)
    assert shop.things() == {}


def test_a_resource_with_another_name_type_or_parent_stays_the_same_by_its_alias(shop: Stock) -> None:
    shop.up({"old": thing(value="x"), "other": thing()})
    before = shop.things()
    shop.up({"new": thing({"aliases": [{"name": "old"}]}, value="x"), "other": thing()})
    shop.up({"new": thing({"parent": "${other}", "aliases": [shop.urn("new")]}, value="x"), "other": thing()})
    after = shop.things()
    assert (after["new"]["id"], after["new"]["parent"]) == (before["old"]["id"], shop.urn("other"))
    assert "Thing$trivial:index:Thing::new" in after["new"]["urn"]
    assert "aliases" not in after["new"]
    assert shop.changes() == {"same": 3}


@pytest.mark.parametrize("first_delete", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_a_replacement_is_made_before_or_after_the_old_one_is_deleted(
    shop: Stock, first_delete: bool
) -> None:
    def program(key: str, **more: str) -> dict[str, object]:
        return {"a": thing({"deleteBeforeReplace": first_delete}, key=key, **more)}

    shop.up(program("one"))
    old = shop.things()["a"]
    shop.up(program("two", fail="create"), code=1)
    assert shop.exists(old) is not first_delete
    shop.up(program("two"))
    assert not shop.exists(old)
    assert shop.exists(shop.things()["a"])


def test_what_is_retained_or_deleted_with_another_is_not_deleted_itself(shop: Stock) -> None:
    shop.up({"kept": thing({"retainOnDelete": True}), "a": thing(), "within": thing({"deletedWith": "${a}"})})
    before = shop.things()
    assert before["within"]["deletedWith"] == before["a"]["urn"]
    shop("destroy", *APPLY)
    assert shop.things() == {}
    assert {name: shop.exists(found) for name, found in before.items()} == {
        "kept": True,
        "a": False,
        "within": True,
    }


@pytest.mark.soak
def test_changes_are_ignored_and_replacements_forced_where_the_program_says_so(shop: Stock) -> None:
    shop.up({"a": thing(value="one"), "b": thing(value="one")})
    before = shop.things()
    shop.up(
        {
            "a": thing({"ignoreChanges": ["value"]}, value="two"),
            "b": thing({"replaceOnChanges": ["value"]}, value="two"),
        }
    )
    after = shop.things()
    assert (after["a"]["id"], after["a"]["outputs"]["value"]) == (before["a"]["id"], "one")
    assert (after["b"]["id"] == before["b"]["id"], after["b"]["outputs"]["value"]) == (False, "two")
