"""Engine events of an update, kept in the batches in which they came."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from engine.state.compression import unpacked
from engine.state.tables import EVENT


def append(connection: Connection, update_id: str, first: int, body: bytes) -> None:
    """Keep a batch (compressed JSON) whose first event has this number; once, however often it comes."""
    key = (EVENT.c.update_id == update_id) & (EVENT.c.sequence == first)
    if connection.execute(select(EVENT.c.sequence).where(key)).first() is None:
        connection.execute(insert(EVENT).values(update_id=update_id, sequence=first, body=body))


def read(connection: Connection, update_id: str) -> list[dict[str, Any]]:
    """The update's events in the order in which the engine emitted them."""
    return [event for batch in batches(connection, update_id) for event in batch]


def batches(connection: Connection, update_id: str, start: int = 0) -> Iterator[list[dict[str, Any]]]:
    """The batches that begin with the event number `start` or a later one, in order."""
    query = select(EVENT.c.body).where(EVENT.c.update_id == update_id, EVENT.c.sequence >= start)
    for body in connection.execute(query.order_by(EVENT.c.sequence)).scalars():
        yield sorted(unpacked(body)["events"], key=lambda event: int(event["sequence"]))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events to show: of these kinds (as in the field names without `Event`), of this resource; all
    without.
    """

    kinds: frozenset[str] = frozenset()
    urn: str = ""

    def covers(self, event: Mapping[str, Any]) -> bool:
        """Whether the event is one of them."""
        if self.kinds and not any(f"{kind}Event" in event for kind in self.kinds):
            return False
        return not self.urn or any(self.urn == _urn(part) for part in event.values())


def _urn(part: Any) -> str | None:
    """The resource that an event's content is about, if it is about one."""
    if not isinstance(part, dict):
        return None
    found = (part.get("metadata") or part).get("urn") or part.get("resourceUrn")
    return found if isinstance(found, str) else None


def resource_changes(events: list[Any]) -> dict[str, int] | None:
    """What the engine's summary counts, by operation; None where there is no summary among the events."""
    for event in events:
        if summary := event.get("summaryEvent"):
            return dict(summary.get("resourceChanges") or {})
    return None
