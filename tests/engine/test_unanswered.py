"""A plugin that died at a step leaves it open, whatever the engine says of it."""

from typing import Any

import pytest

from engine.unanswered import Unanswered

URN = "urn:pulumi:dev::shop::other:m:T::a"
CUT_OFF = "error reading from server: EOF\n"
NEVER_SENT = (
    'connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: refused"'
)


def said(message: str, urn: str = URN) -> dict[str, Any]:
    return {"diagnosticEvent": {"urn": urn, "message": message, "severity": "error"}}


def failed(operation: str, urn: str = URN, **more: Any) -> dict[str, Any]:
    resource = {"urn": urn, "type": "other:m:T", "custom": True, "inputs": {"password": "hunter2"}}
    return {"resOpFailedEvent": {"metadata": {"op": operation, "urn": urn, "new": resource, **more}}}


def operations(*events: dict[str, Any]) -> list[dict[str, Any]]:
    heard = Unanswered()
    for event in events:
        heard.hear(event)
    return heard.operations()


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("create", "creating"),
        ("create-replacement", "creating"),
        ("update", "updating"),
        ("delete", "deleting"),
        ("delete-replaced", "deleting"),
    ],
)
def test_a_step_whose_answer_never_came_is_open(operation: str, kind: str) -> None:
    (found,) = operations(said(CUT_OFF), failed(operation))
    assert found["type"] == kind
    assert found["resource"] == {"urn": URN, "type": "other:m:T", "custom": True}


def test_a_deleted_resource_is_known_by_what_it_was() -> None:
    old = {"urn": URN, "type": "other:m:T", "custom": True}
    (found,) = operations(said(CUT_OFF), failed("delete", new=None, old=old))
    assert found == {"type": "deleting", "resource": old}


@pytest.mark.parametrize(
    "events",
    [
        [said("the provider refused"), failed("create")],
        [said(NEVER_SENT), failed("create")],
        [said(CUT_OFF, "urn:pulumi:dev::shop::other:m:T::b"), failed("create")],
        [said(CUT_OFF)],
        [said(CUT_OFF), failed("same")],
        [{"summaryEvent": {}}, {}],
    ],
    ids=["refused", "never sent", "of another", "no step", "no change", "other events"],
)
def test_what_was_answered_or_never_asked_is_not(events: list[dict[str, Any]]) -> None:
    assert operations(*events) == []
