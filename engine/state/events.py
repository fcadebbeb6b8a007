"""Engine events of an update, kept in the batches in which they came."""

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
    query = select(EVENT.c.body).where(EVENT.c.update_id == update_id)
    events = [event for body in connection.execute(query).scalars() for event in unpacked(body)["events"]]
    return sorted(events, key=lambda event: int(event["sequence"]))


def resource_changes(events: list[Any]) -> dict[str, int] | None:
    """What the engine's summary counts, by operation; None where there is no summary among the events."""
    for event in events:
        if summary := event.get("summaryEvent"):
            return dict(summary.get("resourceChanges") or {})
    return None
