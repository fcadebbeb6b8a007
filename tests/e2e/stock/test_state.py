"""The commands that edit a state by hand, through the stock CLI; nothing of the world is touched."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.e2e.stock.stock import Stock, secret, thing

pytestmark = pytest.mark.server


def test_a_state_is_edited_resource_by_resource(shop: Stock) -> None:
    shop.up({"a": thing(), "b": thing({"dependsOn": ["${a}"]})})
    a, b = shop.urn("a"), shop.urn("b")
    made = shop.things()
    assert made["a"]["id"] in shop("state", "get", a).out
    shop("state", "protect", a, "--yes")
    assert shop.things()["a"]["protect"] is True
    shop("state", "unprotect", "--all", "--yes")
    shop("state", "taint", a, "--yes")
    assert shop("preview", "--json").json()["changeSummary"] == {"replace": 1, "same": 2}
    shop("state", "untaint", a, "--yes")
    assert "depend on it" in shop("state", "delete", a, "--yes", code=1).err
    shop("state", "rename", b, "c", "--yes")
    shop("state", "delete", a, "--target-dependents", "--yes")
    assert shop.things() == {}
    assert all(map(shop.exists, made.values()))
    assert "must be run in interactive mode" in shop("state", "edit", code=1).err
    assert "already valid" in shop("state", "repair", "--yes").out
    assert "Nothing to do" in shop("state", "upgrade", "--yes").text
    assert {update["kind"] for update in shop.history()} == {"update", "import"}


@pytest.mark.soak
def test_a_state_that_is_broken_is_repaired(shop: Stock) -> None:
    shop.up({"a": thing(), "b": thing({"dependsOn": ["${a}"]})})
    exported = shop("stack", "export").json()
    resources = exported["deployment"]["resources"]
    exported["deployment"]["resources"] = [each for each in resources if each["urn"] != shop.urn("a")]
    refused = shop("stack", "import", code=1, stdin=json.dumps(exported))
    assert "--force" in refused.text
    shop("stack", "import", "--force", stdin=json.dumps(exported))
    assert "integrity" in shop("preview", code=1).text
    shop("state", "repair", "--yes")
    assert not shop.things()["b"].get("dependencies")
    shop("preview")


def test_a_resource_moves_to_another_stack_with_its_secrets(
    shop: Stock, project: Callable[[str], Stock]
) -> None:
    shop.up({"a": thing(password=secret("sealed for the first stack")), "b": thing()})
    before = shop.things()["a"]
    shop("stack", "init", "other", "--no-select")
    shop("state", "move", shop.urn("a"), "--source", "dev", "--dest", "other", "--yes")
    assert set(shop.things()) == {"b"}
    moved = shop.things("other")["a"]
    assert (moved["id"], moved["urn"]) == (before["id"], shop.urn("a", "other"))
    assert moved["inputs"]["password"]["ciphertext"] != before["inputs"]["password"]["ciphertext"]

    elsewhere = project("yard")
    elsewhere("stack", "init", "dev")
    source = f"tic/{shop.project}/other"
    elsewhere("state", "move", shop.urn("a", "other"), "--source", source, "--dest", "dev", "--yes")
    opened = elsewhere("stack", "export", "--show-secrets").json()["deployment"]["resources"]
    found = next(each for each in opened if each["urn"] == elsewhere.urn("a"))
    assert found["inputs"]["password"]["plaintext"] == '"sealed for the first stack"'


def test_a_state_goes_out_and_comes_in_and_old_versions_are_there(shop: Stock) -> None:
    shop.up({"a": thing(password=secret("hidden"))})
    shop("stack", "export", "--file", "one.json")
    shop.up({"b": thing()})
    assert set(shop.things()) == {"b"}
    shop("stack", "import", "--file", "one.json")
    assert set(shop.things()) == {"a"}
    assert "hidden" not in (shop.folder / "one.json").read_text()
    second = shop("stack", "export", "--version", "2").json()["deployment"]["resources"]
    assert [each["urn"] for each in second if each["type"].startswith("trivial")] == [shop.urn("b")]
    assert "has no version 9; its last is 3" in shop("stack", "export", "--version", "9", code=1).err
    opened = shop("stack", "export", "--show-secrets", "--version", "1").out
    shop("stack", "import", stdin=opened)
    assert "hidden" not in json.dumps(shop.deployment())
    assert "ciphertext" in shop.things()["a"]["inputs"]["password"]


@pytest.mark.soak
def test_a_stack_of_a_file_backend_migrates_with_its_secrets(shop: Stock) -> None:
    backend = shop.folder / "backend"
    backend.mkdir()
    before = replace(
        shop,
        variables={
            **shop.variables,
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "phrase",
            "PULUMI_HOME": f"{shop.variables['PULUMI_HOME']}-before",
        },
    )
    before("stack", "init", "old")
    before("config", "set", "--secret", "password", "of the configuration")
    before.up({"a": thing(password=secret("of the state"))})
    phrase = {"PULUMI_CONFIG_PASSPHRASE": "phrase"}
    shop("stack", "migrate", f"file://{backend}", "old", "--yes", variables=phrase)
    assert shop("config", "get", "password", "--stack", "old").out.strip() == "of the configuration"
    shop("up", "--yes", "--skip-preview", "--stack", "old")
    assert shop.history("old")[0]["resourceChanges"] == {"same": 2}
    assert shop.deployment("old")["secrets_providers"]["type"] == "service"
