"""One update at a time, and only the holder of its lease writes."""

import socket

from engine.database import Database
from engine.state import updates
from engine.state.owner import Owner
from engine.state.service import Access, StateService
from tests.engine.state.client import STACK, Client, created, names


def test_a_second_update_is_told_who_runs_since_when(client: Client) -> None:  # C3
    client.begin()
    update = client.create()
    refused = client("POST", f"{STACK}/update/{update}", {})
    assert refused.code == 409
    for part in ("proj/dev", "tester", "process", "since", "tic stack cancel"):
        assert part in refused.message


def test_a_dry_run_disturbs_nobody(client: Client) -> None:
    client.begin()
    client.begin("preview")
    path, lease = client.begin(dryRun=True)
    assert client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    assert client("GET", f"{STACK}").value["version"] == 1


def test_another_token_is_no_lease(client: Client) -> None:
    path, _ = client.begin()
    for call in ("journalentries", "checkpoint"):
        body = {"entries": [], "version": 3, "deployment": {}}
        assert client("PATCH", f"{path}/{call}", body, lease="stolen").code == 403
    for call in ("renew_lease", "complete", "events/batch"):
        body = {"status": "failed", "events": [{"sequence": 0}]}
        assert client("POST", f"{path}/{call}", body, lease="stolen").code == 403


def test_an_owner_that_was_thought_dead_can_not_write(
    client: Client, service: StateService, url: str
) -> None:  # C3
    dead = Client(url, service.admit(Access("ghost", owner=Owner(2**22 + 1, socket.gethostname(), "never"))))
    path, lease = dead.begin()
    dead("PATCH", f"{path}/journalentries", {"entries": [created(1, "a")]}, lease=lease)
    new_path, new_lease = client.begin()
    assert names(client) == ["a"]
    for method, call, body in [
        ("PATCH", "journalentries", {"entries": [created(2, "late")]}),
        ("PATCH", "checkpoint", {"version": 3, "deployment": {}}),
        ("POST", "events/batch", {"events": [{"sequence": 0}]}),
        ("POST", "renew_lease", {}),
        ("POST", "complete", {"status": "succeeded"}),
    ]:
        assert dead(method, f"{path}/{call}", body, lease=lease).code == 403
    assert client("POST", f"{new_path}/complete", {"status": "succeeded"}, lease=new_lease).code == 200
    assert names(client) == ["a"]
    history = client("GET", f"{STACK}/updates").value["updates"]
    assert [(each["version"], each["result"]) for each in history] == [(2, "succeeded"), (1, "failed")]


def test_a_lease_that_nobody_renewed_is_taken_over(
    client: Client, service: StateService, url: str, database: Database
) -> None:
    far = Client(url, service.admit(Access("far", owner=Owner(1, "another-host", "x"))))
    far.begin()
    blocked = client.create()
    assert client("POST", f"{STACK}/update/{blocked}", {}).code == 409
    with database.write() as connection:
        found = updates.running(connection, 1)
        assert found is not None
        updates._set(connection, found.id, lease_expires_at=found.started_at - 1)
    client.begin()


def test_a_renewed_lease_is_the_same_token(client: Client) -> None:
    path, lease = client.begin()
    renewed = client("POST", f"{path}/renew_lease", {"duration": 300}, lease=lease)
    assert renewed.value["token"] == lease
    assert client("PATCH", f"{path}/journalentries", {"entries": [created(1, "a")]}, lease=lease).code == 200


def test_an_end_that_is_said_twice_is_one_end(client: Client) -> None:
    path, lease = client.begin()
    for _ in range(2):
        assert client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    assert client("POST", f"{path}/complete", {"status": "failed"}, lease=lease).code == 403
    assert client("POST", f"{path}/complete", {"status": "burnt"}, lease=lease).code == 400


def test_an_update_starts_once(client: Client) -> None:
    path, _ = client.begin("preview")
    assert client("POST", path, {}).code == 403
    assert client("POST", f"{STACK}/update/no-such-update", {}).code == 404
