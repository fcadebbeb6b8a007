"""Nonsense at every door: each call is refused or does what it says, and none makes the service fail."""

import logging
from typing import Any

import pytest

from tests.engine.state.client import STACK, Client
from tests.engine.state.journals import resource

PARTS: list[Any] = [
    None,
    True,
    -1,
    2**63,
    1.5,
    "",
    "text",
    "\x00",
    [],
    [None],
    [[]],
    {},
    {"": None},
    {"a": {}},
]
NAMES = {
    "/api/stacks/tic/proj": ("stackName", "tags", "state", "teams", "config"),
    f"{STACK}/rename": ("newName", "newProject"),
    f"{STACK}/import": ("version", "deployment", "features"),
    f"{STACK}/encrypt": ("plaintext",),
    f"{STACK}/decrypt": ("ciphertext",),
    f"{STACK}/batch-encrypt": ("plaintexts",),
    f"{STACK}/batch-decrypt": ("ciphertexts",),
    f"{STACK}/update": ("metadata", "options", "config"),
    f"{STACK}/preview": ("metadata", "options", "config"),
}
GOOD = {f"{STACK}/import": {"version": 3, "deployment": {}}}
QUERIES = (
    "/api/user/stacks?continuationToken={}&project={}&organization={}&tagName={}&tagValue={}",
    "/api/orgs/tic/search/resources?query={}",
    f"{STACK}/updates?pageSize={{}}&page={{}}",
    f"{STACK}/updates/{{}}",
    f"{STACK}/export/{{}}",
    f"{STACK}/update/{{}}",
    f"{STACK}/update/{{}}/events",
    f"{STACK}/update/1/events?continuationToken={{}}&type={{}}&urn={{}}",
    "/api/stacks/{}/{}/{}",
)
TEXTS = ("", "0", "-1", "1", "99999999999999999999999", "%00", "%FF", "..", "%25", "%22", "a%20b", "%0A")


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.ERROR, "engine.state")
    return caplog


def test_bodies_of_any_shape(client: Client, faults: pytest.LogCaptureFixture) -> None:
    for path, names in NAMES.items():
        for part in PARTS:
            for body in (part, *({**GOOD.get(path, {}), name: part} for name in names)):
                client("POST", path, body)
                for back in (("text", "proj"), ("dev", "text"), ("text", "text")):
                    old = "/api/stacks/tic/{1}/{0}/rename".format(*back)
                    client("POST", old, {"newName": "dev", "newProject": "proj"})
    for part in PARTS:
        client("PATCH", f"{STACK}/tags", part)
        client("PATCH", f"{STACK}/tags", {"name": part})
    for broken in (b"{", b"\xff", b"[" * 5000, b'{"a":' * 5000):
        client("POST", f"{STACK}/import", broken)
    assert faults.messages == []
    assert client("GET", STACK).code == 200


def test_updates_of_any_shape(client: Client, faults: pytest.LogCaptureFixture) -> None:
    for part in PARTS:
        update = f"{STACK}/update/{client.create()}"
        for body in (part, {"tags": part}, {"journalVersion": part}):
            client("POST", update, body)
        client("POST", f"{STACK}/update/{client('GET', STACK).value['activeUpdate']}/cancel")
    path, lease = client.begin()
    for part in PARTS:
        entry = {"version": 1, "kind": 1, "sequenceID": 1, "operationID": 1, "state": resource("a")}
        bodies = [part, {"entries": part}, {"entries": [part]}]
        bodies += [{"entries": [{**entry, name: part}]} for name in (*entry, "operation", "newSnapshot")]
        for body in bodies:
            client("PATCH", f"{path}/journalentries", body, lease=lease)
        for body in (part, {"version": 3, "deployment": part}, {"version": 3, "features": part}):
            client("PATCH", f"{path}/checkpoint", body, lease=lease)
        for body in (part, {"events": part}, {"events": [part]}, {"events": [{"sequence": part}]}):
            client("POST", f"{path}/events/batch", body, lease=lease)
        for body in (part, {"status": part}):
            client("POST", f"{path}/complete", body, lease=lease)
        client("POST", f"{path}/renew_lease", part, lease=lease)
    assert client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    assert faults.messages == []


def test_queries_and_names_of_any_shape(client: Client, faults: pytest.LogCaptureFixture) -> None:
    for template in QUERIES:
        for text in TEXTS:
            answer = client("GET", template.format(*[text] * template.count("{}")))
            assert answer.code < 500, (template, text)
    assert faults.messages == []
