"""The real engine against the service: what it did is what the state says, whatever happened."""

from pathlib import Path

import orjson
import pytest

from engine.database import Database
from engine.state import checkpoints, pending, updates
from engine.state.history import history
from tests.engine.state.conftest import Wax
from tests.engine.state.driver import Cli
from tests.engine.state.program import Declared, FromConfig, IdOf, Program, Secret, things
from tests.engine.state.waiting import wait_for

pytestmark = pytest.mark.server


def nothing_changes(cli: Cli, program: Program, stack: str = "dev") -> bool:
    cli.run("up", program)
    return list(cli.history(stack)[0]["resourceChanges"]) == ["same"]


def test_a_run_without_changes_changes_nothing_but_the_manifest(cli: Cli) -> None:
    program = things("a", "b", value="one")
    cli.run("up", program)
    before = cli.exported()
    assert nothing_changes(cli, program)
    after = cli.exported()
    assert before["manifest"] != after["manifest"]
    assert {each["urn"]: each for each in after["resources"]} == {
        each["urn"]: each for each in before["resources"]
    }


@pytest.mark.parametrize("first_delete", [True, False])
def test_a_replacement_takes_its_dependents_along_in_either_order(cli: Cli, first_delete: bool) -> None:
    def program(key: str) -> Program:
        first = Declared("a", {"key": key}, delete_first=first_delete)
        return Program((first, Declared("b", {"key": IdOf("a")}, needs=("a",))))

    cli.run("up", program("one"))
    before = cli.state()
    cli.run("up", program("two"))
    after = cli.state()
    assert all(after[name]["id"] != before[name]["id"] for name in ("a", "b"))
    assert cli.made == ["a", "b"]
    assert not any(resource.get("delete") for resource in after.values())
    assert nothing_changes(cli, program("two"))


def test_a_replacement_whose_delete_fails_is_finished_by_the_next_run(cli: Cli) -> None:
    cli.run("up", things("a", key="one", fail="delete"))
    assert "delete was told to fail" in cli.run("up", things("a", key="two"), check=False)
    condemned = [resource for resource in cli.exported()["resources"] if resource.get("delete")]
    assert len(condemned) == 1
    assert cli.made == ["a", "a"]


def test_a_refresh_forgets_what_is_gone_and_the_references_to_it(cli: Cli) -> None:
    program = Program((Declared("a"), Declared("b", {"value": IdOf("a")}, needs=("a",))))
    cli.run("up", program)
    (cli.world / cli.state()["a"]["id"]).unlink()
    cli.run("refresh", program)
    assert list(cli.state()) == ["b"]
    assert not cli.state()["b"].get("dependencies")
    cli.run("up", program, "--refresh")
    assert sorted(cli.state()) == cli.made == ["a", "b"]


def test_a_program_that_lost_a_resource_deletes_it(cli: Cli) -> None:
    cli.run("up", things("a", "b", "c"))
    cli.run("up", things("b"))
    assert list(cli.state()) == cli.made == ["b"]


def test_a_preview_leaves_no_trace_in_state_or_history(cli: Cli) -> None:
    cli.run("up", things("a"))
    before = cli.exported()
    cli.run("preview", things("a", "b", value="new"))
    cli.run("refresh", things("a"), "--preview-only", "--diff", check=False)
    assert cli.exported() == before
    assert len(cli.history()) == 1


def test_secrets_are_ciphertexts_everywhere_but_where_they_are_asked_for(  # C2
    cli: Cli, stack_id: int, database: Database, sealing: Wax
) -> None:
    secret = "a-secret-that-nobody-sees"
    cli("config", "set", "--secret", "password", secret)

    program = Program(
        (Declared("a", {"password": FromConfig("password")}),),
        {"password": Secret([secret, {"nested": secret}]), "plain": "text"},
    )
    cli.run("up", program)
    assert nothing_changes(cli, program)
    assert secret not in orjson.dumps(cli.exported()).decode()
    assert secret not in (cli.project / "Pulumi.dev.yaml").read_text()
    assert cli("config", "get", "password").stdout.strip() == secret
    assert cli.json("stack", "output") == {"password": "[secret]", "plain": "text"}
    assert cli.json("stack", "output", "--show-secrets")["password"] == [secret, {"nested": secret}]
    with database.read() as connection:
        hidden = checkpoints.outputs(connection, sealing, stack_id, show_secrets=False)
        shown = checkpoints.outputs(connection, sealing, stack_id, show_secrets=True)
    assert hidden == {"password": "[secret]", "plain": "text"}
    assert shown == {"password": [secret, {"nested": secret}], "plain": "text"}


def test_a_killed_run_is_taken_over_and_the_next_one_converges(  # C3
    cli: Cli, stack_id: int, database: Database, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"

    program = Program((Declared("a"), Declared("b", {"wait": str(gate)}, needs=("a",))))
    with cli.running("up", program) as process:
        wait_for(Path(f"{gate}.reached").exists)
        process.kill()
    assert "is running since" in cli.run("up", program, check=False)
    with database.write() as connection:
        dead = updates.running(connection, stack_id)
        assert dead is not None
        updates.take_over(connection, dead)
        left = pending.pending_operations(connection, stack_id)
    assert [(operation.kind, operation.urn.rpartition("::")[2]) for operation in left] == [("creating", "b")]
    assert list(cli.state()) == ["a"]
    with database.write() as connection:
        assert pending.clear_pending(connection, stack_id, prefix="trivial:") == left
    gate.write_text("")
    printed = cli.run("up", program)
    assert "pending operations" not in printed
    assert sorted(cli.state()) == ["a", "b"]
    with database.read() as connection:
        assert [record.status for record in history(connection, stack_id)] == ["succeeded", "interrupted"]


def test_a_renamed_stack_goes_on_under_its_new_name(cli: Cli) -> None:
    program = things("a", value=Secret("hidden"))
    cli.run("up", program)
    cli("stack", "rename", "prod")
    urns = [resource["urn"] for resource in cli.exported("prod")["resources"]]
    assert all(urn.startswith("urn:pulumi:prod::proj::") for urn in urns)
    assert nothing_changes(cli, program, "prod")
    assert [stack["name"] for stack in cli.json("stack", "ls")] == ["prod"]


def test_a_cli_that_keeps_no_journal_is_served_too(cli: Cli) -> None:
    cli.environment["PULUMI_DISABLE_JOURNALING"] = "true"
    cli.run("up", things("a", "b", value="one"))
    cli.run("up", things("a", value="two"))
    assert {name: found["outputs"]["value"] for name, found in cli.state().items()} == {"a": "two"}
    cli.run("destroy", things())
    assert cli.made == []
