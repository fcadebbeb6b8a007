"""Steps that a plugin was asked for and never answered, because it died: the engine calls them failed.

What it was doing may be done or not. The engine's journal says that such a step failed, as if nothing had
come of it, so that what was made would be known to nobody.
"""

from collections.abc import Mapping
from typing import Any, Final

UNANSWERED: Final = ("error reading from server", "transport is closing", "the connection is draining")
"""What gRPC says where a call was sent and the other side was gone before its answer (codes.Unavailable).

A call that was never sent fails as `connection error: desc = "transport: Error while dialing ..."`.
"""

_PENDING: Final = {
    "create": "creating",
    "create-replacement": "creating",
    "update": "updating",
    "delete": "deleting",
    "delete-replaced": "deleting",
}
_KEPT: Final = ("urn", "type", "custom", "parent", "provider")


class Unanswered:
    """Hears every event of the engine (apitype.EngineEvent) as it came."""

    def __init__(self) -> None:
        self._silent: set[str] = set()
        self._failed: list[dict[str, Any]] = []

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take note of a step that failed, and of why."""
        if body := event.get("diagnosticEvent"):
            if any(each in body.get("message", "") for each in UNANSWERED):
                self._silent.add(body.get("urn", ""))
        elif body := event.get("resOpFailedEvent"):
            metadata = body["metadata"]
            kind = _PENDING.get(metadata["op"])
            if kind is not None:
                said = metadata.get("new") or metadata.get("old") or {}
                resource = {key: said[key] for key in _KEPT if said.get(key)}
                self._failed.append({"type": kind, "resource": {**resource, "urn": metadata["urn"]}})

    def operations(self) -> list[dict[str, Any]]:
        """The steps of which nobody knows what came, as pending operations (apitype.OperationV2)."""
        return [each for each in self._failed if each["resource"]["urn"] in self._silent]
