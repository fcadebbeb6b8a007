"""Which texts of a version came from outputs of other resources, and what they are now. Pure.

A state keeps the values of inputs, not where they came from; of each input it knows which resources it
depends on. So a text in an input that is exactly an output of such a resource was that output.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.past.drift import UNKNOWN
from engine.rollback.registration import Link, Path, Source
from engine.state.sealing import SECRET
from engine.state.urns import RESOURCE_REFERENCE, SIGNATURE


@dataclass(frozen=True, slots=True)
class Thing:
    """What a resource is to others: its id, and its outputs as Pulumi's monitor gives them."""

    id: str
    outputs: Mapping[str, Any]


class Ambiguous(Exception):
    """A text had several sources, and they are no longer the same."""


def links(
    inputs: Mapping[str, Any], depends: Mapping[str, Iterable[str]], index: "Index"
) -> tuple[tuple[Link, ...], tuple[tuple[str, str], ...]]:
    """The links of a resource's inputs, and the pairs of property and URN between which there is none.

    `depends` are its property dependencies.
    """
    found: list[Link] = []
    unlinked: list[tuple[str, str]] = []
    for name, urns in depends.items():
        linked = set()
        for path, text in texts(inputs.get(name), (name,)):
            sources = tuple(source for urn in urns for source in index.of(urn, text))
            if sources:
                found.append(Link(path, sources))
                linked |= {source.urn for source in sources}
        unlinked += [(name, urn) for urn in urns if urn not in linked]
    found += [Link((*path, "id"), (Source(urn),)) for path, urn in _references(inputs, ())]
    return tuple(found), tuple(unlinked)


def output_links(outputs: Mapping[str, Any], index: "Index") -> tuple[Link, ...]:
    """The links of a component's outputs, of which a state does not even say what they depend on."""
    found = []
    for path, text in texts(outputs, ()):
        sources = index.anywhere(text)
        by_id = tuple(source for source in sources if not source.path)
        if sources:
            found.append(Link(path, by_id or sources))
    return (*found, *(Link((*path, "id"), (Source(urn),)) for path, urn in _references(outputs, ())))


class Index:
    """Finds the outputs that are a text."""

    def __init__(self, things: Mapping[str, Thing]) -> None:
        self._by_urn: dict[str, dict[str, list[Source]]] = {}
        self._anywhere: dict[str, list[Source]] = {}
        for urn, thing in things.items():
            own = self._by_urn.setdefault(urn, {})
            for path, text in [((), thing.id), *texts(thing.outputs, ())]:
                if text:
                    own.setdefault(text, []).append(Source(urn, path))
                    self._anywhere.setdefault(text, []).append(Source(urn, path))

    def of(self, urn: str, text: str) -> list[Source]:
        """Those of one resource; where its id is the text, that alone."""
        found = self._by_urn.get(urn, {}).get(text, [])
        return found[:1] if found and not found[0].path else found

    def anywhere(self, text: str) -> tuple[Source, ...]:
        """Those of all resources."""
        return tuple(self._anywhere.get(text, ()))


def relinked(value: Any, found: Iterable[Link], things: Mapping[str, Thing], *, preview: bool) -> Any:
    """The value with each link as its sources are now; in a preview an output may be unknown.

    Raises Ambiguous, and LookupError where an output is gone.
    """
    for link in found:
        now = [_now(source, things, preview=preview) for source in link.sources]
        first, secret = next((each for each in now if each[0] == UNKNOWN), now[0])
        if first != UNKNOWN and any(text != first for text, _secret in now):
            raise Ambiguous(f"{'.'.join(map(str, link.target))} was several outputs, which now differ")
        value = _replaced(value, link.target, first, secret=any(each[1] for each in now) or secret)
    return value


def _now(source: Source, things: Mapping[str, Thing], *, preview: bool) -> tuple[Any, bool]:
    """What a source is, and whether it is a secret."""
    thing = things[source.urn]
    if not source.path:
        return (thing.id, False) if thing.id else (UNKNOWN, False)
    value, secret = _open(thing.outputs, secret=False)
    for step in source.path:
        try:
            value, secret = _open(value[step], secret=secret)
        except (LookupError, TypeError):
            if preview:
                return UNKNOWN, secret
            raise LookupError(f"{source.urn} has no output {'.'.join(map(str, source.path))} now") from None
    return value, secret


def _open(value: Any, *, secret: bool) -> tuple[Any, bool]:
    while _is(value, SECRET):  # one may stand in another
        value, secret = value["value"], True
    return value, secret


def _replaced(value: Any, path: Path, new: Any, *, secret: bool) -> Any:
    if _is(value, SECRET):
        return {**value, "value": _replaced(value["value"], path, new, secret=False)}
    if not path:
        return {SIGNATURE: SECRET, "value": new} if secret else new
    step, *rest = path
    inner = _replaced(value[step], tuple(rest), new, secret=secret)
    if isinstance(value, list):
        return [inner if index == step else each for index, each in enumerate(value)]
    return {**value, step: inner}


def texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text in a value; assets, archives and references have none of their own."""
    if isinstance(value, str):
        yield path, value
    elif _is(value, SECRET):
        yield from texts(value["value"], path)
    else:
        for step, inner in _parts(value):
            yield from texts(inner, (*path, step))


def _references(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every reference to a resource that has an id, and the URN in it."""
    if _is(value, RESOURCE_REFERENCE):
        if value.get("id"):
            yield path, value["urn"]
    elif _is(value, SECRET):
        yield from _references(value["value"], path)
    else:
        for step, inner in _parts(value):
            yield from _references(inner, (*path, step))


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, Mapping) and SIGNATURE not in value:
        yield from value.items()


def _is(value: Any, signature: str) -> bool:
    return isinstance(value, Mapping) and value.get(SIGNATURE) == signature
