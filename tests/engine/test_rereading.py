"""C3: what an earlier run was cut off from changing is read again, shown, and tried again where it fails."""

from collections.abc import Callable

import pytest

from engine.events import Diagnostic, Event, Notice, Step, Summary
from engine.operation import Operation, Outcome
from engine.rereading import NAMED, needed, planned, reread
from engine.state.pending import PendingOperation


def cut_off(*names: str, kind: str = "updating") -> list[PendingOperation]:
    return [PendingOperation(kind, f"urn:pulumi:dev::shop::other:m:T::{name}", "other:m:T") for name in names]


@pytest.mark.parametrize(
    ("operation", "reads"),
    [
        (Operation("up"), True),
        (Operation("destroy"), True),
        (Operation("refresh", targets=["urn"]), True),
        (Operation("refresh"), False),
        (Operation("preview"), False),
    ],
    ids=["up", "destroy", "refresh of one", "refresh of all", "preview"],
)
def test_they_are_read_where_the_operation_would_not(operation: Operation, reads: bool) -> None:
    assert needed(operation, cut_off("a")) is reads
    assert not needed(operation, [])


def told(
    operations: list[PendingOperation], happens: Callable[[Callable[[Event], None]], None]
) -> tuple[list[str], list[str], Operation]:
    """What was said, which were left unread, and the operation that was carried out."""
    heard: list[Event] = []
    carried: list[Operation] = []

    def carry_out(operation: Operation, _outcome: Outcome, hear: Callable[[Event], None]) -> None:
        carried.append(operation)
        happens(hear)

    asked = Operation("up", parallel=3, passed=["KUBECONFIG"], message="mine")
    _outcome, unread = reread(carry_out, asked, operations, heard.append)
    said = [each.message for each in heard if isinstance(each, Notice | Diagnostic)]
    assert len(said) == len(heard)
    return said, [each["resource"]["urn"].rpartition("::")[2] for each in unread], carried[0]


def test_each_is_read_once_with_what_the_run_is_given() -> None:
    both = [*cut_off("a"), *cut_off("a", "b", kind="deleting")]
    _said, _unread, operation = told(both, lambda hear: None)
    assert operation.kind == "refresh"
    assert [urn.rpartition("::")[2] for urn in operation.targets] == ["a", "b"]
    assert (operation.parallel, operation.passed) == (3, ["KUBECONFIG"])


def test_what_is_found_is_said_and_the_readings_own_end_is_not() -> None:
    operations = cut_off("a", "b", "c")

    def happens(hear: Callable[[Event], None]) -> None:
        for each, operation in zip(operations, ["same", "update", "delete"], strict=True):
            hear(Step("started", "refresh", each.urn))
            hear(Step("done", operation, each.urn))
        hear(Diagnostic("warning", "using a plugin from $PATH", ""))
        hear(Summary({"same": 3}, 1))

    said, unread, _operation = told(operations, happens)
    assert said == [
        "reading what is there now of what an earlier run was cut off from: "
        "a (updating), b (updating), c (updating)",
        "other:m:T b is other than the state said",
        "other:m:T c does not exist any more",
    ]
    assert unread == []


def test_what_can_not_be_read_is_said_and_tried_again() -> None:
    operations = cut_off("a", "b")

    def happens(hear: Callable[[Event], None]) -> None:
        hear(Diagnostic("error", "the provider is out of reach", operations[0].urn))
        hear(Step("done", "same", operations[1].urn))

    said, unread, _operation = told(operations, happens)
    assert "the provider is out of reach" in said
    assert said[-1] == "could not be read: a (updating); the run goes on, and the next one tries again"
    assert unread == ["a"]


def test_of_many_some_are_named() -> None:
    many = cut_off(*(f"n{number}" for number in range(NAMED + 5)))
    assert planned(many).message.count("(updating)") == NAMED
    assert "5 more" in planned(many).message
