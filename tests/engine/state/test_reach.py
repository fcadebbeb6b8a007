"""What a token that is bound, or may only read, can do: on every route that there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route

from engine.database import Database
from engine.state import stacks
from engine.state.app import app
from engine.state.reach import EVERYTHING, Reach
from engine.state.routes.updates import KINDS
from engine.state.service import Access, StateService
from tests.engine.state.client import STACK, Client

NAMES = st.sampled_from(["shop", "site", "dev", "prod"])
READS = {  # what a token that may only read can call besides GET and HEAD
    *(("POST", f"{{stack}}/{call}") for call in ("encrypt", "decrypt", "batch-encrypt", "batch-decrypt")),
    *(("POST", f"{{stack}}/decrypt/{call}") for call in ("log-decryption", "log-batch-decryption")),
    *(("POST", f"{{stack}}/{kind}") for kind in KINDS),
    *(("POST", f"{{stack}}/{kind}/{{update}}") for kind in KINDS),
}
BY_LEASE = {"renew_lease", "complete", "journalentries", "checkpoint", "checkpointverbatim", "batch"}


@given(project=NAMES, stack=NAMES, other=NAMES)
def test_a_reach_covers_what_it_names_and_nothing_else(project: str, stack: str, other: str) -> None:
    assert EVERYTHING.covers(project, stack)
    assert Reach(project).covers(project, stack)
    assert Reach(project).covers(other, stack) == (other == project)
    assert Reach(project, stack).covers(project, other) == (other == stack)
    assert Reach(project, stack).covers(other, stack) == (other == project)


def test_a_reach_says_what_it_is() -> None:
    assert [one.what for one in (EVERYTHING, Reach("shop"), Reach("shop", "dev"))] == [
        "every stack",
        "stacks of shop",
        "shop/dev",
    ]


def calls(service: StateService) -> list[tuple[str, str]]:
    """Each method of each route, with the stack's part of its path as `{stack}`."""
    prefix = "/api/stacks/{org}/{project}/{stack}"
    return [
        (method, route.path.replace(prefix, "{stack}"))
        for route in app(service).routes
        if isinstance(route, Route)
        for method in sorted(route.methods or ())
        if route.path.rpartition("/")[2] not in BY_LEASE
    ]


def shown(path: str, stack: str = STACK) -> str:
    return (
        path.replace("{stack}", stack)
        .replace("{org}", "tic")
        .replace("{project}", stack.split("/")[4])
        .replace("{update}", "00000000-0000-0000-0000-000000000000")
        .replace("{version:int}", "1")
    )


def reader(service: StateService, url: str, reach: Reach) -> Client:
    return Client(url, service.admit(Access("reader", reach=reach)))


def test_whoever_may_only_read_is_refused_every_call_that_is_not_known_to_change_nothing(
    client: Client, service: StateService, url: str
) -> None:
    reads = reader(service, url, Reach(read_only=True))
    refused = set()
    for method, path in calls(service):
        if method not in ("GET", "HEAD"):
            answer = reads(method, shown(path), {})
            if answer.code == 403 and "may read and preview" in answer.message:
                refused.add((method, path))
    writing = {call for call in calls(service) if call[0] not in ("GET", "HEAD")}
    started = {("POST", f"{{stack}}/{kind}") for kind in KINDS if kind != "preview"}
    assert refused == (writing - READS) | started
    assert client("GET", STACK).value["version"] == 0


def test_whoever_may_only_read_can_preview_in_each_way(
    client: Client, service: StateService, url: str
) -> None:
    reads = reader(service, url, Reach(read_only=True))
    tags = client("GET", STACK).value["tags"]
    for kind, options in (("preview", {}), ("update", {"dryRun": True}), ("destroy", {"dryRun": True})):
        path = f"{STACK}/{kind}/{reads.create(kind, **options)}"
        started = reads("POST", path, {"journalVersion": 1, "tags": {"changed": "by a reader"}})
        assert started.code == 200
        events = {"events": [{"sequence": 0}]}
        lease = started.value["token"]
        assert reads("POST", f"{path}/events/batch", events, lease=lease).code == 200
        assert reads("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    assert client("GET", STACK).value["tags"] == tags


def test_whoever_may_only_read_can_not_start_what_another_has_made(
    client: Client, service: StateService, url: str
) -> None:
    reads = reader(service, url, Reach(read_only=True))
    update = client.create()
    assert reads("POST", f"{STACK}/update/{update}", {}).code == 403
    assert client("POST", f"{STACK}/update/{update}", {}).code == 200


@pytest.mark.parametrize("reach", [Reach("proj", "mine"), Reach("others", "dev")], ids=str)
def test_of_other_stacks_nothing_is_told_and_nothing_done(
    client: Client, service: StateService, url: str, database: Database, reach: Reach
) -> None:
    bound = reader(service, url, reach)
    for method, path in calls(service):
        if "{stack}" in path and not path.endswith("/config"):  # that is refused whatever the stack is
            assert bound(method, shown(path), {}).code in (403, 404), (method, path)
    assert bound("GET", "/api/user/stacks").value["stacks"] == []
    found = bound("GET", "/api/orgs/tic/search/resources?query=")
    assert found.code != 200 or not found.value.get("resources"), found
    assert bound("POST", "/api/stacks/tic/proj", {"stackName": "another"}).code == 403
    with database.read() as connection:
        assert [stack.name for stack in stacks.list_all(connection)] == ["dev"]


def test_a_bound_token_makes_what_it_is_bound_to_and_renames_it_to_nothing_else(
    client: Client, service: StateService, url: str
) -> None:
    one, project = reader(service, url, Reach("proj", "mine")), reader(service, url, Reach("proj"))
    assert one("HEAD", "/api/stacks/tic/proj").code == 404
    assert one("POST", "/api/stacks/tic/proj", {"stackName": "mine"}).code == 200
    assert one("HEAD", "/api/stacks/tic/proj").code == 200
    assert [each["stackName"] for each in one("GET", "/api/user/stacks").value["stacks"]] == ["mine"]
    mine = "/api/stacks/tic/proj/mine"
    assert one("POST", f"{mine}/rename", {"newName": "other"}).code == 403
    assert project("POST", f"{mine}/rename", {"newName": "other", "newProject": "elsewhere"}).code == 403
    assert project("POST", f"{mine}/rename", {"newName": "other"}).code == 200
    assert one("GET", mine).code in (403, 404)
    assert project("POST", "/api/stacks/tic/proj", {"stackName": "third"}).code == 200
    assert len(project("GET", "/api/user/stacks").value["stacks"]) == 3
    assert client("GET", f"{STACK}").code == 200


def test_a_bound_token_works_with_its_own_stack(client: Client, service: StateService, url: str) -> None:
    bound = reader(service, url, Reach("proj", "dev"))
    path, lease = bound.begin()
    assert bound("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    assert client("GET", STACK).value["version"] == 1
