"""What must not be kept: secrets in what the engine sends, sealed or redacted before it is stored.

Providers copy their environment into inputs, outputs and messages. In property values, what a `Sieve` finds
is sealed: the value becomes a secret of Pulumi's, and means what it meant. Everywhere else it is replaced by
`[secret]`. Each find is reported by its place.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.state.sealing import SECRET, sealed_value
from engine.state.sieve import Sieve
from engine.state.urns import SIGNATURE, parse


@dataclass(frozen=True, slots=True)
class Residue:
    """Where a secret was: the resource's URN (or ''), and the path of the property. Never the value."""

    urn: str
    path: str
    sealed: bool = False  # else it was redacted

    def __str__(self) -> str:
        parts = parse(self.urn)
        who = f"the provider {_package(parts.type)}" if parts else "something in the run"
        where = f"{self.path} of {parts.type} {parts.name!r}" if parts else self.path
        kept = "it is kept sealed, as a secret" if self.sealed else "[secret] stands in its place"
        return f"{who} repeated a credential's secret in {where}; {kept}"


def _package(type_: str) -> str:
    """The provider that serves a type of resource; a provider's own resource is named by it."""
    return type_.removeprefix("pulumi:providers:").partition(":")[0]


def summary(caught: Iterable[Residue]) -> list[Residue]:
    """The finds as a person wants to hear of them: each property once, however many events repeat it.

    In the order in which they came; a property that was sealed is told as that.
    """
    told: dict[tuple[str, str], Residue] = {}
    for each in caught:
        place = Residue(each.urn, _property(each.path), each.sealed)
        before = told.get((place.urn, place.path))
        if before is None or (place.sealed and not before.sealed):
            told[place.urn, place.path] = place
    return list(told.values())


_IN_EVENT = re.compile(r"^events?\[\d+\]\.|^\[\d+\]\.")
_PROPERTY = re.compile(r"(?:^|\.)((?:inputs|outputs)\b.*)$")


def _property(path: str) -> str:
    """`inputs.key` for a property wherever an event repeats it, `a message` for what was said."""
    if found := _PROPERTY.search(path):
        return found[1]
    if path.endswith(".message"):
        return "a message"
    return _IN_EVENT.sub("", path)


Report = Callable[[Residue], None]
Encrypt = Callable[[bytes], str]


def seal_resource(resource: dict[str, Any], sieve: Sieve, encrypt: Encrypt, report: Report) -> dict[str, Any]:
    """A resource (`apitype.ResourceV3`) without plain secrets: sealed in properties, redacted elsewhere."""
    urn = sieve.redact(resource["urn"])
    result = {}
    for key, value in resource.items():
        if key in ("inputs", "outputs", "replacementTrigger"):
            result[key] = _sealed(value, key, urn, sieve, encrypt, report)
        else:
            result[key] = redact(value, sieve, report, path=key, urn=urn)
    return result


def seal_deployment(
    deployment: dict[str, Any], sieve: Sieve, encrypt: Encrypt, report: Report
) -> dict[str, Any]:
    """A deployment (`apitype.DeploymentV3`) without plaintext secrets."""
    result = dict(deployment)
    if resources := deployment.get("resources"):
        result["resources"] = [seal_resource(resource, sieve, encrypt, report) for resource in resources]
    if operations := deployment.get("pending_operations"):
        result["pending_operations"] = [
            {**operation, "resource": seal_resource(operation["resource"], sieve, encrypt, report)}
            for operation in operations
        ]
    return result


def seal_entry(entry: dict[str, Any], sieve: Sieve, encrypt: Encrypt, report: Report) -> dict[str, Any]:
    """A journal entry (`apitype.JournalEntry`) without plaintext secrets."""
    result = dict(entry)
    if state := entry.get("state"):
        result["state"] = seal_resource(state, sieve, encrypt, report)
    if operation := entry.get("operation"):
        sealed = seal_resource(operation["resource"], sieve, encrypt, report)
        result["operation"] = {**operation, "resource": sealed}
    if snapshot := entry.get("newSnapshot"):
        result["newSnapshot"] = seal_deployment(snapshot, sieve, encrypt, report)
    return result


def redact(value: Any, sieve: Sieve, report: Report, *, path: str = "", urn: str = "") -> Any:
    """Any JSON value with `[secret]` in place of secrets; an object's own `urn` names it in the report."""
    if isinstance(value, str):
        if not sieve.finds(value):
            return value
        report(Residue(urn, path))
        return sieve.redact(value)
    if isinstance(value, list):
        return [redact(item, sieve, report, path=f"{path}[{i}]", urn=urn) for i, item in enumerate(value)]
    if isinstance(value, dict):
        urn = _urn_of(value, sieve) or urn
        return {
            sieve.redact(key): redact(item, sieve, report, path=_joined(path, sieve.redact(key)), urn=urn)
            for key, item in value.items()
        }
    return value


def _sealed(value: Any, path: str, urn: str, sieve: Sieve, encrypt: Encrypt, report: Report) -> Any:
    """A property value with each part that holds a secret turned into a secret of Pulumi's."""
    if isinstance(value, list):
        return [_sealed(item, f"{path}[{i}]", urn, sieve, encrypt, report) for i, item in enumerate(value)]
    if isinstance(value, dict) and SIGNATURE not in value:
        return {
            sieve.redact(key): _sealed(item, _joined(path, sieve.redact(key)), urn, sieve, encrypt, report)
            for key, item in value.items()
        }
    if isinstance(value, dict) and value[SIGNATURE] == SECRET:
        if "plaintext" not in value:
            return value
        return {SIGNATURE: SECRET, "ciphertext": encrypt(value["plaintext"].encode())}
    if not any(sieve.finds(text) for text in _strings(value)):
        return value
    # An asset, a reference or the like can't hold a secret inside: all of it becomes one.
    report(Residue(urn, path, sealed=True))
    return sealed_value(value, encrypt)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)


def _urn_of(value: dict[str, Any], sieve: Sieve) -> str:
    urn = value.get("urn") or value.get("resourceUrn")
    return sieve.redact(urn) if isinstance(urn, str) else ""


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
