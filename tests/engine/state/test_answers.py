"""What is answered: histories, exports and events as they are, and a reason for every refusal."""

import base64
import logging
from typing import Any

import pytest

from engine.state.service import StateService
from tests.engine.state.client import STACK, Client
from tests.engine.state.conftest import Wax
from tests.engine.state.journals import resource


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/orgs/tic/members"),
        ("POST", f"{STACK}/deployments/settings"),
        ("PATCH", f"{STACK}/update/x/checkpointdelta"),
        ("PUT", "/api/user"),
        ("GET", "/elsewhere"),
    ],
)
def test_a_call_that_nobody_knows_is_refused_and_logged_without_its_body(
    client: Client, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    with caplog.at_level(logging.WARNING, "engine.state.app"):
        answer = client(method, path, {"private": "body"})
    assert answer.code in (404, 405)
    assert "\n  next: " in answer.message
    assert path in caplog.text
    assert "private" not in caplog.text


def test_a_fault_of_the_service_tells_its_kind_and_not_its_words(
    client: Client, service: StateService, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Wax):
        def seal(self, context: str, plaintext: bytes) -> bytes:
            raise RuntimeError(plaintext)

    service.sealing = Broken()
    answer = client("POST", f"{STACK}/encrypt", {"plaintext": base64.b64encode(b"the words").decode()})
    assert answer.code == 500
    assert "RuntimeError" in answer.message
    assert "RuntimeError" in caplog.text
    assert "the words" not in answer.message + caplog.text


def test_names_that_are_no_names_are_refused(client: Client) -> None:
    for name in ("", "a b", "a/b", None, "x" * 101):
        assert client("POST", "/api/stacks/tic/proj", {"stackName": name}).code == 400
    assert client("POST", "/api/stacks/other/proj", {"stackName": "x"}).code == 400
    assert "already exists" in client("POST", "/api/stacks/tic/proj", {"stackName": "dev"}).message


def test_configuration_in_a_cloud_is_refused_with_the_way_to_go(client: Client) -> None:
    assert "Pulumi.<stack>.yaml" in client("PUT", f"{STACK}/config", {"environment": "e"}).message


def test_a_deployment_that_is_none_is_refused(client: Client) -> None:
    deployments: list[Any] = [
        [1],
        {"resources": [{}]},
        {"resources": [{"urn": 5}]},
        {"resources": [resource("a", dependencies=5)]},
        {"resources": [resource("a", provider=5)]},
        {"pending_operations": [{"type": "creating"}]},
    ]
    wrong: list[Any] = [
        {},
        [],
        {"version": 5},
        b"{",
        *({"version": 3, "deployment": each} for each in deployments),
    ]
    for body in wrong:
        assert client("POST", f"{STACK}/import", body).code == 400
    assert client("GET", f"{STACK}/export/1").code == 404


def test_an_export_names_the_service_as_it_was_reached(client: Client) -> None:
    elsewhere = {
        "type": "service",
        "state": {"url": "http://127.0.0.1:1", "owner": "o", "project": "p", "stack": "s"},
    }
    state = {"version": 3, "deployment": {"secrets_providers": elsewhere, "resources": [resource("a")]}}
    assert client("POST", f"{STACK}/import", state).code == 200
    assert client.export()["secrets_providers"]["state"] == {
        "url": f"http://{client.address}",
        "owner": "tic",
        "project": "proj",
        "stack": "dev",
    }


def test_history_comes_in_pages(client: Client) -> None:
    assert client("GET", f"{STACK}/updates/latest").code == 404
    for _ in range(3):
        path, lease = client.begin()
        client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease)
    versions = [each["version"] for each in client("GET", f"{STACK}/updates").value["updates"]]
    assert versions == [3, 2, 1]
    page = client("GET", f"{STACK}/updates?pageSize=2&page=2").value["updates"]
    assert [each["version"] for each in page] == [1]
    assert client("GET", f"{STACK}/updates/latest").value["info"]["version"] == 3
    assert client("GET", f"{STACK}/updates?pageSize=x").code == 400
    assert client("GET", f"{STACK}/updates/latest/previews").value["updates"] == []


def test_events_come_back_in_their_order_each_once(client: Client) -> None:
    path, lease = client.begin()
    batches = [[{"sequence": 2}], [{"sequence": 0}, {"sequence": 1}], [{"sequence": 2}], []]
    for batch in batches:
        assert client("POST", f"{path}/events/batch", {"events": batch}, lease=lease, zipped=True).code == 200
    assert [event["sequence"] for event in client("GET", f"{path}/events").value["events"]] == [0, 1, 2]
    assert client("POST", f"{path}/events/batch", {"events": [{}]}, lease=lease).code == 400
    summary = {"sequence": 3, "summaryEvent": {"resourceChanges": {"create": 2}}}
    client("POST", f"{path}/events/batch", {"events": [summary]}, lease=lease)
    assert client("GET", f"{STACK}/updates/latest").value["info"]["resourceChanges"] == {"create": 2}
