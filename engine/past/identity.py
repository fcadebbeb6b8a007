"""Which resources of two states are one thing in the world, although their URNs differ."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Resource = Mapping[str, Any]


def pairs(before: Iterable[Resource], after: Iterable[Resource]) -> dict[str, str]:
    """From the URN that a resource had to the one that it has, for those that got another one.

    A program does that with aliases. It is the same thing where type and id are, and no other resource of
    either state has both.
    """
    old, new = list(before), list(after)
    kept = {each["urn"] for each in old} & {each["urn"] for each in new}
    former, today = _by_thing(old), _by_thing(new)
    return {
        former[thing]: today[thing]
        for thing in former
        if thing in today and former[thing] not in kept and today[thing] not in kept
    }


def _by_thing(resources: Iterable[Resource]) -> dict[tuple[str, str], str]:
    things = [
        ((each["type"], each["id"]), each["urn"])
        for each in resources
        if each.get("custom") and each.get("id") and not each.get("delete")
    ]
    counts = Counter(thing for thing, _urn in things)
    return {thing: urn for thing, urn in things if counts[thing] == 1}
