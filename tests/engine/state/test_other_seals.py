"""States that another secrets provider has sealed: never half of one, and gone once the vault has sealed."""

from typing import Any

import pytest

from engine.database import Database
from engine.state import other_seals, stacks, versions
from engine.state.sealing import SealedElsewhere
from engine.state.versions import Checkpoint
from tests.engine.state.client import STACK, Client, created, names
from tests.engine.state.journals import resource

PASSPHRASE = {"type": "passphrase", "state": {"salt": "v1:x:v1:y:z"}}
VAULT = {"type": "service", "state": {"owner": "tic"}}


def bring(client: Client, provider: dict[str, Any] | None, *names: str) -> None:
    """Import a state that this provider has sealed."""
    deployment = {"resources": [resource(name) for name in names], "secrets_providers": provider}
    answer = client("POST", f"{STACK}/import", {"version": 3, "deployment": deployment})
    assert answer.code == 200, answer


def sealers(database: Database) -> list[str | None]:
    """Who sealed each version, the newest first."""
    with database.read() as connection:
        found = stacks.find(connection, "proj", "dev")
        assert found is not None
        return [by for _version, by in versions.sealers(connection, found.id)]


def seal_entry(provider: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "kind": 6, "sequenceID": 1, "operationID": 0, "secretsProvider": provider}


def journaled(client: Client, *entries: dict[str, Any]) -> Any:
    """Run an update that writes these; the answer to them."""
    path, lease = client.begin()
    answer = client("PATCH", f"{path}/journalentries", {"entries": list(entries)}, lease=lease)
    client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease)
    return answer


@pytest.mark.parametrize(("provider", "journal"), [(PASSPHRASE, 0), (VAULT, 1), (None, 1)])
def test_nothing_is_journaled_over_a_state_that_another_has_sealed(
    client: Client, provider: dict[str, Any] | None, journal: int
) -> None:
    bring(client, provider, "a")
    path = f"{STACK}/update/{client.create()}"
    assert client("POST", path, {"journalVersion": 1}).value["journalVersion"] == journal


def test_a_journal_does_not_change_who_seals_a_state(client: Client, database: Database) -> None:
    bring(client, VAULT, "a")
    path, lease = client.begin()
    # The CLI sends the next batches whatever becomes of this one.
    for code, entry in ((400, seal_entry(PASSPHRASE)), (403, created(2, "b"))):
        refused = client("PATCH", f"{path}/journalentries", {"entries": [entry]}, lease=lease)
        assert refused.code == code
        assert "sealed by tic's vault, and this run would seal by passphrase" in refused.message
        assert "pulumi stack change-secrets-provider passphrase" in refused.message
    assert sealers(database) == ["service"]
    assert names(client) == ["a"]
    assert journaled(client, seal_entry(VAULT), created(2, "b")).code == 200


def test_a_stack_without_a_state_may_be_sealed_by_anyone(client: Client) -> None:
    assert journaled(client, seal_entry(PASSPHRASE), created(2, "b")).code == 200


def test_once_the_vault_has_sealed_it_no_version_keeps_another_seal(
    client: Client, database: Database
) -> None:
    bring(client, VAULT, "first")
    bring(client, PASSPHRASE, "a")
    bring(client, PASSPHRASE, "a", "b")
    assert sealers(database) == ["passphrase", "passphrase", "service"]
    bring(client, VAULT, "a", "b", "c")
    assert sealers(database) == ["service"] * 4
    kept = [client("GET", f"{STACK}/export/{version}").value["deployment"] for version in (1, 2, 3, 4)]
    assert [len(each["resources"]) for each in kept] == [1, 3, 3, 3]


def test_nor_does_a_configuration_in_the_history(client: Client) -> None:
    config = {
        "proj:plain": {"string": "v1:like", "secret": False},
        "proj:theirs": {"string": "v1:nonce:sealed", "secret": True},
        "proj:deep": {"string": '{"a":{"secure":"v1:nonce:sealed"}}', "secret": True, "object": True},
        "proj:ours": {"string": "c2VhbGVk", "secret": True},
    }
    bring(client, PASSPHRASE, "a")
    update = client("POST", f"{STACK}/update", {"config": config}).value["updateID"]
    started = client("POST", f"{STACK}/update/{update}", {"journalVersion": 1})
    lease = started.value["token"]
    client("POST", f"{STACK}/update/{update}/complete", {"status": "succeeded"}, lease=lease)
    bring(client, VAULT, "a")
    for record in client("GET", f"{STACK}/updates").value["updates"][:2]:
        assert sorted(record["config"]) == ["proj:ours", "proj:plain"]


def test_a_run_is_refused_with_the_ways_to_the_vault(client: Client, database: Database) -> None:
    bring(client, PASSPHRASE, "a")
    with database.read() as connection:
        found = stacks.find(connection, "proj", "dev")
        assert found is not None
        with pytest.raises(SealedElsewhere) as refused:
            other_seals.refuse(connection, found)
    assert "tic stack import-state proj/dev - --force" in refused.value.hint


def test_a_whole_checkpoint_of_the_vaults_takes_the_others_place(client: Client, database: Database) -> None:
    bring(client, PASSPHRASE, "a")
    path, lease = client.begin()
    state = {"version": 3, "deployment": {"resources": [resource("a")], "secrets_providers": VAULT}}
    assert client("PATCH", f"{path}/checkpoint", state, lease=lease).code == 200
    client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease)
    assert sealers(database) == ["service", "service"]


def test_versions_from_before_there_were_providers_are_read(client: Client, database: Database) -> None:
    with database.write() as connection:
        found = stacks.find(connection, "proj", "dev")
        assert found is not None
        versions.save(connection, found.id, 1, Checkpoint(1, 3, (), {}))
        assert other_seals.sealer(connection, found.id) is None
