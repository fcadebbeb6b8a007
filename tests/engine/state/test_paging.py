"""Long answers come in pages, and the pages together are everything once."""

from typing import Any

from engine.database import Database
from engine.state import stacks
from engine.state.routes.account import STACKS_IN_A_PAGE
from engine.state.routes.happened import EVENTS_IN_A_PAGE
from engine.state.updates import EVENTS_KEPT_FOR
from tests.engine.state.client import STACK, Client


def pages(client: Client, path: str, what: str) -> list[list[Any]]:
    found, token = [], ""
    while True:
        value = client("GET", f"{path}continuationToken={token or 0}").value
        found.append(value[what])
        token = value["continuationToken"]
        if token is None:
            return found


def test_stacks_come_in_pages(client: Client, database: Database) -> None:
    with database.write() as connection:
        for number in range(STACKS_IN_A_PAGE):
            stacks.create(connection, "many", f"s{number}")
    found = pages(client, "/api/user/stacks?", "stacks")
    assert [len(page) for page in found] == [STACKS_IN_A_PAGE, 1]
    assert len({stack["id"] for page in found for stack in page}) == STACKS_IN_A_PAGE + 1
    assert [len(page) for page in pages(client, "/api/user/stacks?project=many&", "stacks")] == [
        STACKS_IN_A_PAGE
    ]
    assert client("GET", "/api/user/stacks?continuationToken=x").code == 400


def test_events_come_in_pages_and_by_kind_and_resource(client: Client) -> None:
    path, lease = client.begin()
    kinds = ("resourcePreEvent", "diagnosticEvent")
    for first in range(0, EVENTS_IN_A_PAGE + 200, 100):
        batch = [
            {"sequence": number, kinds[number % 2]: {"metadata": {"urn": f"urn-{number % 10}"}}}
            for number in range(first, first + 100)
        ]
        client("POST", f"{path}/events/batch", {"events": batch}, lease=lease)
    client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease)
    events = f"{STACK}/update/1/events"  # by its version
    found = pages(client, f"{events}?", "events")
    assert [len(page) for page in found] == [EVENTS_IN_A_PAGE, 200]
    numbers = [event["sequence"] for page in found for event in page]
    assert numbers == list(range(EVENTS_IN_A_PAGE + 200))
    [only] = pages(client, f"{events}?type=resourcePre&urn=urn-4&", "events")
    assert {event["sequence"] % 10 for event in only} == {4}
    assert len(only) == (EVENTS_IN_A_PAGE + 200) / 10
    assert pages(client, f"{events}?type=resourcePre&urn=urn-5&", "events") == [[]]


def test_events_that_are_no_longer_kept_are_named_as_that(client: Client) -> None:
    for _ in range(EVENTS_KEPT_FOR + 1):
        path, lease = client.begin()
        client("POST", f"{path}/events/batch", {"events": [{"sequence": 0}]}, lease=lease)
        client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease)
    assert client("GET", f"{STACK}/update/2/events").value["events"] == [{"sequence": 0}]
    gone = client("GET", f"{STACK}/update/1/events")
    assert (gone.code, f"its last {EVENTS_KEPT_FOR} updates" in gone.message) == (404, True)
    assert client("GET", f"{STACK}/updates/1").value["info"]["version"] == 1


def test_an_import_keeps_the_configuration_of_the_update_before(client: Client) -> None:
    config = {"proj:key": {"string": "value", "secret": False, "object": False}}
    created = client("POST", f"{STACK}/update", {"config": config}).value["updateID"]
    started = client("POST", f"{STACK}/update/{created}", {}).value
    client("POST", f"{STACK}/update/{created}/complete", {"status": "succeeded"}, lease=started["token"])
    assert client("POST", f"{STACK}/import", {"version": 3, "deployment": {}}).code == 200
    latest = client("GET", f"{STACK}/updates/latest").value
    assert (latest["info"]["kind"], latest["info"]["config"]) == ("import", config)
    assert (latest["version"], latest["latestVersion"]) == (2, 2)
