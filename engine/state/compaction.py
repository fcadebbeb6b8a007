"""From the entries of a journal to fewer that mean the same: pure, in one pass.

A step writes its whole resource twice: when it begins, in case that it is cut short, and when it is done.
Once it is done, all that its begin still says is that there was such a step: it stays without its resource.
What ends a step stays, so that a begin that is sent again finds its end, and so does the last word on each
resource.

It may be used on any part of a journal whose batches came one after another. No step begins before the base
is rebuilt and ends after it: the engine waits for all of them, and for the answer to that entry.
"""

from collections.abc import Iterable, Iterator

from engine.state.replay import Entry, Kind, in_order

_ENDS = frozenset({Kind.SUCCESS, Kind.FAILURE, Kind.REFRESH_SUCCESS})
_BARE = ("version", "kind", "sequenceID", "operationID", "requiresByteString")


def compacted(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, by sequence number, that are needed for the same replay over any base, with any others."""
    ordered = in_order(entries)
    idle = set(_idle(ordered))
    return [
        _bare(entry) if entry["kind"] == Kind.FAILURE or position in idle else entry
        for position, entry in enumerate(ordered)
        if position not in idle or entry.get("operation") or entry.get("requiresByteString")
    ]


def _idle(ordered: list[Entry]) -> Iterator[int]:
    """The positions of begins whose end has come, and of outputs and snapshots that later ones replace."""
    begins: dict[int, int] = {}  # operation -> position
    outputs: dict[tuple[int | None, int | None], int] = {}  # the resource in the base, or by operation
    made: set[int] = set()  # operations that made a resource
    snapshot: int | None = None
    for position, entry in enumerate(ordered):
        kind, operation = entry["kind"], entry["operationID"]
        if kind in _ENDS and operation in begins:
            yield begins.pop(operation)
        if kind == Kind.BEGIN:
            begins[operation] = position
        elif kind == Kind.SUCCESS and entry.get("state") is not None:
            made.add(operation)
        elif kind in (Kind.OUTPUTS, Kind.REFRESH_SUCCESS) and entry.get("state") is not None:
            old, new = entry.get("removeOld"), entry.get("removeNew")
            if (old, new) in outputs:
                yield outputs.pop((old, new))
            if kind == Kind.OUTPUTS and (new is None or new in made):
                outputs[old, new] = position
        elif kind == Kind.WRITE:
            if snapshot is not None:
                yield snapshot
            snapshot = position
        elif kind == Kind.REBUILT_BASE_STATE:
            begins, outputs, made, snapshot = {}, {}, set(), None


def _bare(entry: Entry) -> Entry:
    """What is still read of a begin whose end has come, or of a failure: whose it is, and the URN."""
    if entry.get("isRefresh"):
        return entry  # it says that the resource was read
    bare = {key: entry[key] for key in _BARE if key in entry}
    if operation := entry.get("operation"):
        bare["operation"] = {"type": operation["type"], "resource": {"urn": operation["resource"]["urn"]}}
    return bare
