"""From a base deployment and a journal to the deployment that they mean: pure, in one pass.

The engine does not send whole deployments while it works; it sends entries that speak of the base by index
and of new resources by the operation that made them. The rules are those of `JournalReplayer` in Pulumi's Go
package `pkg/backend` (journal.go); entries are dicts in the shape of `apitype.JournalEntry`, deployments in
that of `apitype.DeploymentV3`. What the rules leave open is settled so that no journal is ever unreadable: an
entry that speaks of what is not there is noted as an oddity, and nothing is changed for it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from engine.state.urns import without_aliases, without_dangling

Entry = Mapping[str, Any]
Deployment = Mapping[str, Any]
Resource = Mapping[str, Any]


class Kind(IntEnum):
    """What a journal entry says."""

    BEGIN = 0
    SUCCESS = 1
    FAILURE = 2
    REFRESH_SUCCESS = 3
    OUTPUTS = 4
    WRITE = 5
    SECRETS_MANAGER = 6
    REBUILT_BASE_STATE = 7
    EXTENSION_PARAMETERIZE = 8
    SNIPPETS = 9


PLAIN_SCHEMA = 3
FEATURED_SCHEMA = 4  # a deployment that uses a feature says so, and older engines refuse it


@dataclass(frozen=True, slots=True)
class Replayed:
    """A deployment, its schema number, and the features that it uses, sorted; `oddities` are for the log."""

    deployment: dict[str, Any]
    schema: int
    features: tuple[str, ...]
    oddities: tuple[str, ...] = ()


def replay(
    base: Deployment | None,
    entries: Iterable[Entry],
    *,
    now: datetime,
    engine: str,
    refresh_alone: bool = False,
) -> Replayed:
    """Apply `entries`, in the order of their sequence numbers, to `base`; neither is changed.

    An entry that was sent twice counts once. `now` and `engine` (the CLI's version, e.g. "v3.259.0") go into
    the manifest; with an `engine` of "" the base's manifest stays. `refresh_alone`: the update is a refresh,
    and no `up` that refreshes first.
    """
    replayer = _Replayer(dict(base or {}), refresh_alone)
    for entry in in_order(entries):
        if entry["kind"] == Kind.REBUILT_BASE_STATE:
            replayer = replayer.rebuilt(now)
        else:
            replayer.add(entry)
    return replayer.result(now, engine)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """The entries by sequence number, each once."""
    once: dict[int, Entry] = {}
    for entry in entries:
        once.setdefault(entry["sequenceID"], entry)
    return [once[sequence] for sequence in sorted(once)]


@dataclass(slots=True)
class _Replayer:
    """What the entries so far say about `base` (by index) and about new resources (by their operation)."""

    base: dict[str, Any]
    refresh_alone: bool = False
    new: list[Resource] = field(default_factory=list)
    index_of: dict[int, int] = field(default_factory=dict)  # operation -> index in `new`
    unfinished: dict[int, Entry] = field(default_factory=dict)  # operation -> its begin
    removed_new: set[int] = field(default_factory=set)  # indices in `new`
    removed_old: set[int] = field(default_factory=set)  # indices in the base, like the next three
    replaced_old: dict[int, Resource] = field(default_factory=dict)
    condemned_old: set[int] = field(default_factory=set)
    awaiting_replacement_old: set[int] = field(default_factory=set)
    extensions: dict[str, Any] = field(default_factory=dict)
    refreshed: bool = False
    byte_strings: bool = False
    oddities: list[str] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        self.byte_strings |= bool(entry.get("requiresByteString"))
        match entry["kind"]:
            case Kind.BEGIN:
                self.unfinished[entry["operationID"]] = entry
            case Kind.FAILURE:
                self.unfinished.pop(entry["operationID"], None)
            case Kind.SUCCESS:
                self._success(entry)
            case Kind.REFRESH_SUCCESS:
                self._refresh_success(entry)
            case Kind.OUTPUTS:
                if entry.get("state") is not None:
                    self._replace(entry)
            case Kind.WRITE:
                self.base = dict(entry.get("newSnapshot") or {})
            case Kind.SECRETS_MANAGER:
                self.base = {**self.base, "secrets_providers": entry.get("secretsProvider")}
            case Kind.SNIPPETS:
                self.base = {**self.base, "snippets": entry.get("snippets")}
            case Kind.EXTENSION_PARAMETERIZE:
                self.extensions[entry["extensionRef"]] = entry["extension"]
            case unknown:
                self._odd(entry, f"is of the unknown kind {unknown}")

    def _success(self, entry: Entry) -> None:
        self.unfinished.pop(entry["operationID"], None)
        if entry.get("state") is not None:
            self.index_of[entry["operationID"]] = len(self.new)
            self.new.append(entry["state"])
        if (old := entry.get("removeOld")) is not None:
            self.removed_old.add(old)
        if (index := self._made_by(entry, "removeNew")) is not None:
            self.removed_new.add(index)
        if (old := entry.get("deleteOld")) is not None:
            self.condemned_old.add(old)
        if (index := self._made_by(entry, "deleteNew")) is not None:
            self.new[index] = {**self.new[index], "delete": True}
        if (old := entry.get("pendingReplacementOld")) is not None:
            self.awaiting_replacement_old.add(old)
        if (index := self._made_by(entry, "pendingReplacementNew")) is not None:
            self.new[index] = {**self.new[index], "pendingReplacement": True}
        self.refreshed |= bool(entry.get("isRefresh"))

    def _refresh_success(self, entry: Entry) -> None:
        self.unfinished.pop(entry["operationID"], None)
        self.refreshed = True
        if entry.get("state") is not None:
            self._replace(entry)
            return
        if (old := entry.get("removeOld")) is not None:
            self.removed_old.add(old)
        if (index := self._made_by(entry, "removeNew")) is not None:
            self.removed_new.add(index)

    def _replace(self, entry: Entry) -> None:
        """Put the entry's state in the place of the resource that it speaks of."""
        if (old := entry.get("removeOld")) is not None:
            self.replaced_old[old] = entry["state"]
        if (index := self._made_by(entry, "removeNew")) is not None:
            self.new[index] = entry["state"]

    def _made_by(self, entry: Entry, key: str) -> int | None:
        """The index of the new resource that the operation `entry[key]` made."""
        if (operation := entry.get(key)) is None:
            return None
        if operation not in self.index_of:
            self._odd(entry, f"says {key} of the operation {operation}, which made nothing")
        return self.index_of.get(operation)

    def _odd(self, entry: Entry, what: str) -> None:
        self.oddities.append(f"journal entry {entry['sequenceID']} {what}")

    def rebuilt(self, now: datetime) -> "_Replayer":
        """The start of what follows a refresh: later indices mean the deployment as it is now."""
        base = self.result(now, engine="").deployment
        return _Replayer(
            base,
            self.refresh_alone,
            refreshed=self.refreshed,
            byte_strings=self.byte_strings,
            oddities=self.oddities,
        )

    def result(self, now: datetime, engine: str) -> Replayed:
        resources = [res for index, res in enumerate(self.new) if index not in self.removed_new]
        resources += self._left_of_base()
        pending = [entry["operation"] for entry in self.unfinished.values() if entry.get("operation")]
        # A create that was cut short may have made something that nobody knows of. Only a person, or the
        # provider, can settle that, so it stays until then.
        pending += [op for op in self.base.get("pending_operations") or () if op.get("type") == "creating"]
        features = _features(resources, pending, byte_strings=self.byte_strings)
        if self.base.get("snippets"):
            features.add("snippets-prototype")
        # An `up` renames after it has refreshed: a reference by a former URN dangles no more than the
        # resource does. A refresh that runs the program (--run-program) renames on the way and looks for what
        # dangles at its end (`performPostSteps` in Pulumi's deployment_executor.go), by the URNs of today.
        if self.refreshed and self.refresh_alone:
            today = without_aliases(without_dangling(resources))
        elif self.refreshed:
            today = without_dangling(without_aliases(resources))
        else:
            today = without_aliases(resources)
        deployment = {
            "manifest": _manifest(now, engine)
            if engine
            else {**_NO_MANIFEST, **self.base.get("manifest", {})},
            "secrets_providers": self.base.get("secrets_providers"),
            "resources": today,
            "pending_operations": pending,
            "metadata": self.base.get("metadata") or {},
            "snippets": self.base.get("snippets"),
            "extensions": {**self.extensions, **(self.base.get("extensions") or {})},
        }
        return Replayed(
            {key: value for key, value in deployment.items() if value or key in _ALWAYS},
            FEATURED_SCHEMA if features else PLAIN_SCHEMA,
            tuple(sorted(features)),
            tuple(self.oddities),
        )

    def _left_of_base(self) -> list[Resource]:
        left: list[Resource] = []
        for index, resource in enumerate(self.base.get("resources") or ()):
            if index in self.removed_old:
                continue
            if index in self.replaced_old:
                left.append(self.replaced_old[index])
                continue
            marks = {}
            if index in self.awaiting_replacement_old:
                marks["pendingReplacement"] = True
            if index in self.condemned_old:
                marks["delete"] = True
            left.append({**resource, **marks} if marks else resource)
        return left


_ALWAYS = ("manifest", "metadata")
_NO_MANIFEST = {"time": "0001-01-01T00:00:00Z", "magic": "", "version": ""}

_FEATURE_OF = {
    "refreshBeforeUpdate": "refreshBeforeUpdate",
    "viewOf": "views",
    "resourceHooks": "hooks",
    "taint": "taint",
    "replaceWith": "replaceWith",
    "extensionRef": "extensionParameterization",
    "snippetID": "snippets-prototype",
}


def _features(resources: list[Resource], pending: list[Any], *, byte_strings: bool) -> set[str]:
    everything = [*resources, *(operation["resource"] for operation in pending)]
    features = {
        feature for resource in everything for key, feature in _FEATURE_OF.items() if resource.get(key)
    }
    if byte_strings and everything:
        features.add("byteString")
    return features


def _manifest(now: datetime, engine: str) -> dict[str, str]:
    """The engine checks that `magic` is the SHA-256 of `version`."""
    time = now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"time": time, "magic": hashlib.sha256(engine.encode()).hexdigest(), "version": engine}
