"""Journal batches: kept once acknowledged, counted once, in any order, and only if they can be replayed."""

import http.client

import pytest

from tests.engine.state.client import Client, created, names


def test_what_was_acknowledged_is_in_the_state_at_once(client: Client) -> None:
    path, lease = client.begin()
    assert client("PATCH", f"{path}/journalentries", {"entries": [created(1, "a")]}, lease=lease).code == 200
    assert names(client) == ["a"]


@pytest.mark.parametrize("zipped", [True, False])
def test_a_batch_that_comes_again_counts_once(client: Client, zipped: bool) -> None:
    path, lease = client.begin()
    for _ in range(3):
        batch = {"entries": [created(1, "a"), created(2, "b")]}
        assert client("PATCH", f"{path}/journalentries", batch, lease=lease, zipped=zipped).code == 200
    assert client("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    assert names(client) == ["a", "b"]


def test_batches_may_overtake_each_other(client: Client) -> None:
    path, lease = client.begin()
    removal = {"version": 1, "kind": 1, "sequenceID": 3, "operationID": 3, "removeNew": 1}
    for entries in ([removal], [created(2, "b")], [created(1, "a")]):
        client("PATCH", f"{path}/journalentries", {"entries": entries}, lease=lease)
    assert names(client) == ["b"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"entries": 1}',
        b'{"entries": [1]}',
        b'{"entries": [{"version": 1, "kind": 1}]}',
        b'{"entries": [{"version": 1, "kind": 99, "sequenceID": 1, "operationID": 1}]}',
        b'{"entries": [{"version": 2, "kind": 1, "sequenceID": 1, "operationID": 1}]}',
        b'{"entries": [{"version": 1, "kind": 1, "sequenceID": 1, "operationID": 1, "state": {}}]}',
        b'{"entries": [{"version": 1, "kind": 0, "sequenceID": 1, "operationID": 1, "operation": {"x": 1}}]}',
        b'{"entries": [{"version": 1, "kind": 8, "sequenceID": 1, "operationID": 1}]}',
    ],
)
def test_what_could_never_be_replayed_is_refused(client: Client, body: bytes) -> None:
    path, lease = client.begin()
    answer = client("PATCH", f"{path}/journalentries", body, lease=lease)
    assert answer.code == 400
    assert answer.message


def test_a_body_that_is_no_gzip_or_too_much_of_it_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lease = client.begin()
    monkeypatch.setattr("engine.state.routes.call.LARGEST_BODY", 1000)
    bomb = client("PATCH", f"{path}/journalentries", b" " * 1001, lease=lease, zipped=True)
    assert bomb.code == 413
    for garbage in (b"no gzip", b"\x1f\x8b\x08"):
        assert _sent_as_gzip(client, f"{path}/journalentries", garbage, lease) == 400


def _sent_as_gzip(client: Client, path: str, body: bytes, lease: str) -> int:
    """The answer's code for a body that is said to be gzip, whatever it is."""
    connection = http.client.HTTPConnection(client.address, timeout=30)
    headers = {"Authorization": f"update-token {lease}", "Content-Encoding": "gzip"}
    connection.request("PATCH", path, body, headers)
    code = connection.getresponse().status
    connection.close()
    return code
