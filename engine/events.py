"""What happens in a run, as values: Pulumi's engine events (apitype.EngineEvent), read into the few shapes
that tic shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from engine.past.changes import Change

Phase = Literal["started", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step on one resource; `operation` is Pulumi's word (create, update, same, delete, replace, ...).

    `differences` are the outputs that a planned update changes; of a refresh: what the world has changed.
    """

    phase: Phase
    operation: str
    urn: str
    changed: tuple[str, ...] = ()
    differences: "tuple[Change, ...]" = ()

    @property
    def name(self) -> str:
        """The resource's own name, the last part of its URN."""
        return self.urn.rpartition("::")[2]

    @property
    def type(self) -> str:
        """The resource's type token, without the types of its parents."""
        parts = self.urn.split("::")
        return parts[2].rpartition("$")[2] if len(parts) > 3 else ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something said to the user: severity is info, info#err, warning or error; urn may be empty."""

    severity: str
    message: str
    urn: str


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended: resources per operation, and the seconds that it took."""

    changes: Mapping[str, int]
    seconds: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that tic itself tells while a run goes on: a recovery, a wait, an interruption."""

    message: str
    severity: Literal["info", "warning"] = "info"


Event = Step | Diagnostic | Summary | Notice

# tic puts these on PATH itself, so Pulumi's warning about that is news to nobody.
OWN_PLUGINS = ("using pulumi-resource-tic from $PATH", "using pulumi-language-yaml from $PATH")
# `engine.recovery` names these one by one; Pulumi's words name commands that can't reach the stack.
PENDING = "Attempting to deploy or update resources with"
# What Pulumi says when something else failed before: true, and no help to whoever reads the first error.
ECHOES = ("update failed", "preview failed", "refresh failed", "destroy failed")
LIST_OF_ONE = "1 error occurred:\n\t* "  # hashicorp/go-multierror, around what a provider said
ECHOED = ("grpc: the client connection is closing", "resource monitor shut down", "] failed to register")


def is_echo(event: Event) -> bool:
    """Whether this error only says that another one happened."""
    return (
        isinstance(event, Diagnostic)
        and event.severity == "error"
        and (event.message in ECHOES or any(each in event.message for each in ECHOED))
    )


def read(event: Mapping[str, Any]) -> Event | None:
    """The value behind one engine event, or None for what tic does not show."""
    if body := event.get("resourcePreEvent"):
        return _step("started", body)
    if body := event.get("resOutputsEvent"):
        return _step("done", body)
    if body := event.get("resOpFailedEvent"):
        return _step("failed", body)
    if body := event.get("diagnosticEvent"):
        message = _plain(body.get("message", ""))
        arranged = message.startswith(PENDING) or any(each in message for each in OWN_PLUGINS)
        if body.get("ephemeral") or body.get("severity") == "debug" or arranged:
            return None
        return Diagnostic(body.get("severity", "info"), message, body.get("urn", ""))
    if body := event.get("summaryEvent"):
        return Summary(body.get("resourceChanges") or {}, body.get("durationSeconds", 0))
    return None


def _step(phase: Phase, body: Mapping[str, Any]) -> Step:
    metadata = body["metadata"]
    diffs = metadata.get("detailedDiff") or dict.fromkeys(metadata.get("diffs") or ())
    step = Step(phase, metadata["op"], metadata["urn"], tuple(sorted(diffs)))
    if phase != "done" or step.operation != "update" or not body.get("planning"):
        return step
    from engine.past.drift import differences

    return replace(step, differences=differences(metadata))


def _plain(message: str) -> str:
    """The message without Pulumi's colour tags (`<{%fg 1%}>`), and without Go's list where it is of one."""
    while (start := message.find("<{%")) >= 0 and (end := message.find("%}>", start)) >= 0:
        message = message[:start] + message[end + 3 :]
    return message.replace(LIST_OF_ONE, "").strip()
