"""What can't be rolled back, resource by resource, and what to do instead. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.past.comparison import PROVIDER
from engine.past.drift import UNKNOWN
from engine.past.opened import ARCHIVE, ASSET
from engine.rollback.inputs import DEFAULTS
from engine.rollback.registration import Registration
from engine.rollback.translation import registered
from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE

Resource = Mapping[str, Any]

# What these resources are is something that happened at a CA; it happens again, or not at all.
EVENTS = {
    "tic:acme/order:Order": "an order",
    "tic:acme/authorization:Authorization": "an authorization",
    "tic:dns/challengeRecord:ChallengeRecord": "a challenge record",
    "tic:acme/certificate:Certificate": "a certificate",
}
FORWARD = "certificates are renewed forward: tic stack up"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A resource that can't be as it was; `urn` is empty where it is the stack."""

    urn: str
    why: str

    def __str__(self) -> str:
        type_, name = self.urn.split("::")[2].rpartition("$")[2], self.urn.rpartition("::")[2]
        return f"{type_} {name}: {self.why}"


def refusals(then: Resource, now: Resource, plan: Iterable[Registration]) -> list[Refusal]:
    """Everything of the deployment `then` that registering `plan` would not bring back honestly."""
    today = {each["urn"]: each for each in now.get("resources") or () if not each.get("delete")}
    planned = {each.urn: each for each in plan}
    found = [
        Refusal(each["urn"], why)
        for each in registered(then)
        for why in _of_state(each, today.get(each["urn"]))
    ]
    found += [
        Refusal(urn, f"its input {path} {why}")
        for urn, registration in planned.items()
        for path, why in _of_values(registration.inputs, "")
    ]
    return [*_of_packages(then), *found]


def _of_state(resource: Resource, today: Resource | None) -> Iterator[str]:
    kind = EVENTS.get(resource["type"])
    if kind and not _same_event(resource, today):
        yield f"{kind} is something that happened, and it has happened again since; {FORWARD}"
    if ":dynamic:" in resource["type"] and "__provider" not in (resource.get("inputs") or {}):
        yield "a dynamic resource, and its state does not hold the code that made it"
    for present, why in _UNKNOWABLE:
        if present(resource):
            yield why


_UNKNOWABLE: tuple[tuple[Callable[[Resource], Any], str], ...] = (
    (lambda resource: resource.get("resourceHooks"), "it has hooks, which are code of the program"),
    (lambda resource: resource.get("extensionRef"), "its provider is extended by the program"),
    (lambda resource: resource.get("snippetID"), "a snippet makes it, not the program"),
)


def _same_event(then: Resource, now: Resource | None) -> bool:
    """Whether nothing has happened to it between the two."""
    return now is not None and now.get("id") == then.get("id") and _age(now) == _age(then)


def _age(resource: Resource) -> tuple[Any, Any]:
    """When it was made, and last changed in the world."""
    return resource.get("created"), resource.get("modified")


def _of_packages(then: Resource) -> Iterator[Refusal]:
    for each in then.get("resources") or ():
        internal = (each.get("inputs") or {}).get("__internal")
        if (
            each["type"].startswith(PROVIDER)
            and isinstance(internal, dict)
            and "parameterization" in internal
        ):
            yield Refusal(each["urn"], "its package is made from a parameter that the program gives")


def _of_values(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The places in inputs (as registered) that hold something else than a value."""
    if value == UNKNOWN:
        yield path, "was not known yet"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _of_values(item, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        signature = value.get(SIGNATURE)
        if signature == ASSET and not isinstance(value.get("text"), str):
            yield path, f"is the file {_file(value)}, and the state has only its hash"
        elif signature == ARCHIVE and not isinstance(value.get("assets"), dict):
            yield path, f"is the archive {_file(value)}, and the state has only its hash"
        elif signature in (ARCHIVE, SECRET):
            yield from _of_values(value["assets" if signature == ARCHIVE else "value"], path)
        else:
            for key, item in value.items():
                if key not in (DEFAULTS, SIGNATURE):
                    yield from _of_values(item, f"{path}.{key}".lstrip("."))


def _file(value: Resource) -> str:
    return str(value.get("path") or value.get("uri") or "that it was made from")
