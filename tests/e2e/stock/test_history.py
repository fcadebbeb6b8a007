"""What happened and what there is, as the stock CLI shows it: history, events, outputs, graph, search."""

import json

import pytest

from tests.e2e.stock.stock import Stock, secret, thing

pytestmark = pytest.mark.server
CANARY = "canary-of-the-outputs"


def test_outputs_are_shown_and_secret_ones_only_when_asked_for(shop: Stock) -> None:  # C2
    shop.up(outputs={"plain": ["a", {"b": 1}], "hidden": secret({"inner": CANARY})})
    shown = shop("stack", "output", "--json")
    assert shown.json() == {"plain": ["a", {"b": 1}], "hidden": "[secret]"}
    assert shop.json("stack", "output", "--show-secrets")["hidden"] == {"inner": CANARY}
    assert CANARY not in shop("stack", "--output", "json").text + shop("stack", "export").text
    assert "does not have output property 'none'" in shop("stack", "output", "none", code=1).err


def test_history_and_events_tell_what_every_update_did(shop: Stock) -> None:
    shop.up({"a": thing(value="one")}, "--message", "the first")
    shop.up({"a": thing(value="two", fail="update")}, code=1)
    second, first = shop.json("stack", "history")
    assert (first["message"], first["result"], first["resourceChanges"]) == (
        "the first",
        "succeeded",
        {"create": 2},
    )
    assert (second["version"], second["result"]) == (2, "failed")
    assert shop.json("stack", "history", "--page-size", "1", "--page", "2")[0]["version"] == 1
    summary = shop("stack", "history", "events", "2", "--summary", "--output", "json").json()
    assert summary["result"] == "failed"
    assert [each["name"] for each in summary["resources"] if each.get("failed")] == ["a"]
    update = shop("stack", "get", "--output", "json").json()["activeUpdate"]
    about_a = ("--urn", shop.urn("a"), "--event-type", "resourcePre", "--output", "json")
    [before] = shop("stack", "history", "events", update, *about_a).json()
    assert before["resourcePreEvent"]["metadata"]["op"] == "update"
    assert "a word here" in shop("stack", "history", "events", "2", "--event-type", "5", code=1).err
    assert "no such update" in shop("stack", "history", "events", "9", code=1).err


def test_resources_of_all_stacks_are_found_by_a_query_and_drawn_as_a_graph(shop: Stock) -> None:
    shop.up({"a": thing({"protect": True}, value="x"), "b": thing(value="${a.id}")})
    query = f"project:{shop.project} type:Thing"
    found = shop("org", "search", "-q", query, "--output", "json").json()
    assert [each["name"] for each in found] == ["a", "b"]
    only = shop("org", "search", "-q", f"{query} -protected:true").out
    assert "Displaying 1 of 1" in only
    assert "no field 'bogus'" in shop("org", "search", "-q", "bogus:x", code=1).err
    shop("stack", "graph", "graph.dot")
    assert shop.urn("b") in (shop.folder / "graph.dot").read_text()
    listed = json.loads(shop("api", "list", "--output", "json").out)
    assert "GET /api/user" in {f"{each['method']} {each['path']}" for each in listed["operations"]}
    assert shop("api", f"/api/stacks/tic/{shop.project}/dev/tags").json()["pulumi:project"] == shop.project
