"""Programs as values: what is declared, in which order, with which options; small enough to print."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

THING = "world:index:Thing"
OTHER = "world:index:Other"
GROUP = "world:index:Group"
PAIR = "world:index:Pair"
PROVIDER = "pulumi:providers:world"


class Short:
    """Shows, as Python, only what is not as it is by default."""

    def __repr__(self) -> str:
        given = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in fields(self)  # type: ignore[arg-type]
            if getattr(self, one.name) != one.default and getattr(self, one.name) not in ({}, ())
        ]
        return f"{type(self).__name__}({', '.join(given)})"


@dataclass(frozen=True)
class Secret:
    """A value that the program marks as a secret."""

    value: Any


@dataclass(frozen=True)
class OutputOf:
    """An output of a resource declared before."""

    name: str
    output: str


@dataclass(frozen=True)
class FromConfig:
    """A value of the stack's configuration; secret ones stay secret."""

    key: str


@dataclass(frozen=True)
class Text:
    """A text asset."""

    text: str


@dataclass(frozen=True)
class Reference:
    """A reference to a resource declared before, as a value."""

    name: str


@dataclass(frozen=True, repr=False)
class Alias(Short):
    """What a resource was called before; None: as now. A `parent` of "" is the stack."""

    name: str | None = None
    type: str | None = None
    parent: str | None = None


@dataclass(frozen=True, repr=False)
class Options(Short):
    """A resource's options; those that name other resources name ones that are declared before."""

    parent: str | None = None
    depends_on: tuple[str, ...] = ()
    provider: str | None = None
    aliases: tuple[Alias, ...] = ()
    protect: bool | None = None
    retain: bool = False
    delete_first: bool | None = None
    deleted_with: str | None = None
    replace_with: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    replace_on: tuple[str, ...] = ()
    more_secrets: tuple[str, ...] = ()
    import_id: str | None = None
    trigger: Any = None
    timeout: str | None = None

    def names(self) -> set[str]:
        """The resources that the options name."""
        former = {alias.parent for alias in self.aliases}
        found = {self.parent, self.provider, self.deleted_with, *self.depends_on, *self.replace_with, *former}
        return {name for name in found if name}

    def renamed(self, change: Callable[[str], str]) -> "Options":
        """The options with other names for the resources that they name."""
        return replace(
            self,
            parent=self.parent and change(self.parent),
            provider=self.provider and change(self.provider),
            deleted_with=self.deleted_with and change(self.deleted_with),
            depends_on=tuple(map(change, self.depends_on)),
            replace_with=tuple(map(change, self.replace_with)),
            aliases=tuple(
                replace(alias, parent=alias.parent and change(alias.parent)) for alias in self.aliases
            ),
        )


@dataclass(frozen=True, repr=False)
class Declared(Short):
    """One resource. A component has no inputs; `read` is the id of a thing that is only looked at."""

    name: str
    type: str = THING
    inputs: Mapping[str, Any] = field(default_factory=dict)
    options: Options = Options()
    read: str | None = None

    @property
    def is_custom(self) -> bool:
        """Whether a provider manages it."""
        return self.type not in (GROUP, PAIR)

    def needs(self) -> set[str]:
        """The resources that have to be declared before it."""
        return self.options.names() | {each.name for each in _references(self.inputs)}


@dataclass(frozen=True, repr=False)
class Program(Short):
    """What is declared, in this order; it ends after `stops_after` of them, as if it had crashed."""

    declared: tuple[Declared, ...] = ()
    exports: Mapping[str, Any] = field(default_factory=dict)
    stops_after: int | None = None

    def names(self) -> list[str]:
        """The declared resources by name."""
        return [each.name for each in self.declared]

    def without(self, name: str) -> "Program":
        """The program without this resource and all that need it."""
        gone, kept = {name}, []
        for each in self.declared:
            if each.name in gone or each.needs() & gone:
                gone.add(each.name)
            else:
                kept.append(each)
        exports = {key: value for key, value in self.exports.items() if not _names(value) & gone}
        return Program(tuple(kept), exports, self.stops_after)

    def renamed(self, before: str, after: str) -> "Program":
        """The program with another name for a resource, everywhere."""

        def change(name: str) -> str:
            return after if name == before else name

        declared = tuple(
            replace(
                each,
                name=change(each.name),
                inputs=_renamed(each.inputs, change),
                options=each.options.renamed(change),
            )
            for each in self.declared
        )
        return replace(self, declared=declared, exports=_renamed(self.exports, change))

    def with_changed(self, changed: Declared) -> "Program":
        """The program with this resource in the place of the one of that name."""
        declared = tuple(changed if each.name == changed.name else each for each in self.declared)
        return replace(self, declared=declared)


def _renamed(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case OutputOf(name, output):
            return OutputOf(change(name), output)
        case Reference(name):
            return Reference(change(name))
        case Secret(inner):
            return Secret(_renamed(inner, change))
        case dict():
            return {key: _renamed(item, change) for key, item in value.items()}
        case list():
            return [_renamed(item, change) for item in value]
    return value


def _names(value: Any) -> set[str]:
    return {each.name for each in _references(value)}


def _references(value: Any) -> Iterator[OutputOf | Reference]:
    if isinstance(value, OutputOf | Reference):
        yield value
    elif isinstance(value, Secret):
        yield from _references(value.value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _references(item)
