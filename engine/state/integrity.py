"""Whether the engine will accept a deployment, and a sound one in place of one that it would refuse.

A run that writes a journal never looks at the whole of what it writes, and some of what the engine does
(targets that leave out half of a component, providers that go before what they made) leaves references to
what comes later or is not there. Its next run would refuse such a state until a person repaired it. So what a
journal comes to is checked when it is folded, and repaired as the CLI repairs a state that it sends whole: in
an order in which nothing comes before what it needs, without references to what is not there.

The rules are those of `VerifyIntegrity` (Pulumi's Go package `pkg/resource/stack/snapshot`) and of
`Snapshot.Repair` (`pkg/resource/deploy`). Resources are dicts in the shape of `apitype.ResourceV3`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.state.replay import Replayed
from engine.state.urns import ROOT_STACK, mapped, parse, without_dangling

Resource = Mapping[str, Any]

_PROVIDERS = "pulumi:providers:"


def mended(state: Replayed) -> Replayed:
    """The state, repaired where the engine would refuse it; what was wrong, and whether it still is, is one
    of its oddities.
    """
    resources = state.deployment.get("resources") or []
    if (found := fault(resources)) is None:
        return state
    repaired = repair(resources)
    if repaired is None or fault(repaired) is not None:
        told = f"the engine left a state that it will refuse: {found}; mend it: pulumi state repair"
        return replace(state, oddities=(*state.oddities, told))
    told = f"the engine left a state that it would refuse, and it was repaired: {found}"
    deployment = {**state.deployment, "resources": repaired}
    return replace(state, deployment=deployment, oddities=(*state.oddities, told))


def fault(resources: Iterable[Resource]) -> str | None:
    """The first thing for which the engine would refuse the resources in this order."""
    seen: set[str] = set()
    providers: set[str] = set()
    living: Counter[str] = Counter()
    for resource in resources:
        urn = resource["urn"]
        if resource["type"].startswith(_PROVIDERS):
            providers.add(f"{urn}::{resource.get('id', '')}")
        provider = resource.get("provider")
        if provider and provider not in providers and not resource.get("pendingReplacement"):
            return f"{urn} refers to the provider {provider}, which is not before it"
        for needed in _needed(resource):
            if needed not in seen:
                return f"{urn} refers to {needed}, which is not before it"
        seen.add(urn)
        if not resource.get("delete"):
            living[urn] += 1
    twice = [urn for urn, count in living.items() if count > 1]
    return f"{twice[0]} is there twice" if twice else None


def repair(resources: Sequence[Resource]) -> list[dict[str, Any]] | None:
    """The resources with each after those that it refers to, and without references to what is not there.

    A resource whose parent is gone has none any more, and the URN that goes with that. None where they refer
    to each other in a circle.
    """
    ordered = _ordered(resources)
    return None if ordered is None else without_dangling(_adopted(ordered))


def _needed(resource: Resource) -> Iterator[str]:
    """The URNs that have to be before the resource; its provider aside."""
    for key in ("parent", "deletedWith"):
        if urn := resource.get(key):
            yield urn
    yield from resource.get("dependencies") or ()
    for urns in (resource.get("propertyDependencies") or {}).values():
        yield from urns or ()


def _ordered(resources: Sequence[Resource]) -> list[Resource] | None:
    """The resources, each after those that it needs; else in the order in which they are."""
    old = {each["urn"]: number for number, each in enumerate(resources) if each.get("delete")}
    new = {each["urn"]: number for number, each in enumerate(resources) if not each.get("delete")}
    placed: dict[int, bool] = {}  # False while what it needs is being placed
    order: list[Resource] = []
    for start in range(len(resources)):
        waiting = [start]
        while waiting:
            number = waiting[-1]
            resource = resources[number]
            if number in placed:
                waiting.pop()
                if not placed[number]:
                    placed[number] = True
                    order.append(resource)
                continue
            placed[number] = False
            # One that is to be deleted never knew the one that took its place, and the other way round.
            first, second = (old, new) if resource.get("delete") else (new, old)
            needed = (*_needed(resource), *_provider(resource), *(resource.get("replaceWith") or ()))
            for urn in reversed(needed):
                found = first.get(urn, second.get(urn))
                if found is None or placed.get(found):
                    continue
                if found in placed:
                    return None
                waiting.append(found)
    return order


def _provider(resource: Resource) -> Iterator[str]:
    if provider := resource.get("provider"):
        yield provider.rpartition("::")[0]


def _adopted(resources: Iterable[Resource]) -> list[dict[str, Any]]:
    """The resources without parents that are not there, under the URNs that they have without them."""
    today: dict[str, str] = {}
    adopted = []
    for resource in resources:
        urn, parent = resource["urn"], resource.get("parent")
        own, above = parse(urn), parse(today.get(parent, "")) if parent else None
        result = dict(resource)
        if parent and parent not in today:
            result.pop("parent")
        if own and parent and today.get(parent) != parent:
            outer = above.qualified_type if above and above.qualified_type != ROOT_STACK else ""
            today[urn] = str(own._replace(qualified_type=f"{outer}${own.type}" if outer else own.type))
        else:
            today[urn] = urn
        adopted.append(mapped(result, lambda each: today.get(each, each)))
    return adopted
