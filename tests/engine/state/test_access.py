"""Who may call: a token opens what it was made for, while it is admitted."""

import pytest

from engine.database import Database
from engine.state import stacks
from engine.state.service import Access, StateService
from tests.engine.state.client import STACK, Client


@pytest.mark.parametrize(
    "path", ["/api/user", "/api/user/stacks", f"{STACK}/export", STACK, "/api/capabilities"]
)
def test_without_a_valid_token_nothing_is_told(client: Client, url: str, path: str) -> None:
    for token in ("", "wrong"):
        assert Client(url, token)("GET", path).code == 401


def test_a_dismissed_token_is_worth_nothing_and_neither_are_its_leases(
    client: Client, url: str, service: StateService
) -> None:
    token = service.admit(Access("other"))
    other = Client(url, token)
    path, lease = other.begin()
    service.dismiss(token)
    assert other("GET", "/api/user").code == 401
    assert other("PATCH", f"{path}/journalentries", {"entries": []}, lease=lease).code == 403


def test_a_run_sees_its_own_stack_and_no_other(
    client: Client, url: str, service: StateService, database: Database
) -> None:  # C2
    client.make_stack("other")
    with database.read() as connection:
        found = stacks.find(connection, "proj", "other")
    assert found is not None
    run = Client(url, service.admit(Access("run", stack_id=found.id)))
    for method, path in [("GET", ""), ("GET", "/export"), ("POST", "/decrypt"), ("DELETE", "")]:
        assert run(method, f"{STACK}{path}", {}).code == 403
    missing = [("POST", "/update"), ("GET", "/export/1"), ("POST", "/encrypt"), ("GET", "/updates")]
    for method, path in missing:
        assert run(method, f"{STACK}{path}", {}).code == 404
    assert run("GET", "/api/stacks/tic/proj/other").code == 200
    assert [stack["stackName"] for stack in run("GET", "/api/user/stacks").value["stacks"]] == ["other"]
    assert run("POST", "/api/stacks/tic/proj", {"stackName": "mine"}).code == 403
    assert run("HEAD", "/api/stacks/tic/proj").code == 200
    assert run("HEAD", "/api/stacks/tic/foreign").code == 404


def test_an_access_token_does_not_write_and_an_update_token_does_not_read(client: Client) -> None:
    path, lease = client.begin()
    assert client("PATCH", f"{path}/journalentries", {"entries": []}).code == 403
    assert client("GET", f"{STACK}/export", lease=lease).code == 401
