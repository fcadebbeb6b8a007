"""Runs through the stock CLI: what they do is what the state says, all or the part that was asked for."""

import json
import signal
import subprocess

import pytest

from tests.e2e.stock.stock import APPLY, Stock, thing
from tests.engine.state.waiting import wait_for

pytestmark = pytest.mark.server


def test_up_preview_refresh_and_destroy(shop: Stock) -> None:  # C1
    shop.write({"a": thing(value="one", key="k"), "b": thing(value="${a.id}")})
    previewed = shop("preview", "--json").json()
    assert previewed["changeSummary"] == {"create": 3}
    assert shop.history() == []
    shop("up", "--yes")
    first = shop.things()
    assert first["b"]["outputs"]["value"] == first["a"]["id"]
    shop.up({"a": thing(value="two", key="other"), "b": thing(value="${a.id}")})
    second = shop.things()
    assert not shop.exists(first["a"])
    assert (second["b"]["id"], second["b"]["outputs"]["value"]) == (first["b"]["id"], second["a"]["id"])
    (shop.world / second["b"]["id"]).unlink()
    shop("refresh", "--preview-only", "--diff")
    assert set(shop.things()) == {"a", "b"}
    shop("refresh", *APPLY)
    assert set(shop.things()) == {"a"}
    shop("destroy", *APPLY)
    assert shop.deployment().get("resources") in (None, [])
    assert not shop.exists(second["a"])
    shop("stack", "rm", "dev", "--yes")


def test_a_plan_lets_happen_what_was_planned_and_nothing_else(shop: Stock) -> None:
    shop.write({"a": thing(value="planned")})
    shop("preview", "--save-plan", "plan.json")
    shop("up", "--plan", "plan.json", *APPLY)
    assert shop.things()["a"]["outputs"]["value"] == "planned"
    refused = shop.up({"a": thing(value="otherwise")}, "--plan", "plan.json", code=1)
    assert "violates plan" in refused.text
    assert shop.things()["a"]["outputs"]["value"] == "planned"


def test_only_what_is_targeted_or_not_excluded_is_touched(shop: Stock) -> None:
    def program(value: str) -> dict[str, object]:
        return {
            "a": thing(value=value),
            "b": thing({"dependsOn": ["${a}"]}, value=value),
            "c": thing(value=value),
        }

    def values() -> str:
        return " ".join(found["outputs"]["value"] for _, found in sorted(shop.things().items()))

    shop.up(program("1"))
    shop.up(program("2"), "--target", "**::a")
    assert values() == "2 1 1"
    shop.up(program("3"), "--target", "**::a", "--target-dependents")
    assert values() == "3 3 1"
    shop.up(program("4"), "--exclude", "**::a", "--exclude", "**::b")
    assert values() == "3 3 4"
    before = shop.things()
    shop.up(program("4"), "--replace", shop.urn("c"))
    assert {name for name, found in shop.things().items() if found["id"] == before[name]["id"]} == {"a", "b"}
    shop("destroy", "--target", shop.urn("a"), "--target-dependents", *APPLY)
    assert set(shop.things()) == {"c"}


def test_a_failed_run_keeps_what_it_did_and_says_what_failed(shop: Stock) -> None:
    after_a = {"dependsOn": ["${a}"]}
    failed = shop.up(
        {"a": thing(), "b": thing(after_a, fail="create"), "c": thing()}, "--continue-on-error", code=1
    )
    assert "create was told to fail" in failed.text
    assert set(shop.things()) == {"a", "c"}
    newest = shop.history()[0]
    assert (newest["result"], newest["resourceChanges"]["create"]) == ("failed", 3)
    shop.up({"a": thing(), "b": thing(after_a), "c": thing()})
    assert set(shop.things()) == {"a", "b", "c"}


def test_what_exists_is_imported(shop: Stock) -> None:
    shop.up()
    foreign = f"{shop.project}-made-by-hand"
    (shop.world / foreign).write_text("")
    code = shop("import", "trivial:index:Thing", "found", foreign, "--yes", "--protect=false").out
    assert "type: trivial:Thing" in code
    found = shop.things()["found"]
    assert (found["id"], found["outputs"]["value"]) == (foreign, "as found")
    listed = {"resources": [{"type": "trivial:index:Thing", "name": "second", "id": foreign}]}
    (shop.folder / "import.json").write_text(json.dumps(listed))
    shop("import", "--file", "import.json", "--yes", "--skip-preview", "--generate-code=false")
    assert shop.things()["second"]["protect"] is True
    assert [each["resourceChanges"].get("import") for each in shop.history()] == [1, 1, None]
    missing = shop("import", "trivial:index:Thing", "none", "no-such-thing", *APPLY, code=1)
    assert "there is no thing no-such-thing" in missing.text


def test_a_second_run_is_told_who_runs_and_cancel_ends_the_first(shop: Stock) -> None:  # C3
    gate = shop.folder / "gate"
    shop.write({"a": thing(wait=str(gate))})
    with subprocess.Popen(
        [shop.command, "up", *APPLY, "--non-interactive"],
        cwd=shop.folder,
        env={**shop.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as first:
        wait_for(gate.with_name("gate.reached").exists)
        second = shop("up", *APPLY, code=1)
        assert "is running since" in second.text
        assert shop("stack", "--output", "json").json()["currentOperation"]["kind"] == "update"
        shop("preview")
        shop("cancel", "--yes")
        gate.write_text("")
        printed, _ = first.communicate(timeout=60)
        assert first.returncode != 0
        assert "no longer running: cancelled" in printed
    assert "nothing to cancel" in shop("cancel", "--yes", code=1).err
    shop.up({"a": thing()})
    assert set(shop.things()) == {"a"}


@pytest.mark.soak
def test_a_run_that_is_interrupted_finishes_what_is_under_way(shop: Stock) -> None:
    gate = shop.folder / "gate"
    shop.write({"a": thing(wait=str(gate)), "b": thing({"dependsOn": ["${a}"]})})
    with subprocess.Popen(
        [shop.command, "up", *APPLY, "--non-interactive"], cwd=shop.folder, env={**shop.variables},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as run:  # fmt: skip
        wait_for(gate.with_name("gate.reached").exists)
        run.send_signal(signal.SIGINT)
        gate.write_text("")
        assert run.wait(timeout=60) != 0
    assert set(shop.things()) == {"a"}
    shop.up({"a": thing(wait=str(gate)), "b": thing({"dependsOn": ["${a}"]})})
    assert set(shop.things()) == {"a", "b"}


@pytest.mark.soak
def test_watch_runs_an_update_for_each_change(shop: Stock) -> None:
    """With a stand-in for the program that watches files: it comes with Pulumi's own distribution alone."""
    changes, programs = shop.folder / "changes", shop.folder / "bin"
    programs.mkdir()
    watcher = programs / "pulumi-watch"
    watcher.write_text(
        f"#!/bin/sh\nwhile [ ! -e {changes} ]; do sleep 0.02; done\necho Pulumi.yaml\nsleep 600\n"
    )
    watcher.chmod(0o755)
    shop.up({"a": thing(value="one")})
    shop.write({"a": thing(value="two")})
    environment = {**shop.variables, "PATH": f"{programs}:{shop.variables['PATH']}"}
    with subprocess.Popen(
        [shop.command, "watch", "--non-interactive"], cwd=shop.folder, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as watching:  # fmt: skip
        changes.write_text("")
        wait_for(lambda: shop.things()["a"]["outputs"]["value"] == "two")
        watching.kill()
    assert shop.history()[0]["version"] == 2
