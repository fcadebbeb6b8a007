"""Stacks through the stock CLI: who is logged in, and stacks made, listed, renamed, tagged and removed."""

import pytest

from tests.e2e.stock.conftest import Served
from tests.e2e.stock.stock import Stock, names

pytestmark = pytest.mark.server


def test_a_login_lasts_until_logout(served: Served) -> None:  # C1
    stock = served.project()
    backend, token = (stock.variables[f"PULUMI_{name}"] for name in ("BACKEND_URL", "ACCESS_TOKEN"))
    alone = stock.without("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN")
    refused = alone("login", backend, code=1, variables={"PULUMI_ACCESS_TOKEN": "of-somebody-else"})
    assert "No credentials provided or are invalid" in refused.err
    alone("login", backend, variables={"PULUMI_ACCESS_TOKEN": token})
    who = alone.json("whoami")
    assert who["organizations"] == ["tic"]
    assert who["user"] in alone("whoami", "--verbose").out
    assert backend in alone("about").out
    alone("logout")
    assert "must be set for login" in alone("stack", "ls", code=3).err


def test_stacks_are_made_listed_selected_and_removed(shop: Stock) -> None:  # C1
    shop("stack", "init", "other", "--no-select")
    assert "already exists" in shop("stack", "init", "other", code=1).err
    assert shop("stack", "select", "none", code=6).err.startswith("error: no stack named 'none'")
    shop("stack", "select", "other")
    listed = {stack["name"]: stack["current"] for stack in shop.json("stack", "ls")}
    assert listed == {"dev": False, "other": True}
    everywhere = names(shop.json("stack", "ls", "--all", "--fully-qualify-stack-names"))
    assert {f"tic/{shop.project}/{name}" for name in ("dev", "other")} <= set(everywhere)
    assert f"{shop.project} (org: tic, stacks: 2)" in shop("project", "ls").out
    shop("stack", "rm", "other", "--yes")
    assert names(shop.json("stack", "ls")) == ["dev"]


def test_a_stack_is_renamed_and_moves_to_another_project_with_its_state(shop: Stock) -> None:
    shop.up(outputs={"word": "kept"})
    shop("stack", "rename", "prod")
    moved = f"{shop.project}x"
    shop("stack", "rename", f"tic/{moved}/prod")
    shop.write(project=moved)
    shown = shop("stack", "--stack", "prod", "--output", "json").json()
    assert (shown["project"], shown["version"], shown["outputs"]) == (moved, 1, {"word": "kept"})
    assert [each["urn"] for each in shown["resources"]] == [
        f"urn:pulumi:prod::{moved}::pulumi:pulumi:Stack::{moved}-prod"
    ]


def test_tags_are_set_read_listed_and_removed(shop: Stock) -> None:
    shop("stack", "tag", "set", "owner", "somebody")
    assert shop("stack", "tag", "get", "owner").out.strip() == "somebody"
    assert shop.json("stack", "tag", "ls") == {
        "owner": "somebody",
        "pulumi:project": shop.project,
        "pulumi:runtime": "yaml",
    }
    assert names(shop.json("stack", "ls", "--tag", "owner=somebody")) == ["dev"]
    assert shop.json("stack", "ls", "--tag", "owner=nobody") == []
    shop("stack", "tag", "rm", "owner")
    assert "owner" not in shop.json("stack", "tag", "ls")
