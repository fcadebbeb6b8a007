"""Reads what resources are now that an earlier run was cut off in the middle of changing.

The engine would go by what its state says of them, and the state is from before. Reading them is an update of
its own (`pulumi refresh --target ...`) before the one that was asked for, in the same turn.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from engine.events import Diagnostic, Event, Notice, Step
from engine.operation import Operation, Outcome

if TYPE_CHECKING:
    from engine.following import Listener
    from engine.state.pending import PendingOperation

MESSAGE = "read what an earlier run was cut off in the middle of changing"
NAMED = 10  # resources that a notice names; more are counted


def needed(operation: Operation, cut_off: "Sequence[PendingOperation]") -> bool:
    """Whether these are to be read before `operation`: a preview changes nothing, and a refresh of the whole
    stack reads them anyway.
    """
    reads_all = operation.kind == "refresh" and not operation.targets
    return bool(cut_off) and not operation.changes_nothing and not reads_all


def planned(cut_off: "Sequence[PendingOperation]") -> Notice:
    """What a preview tells of them."""
    return Notice(
        f"an earlier run was cut off in the middle of changing {_named(cut_off)}: the next up first reads "
        "what is there now, and may do other than this preview says",
        "warning",
    )


def reread(
    carry_out: "Callable[[Operation, Outcome, Listener], None]",
    operation: Operation,
    cut_off: "Sequence[PendingOperation]",
    listen: "Listener",
) -> tuple[Outcome, list[dict[str, Any]]]:
    """Read them with `carry_out`, which does one operation; what is found is told to `listen`.

    Returns what came of it, and those that could not be read, as pending operations (apitype.OperationV2).
    """
    listen(Notice(f"reading what is there now of what an earlier run was cut off from: {_named(cut_off)}"))
    urns = tuple(dict.fromkeys(each.urn for each in cut_off))
    outcome, read = Outcome(), set[str]()

    def hear(event: Event) -> None:
        if isinstance(event, Step) and event.phase == "done":
            read.add(event.urn)
            if event.operation in _FOUND:
                listen(Notice(f"{event.type} {event.name} {_FOUND[event.operation]}"))
        elif isinstance(event, Notice) or (isinstance(event, Diagnostic) and event.severity == "error"):
            listen(event)

    carry_out(
        Operation("refresh", urns, parallel=operation.parallel, message=MESSAGE, passed=operation.passed),
        outcome,
        hear,
    )
    unread = [each for each in cut_off if each.urn not in read]
    if unread and not outcome.interrupted:
        names = _named(unread)
        listen(
            Notice(f"could not be read: {names}; the run goes on, and the next one tries again", "warning")
        )
    return outcome, [_pending(each) for each in unread]


_FOUND = {"update": "is other than the state said", "delete": "does not exist any more"}


def _named(operations: "Sequence[PendingOperation]") -> str:
    names = [f"{each.name} ({each.kind})" for each in operations[:NAMED]]
    if len(operations) > NAMED:
        names.append(f"{len(operations) - NAMED} more")
    return ", ".join(names)


def _pending(operation: "PendingOperation") -> dict[str, Any]:
    return {
        "type": operation.kind,
        "resource": {"urn": operation.urn, "type": operation.type, "custom": True},
    }
