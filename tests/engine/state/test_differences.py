"""What whole runs on both backends once told apart (see differential/), as small cases of its own."""

from engine.state.replay import Kind, replay
from tests.engine.state.journals import NOW, resource, urn


def test_a_refresh_keeps_a_dependency_on_a_resource_that_got_a_new_urn() -> None:
    base = {"resources": [resource("b"), resource("d", dependencies=[urn("b")])]}
    renamed = resource("new", aliases=[urn("b")])
    entries = [
        {
            "kind": Kind.REFRESH_SUCCESS,
            "sequenceID": 1,
            "operationID": 1,
            "removeOld": 1,
            "state": base["resources"][1],
        },
        {"kind": Kind.SUCCESS, "sequenceID": 2, "operationID": 2, "removeOld": 0, "state": renamed},
    ]
    kept = replay(base, entries, now=NOW, engine="").deployment["resources"]
    assert [each["urn"] for each in kept] == [urn("new"), urn("d")]
    assert kept[1]["dependencies"] == [urn("new")]


def test_a_refresh_that_runs_the_program_forgets_a_dependency_by_a_former_urn_as_pulumi_does() -> None:
    base = {"resources": [resource("b"), resource("d", dependencies=[urn("b")])]}
    renamed = resource("new", aliases=[urn("b")])
    entries = [
        {"kind": Kind.SUCCESS, "sequenceID": 1, "operationID": 1, "removeOld": 0, "state": renamed},
        {
            "kind": Kind.REFRESH_SUCCESS,
            "sequenceID": 2,
            "operationID": 2,
            "removeOld": 1,
            "state": base["resources"][1],
        },
    ]
    kept = replay(base, entries, now=NOW, engine="", refresh_alone=True).deployment["resources"]
    assert [(each["urn"], each.get("dependencies", [])) for each in kept] == [
        (urn("new"), []),
        (urn("d"), []),
    ]
