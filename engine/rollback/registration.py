"""What is registered in a rollback, as values that travel to the program host as JSON."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

REFUSED = "can't be rolled back: "  # how a message of the program host begins where the plan can't be kept
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """An output of a resource, by path; an empty path is its id."""

    urn: str
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A text in a property that came from an output: it is to be what the output is then.

    Both paths pass through secrets as if they were not there. Several sources had this very text.
    """

    target: Path
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """The plugin of a default provider: version and download address, both may be empty."""

    version: str = ""
    url: str = ""
    checksums: Mapping[str, str] = field(default_factory=dict)  # platform -> hexadecimal


@dataclass(frozen=True, slots=True)
class Options:
    """What a resource has beside inputs; the names are those of Pulumi's resource options."""

    protect: bool = False
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    hide_diffs: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    custom_timeouts: Mapping[str, str] = field(default_factory=dict)  # operation -> duration
    aliases: tuple[str, ...] = ()
    replacement_trigger: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Registration:
    """One resource of the version. Property values are as Pulumi's monitor takes them, secrets open.

    `id` is the one that it had; `provider` the URN of an explicit provider, else `package` names the default
    one. `external` resources are read, not managed. `outputs` are those that a component registers, or that
    an external resource had. `unlinked` are pairs of a property and a URN that it depends on, where nothing
    in the property is an output of that resource as it is.
    """

    urn: str
    type: str
    name: str
    parent: str = ""
    custom: bool = True
    external: bool = False
    id: str = ""
    provider: str = ""
    package: Package = field(default_factory=Package)
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    links: tuple[Link, ...] = ()
    output_links: tuple[Link, ...] = ()
    unlinked: tuple[tuple[str, str], ...] = ()

    @property
    def needs(self) -> set[str]:
        """The URNs of what must be registered before it."""
        named = {self.parent, self.provider, self.options.deleted_with}
        by_property = (urn for urns in self.property_dependencies.values() for urn in urns)
        linked = (source.urn for link in self.links for source in link.sources)
        return {*named, *self.dependencies, *self.options.replace_with, *by_property, *linked} - {
            "",
            self.urn,
        }


def to_json(registrations: Iterable[Registration]) -> str:
    """The text of all of them, secrets in plaintext: for a pipe, never for a file."""
    return json.dumps([asdict(each) for each in registrations])


def from_json(text: str) -> list[Registration]:
    """What `to_json` has written."""
    return [_registration(each) for each in json.loads(text)]


def _registration(read: dict[str, Any]) -> Registration:
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) and name != "replacement_trigger" else value
        for name, value in read["options"].items()
    }
    return Registration(
        **{
            **read,
            "package": Package(**read["package"]),
            "options": Options(**options),
            "dependencies": tuple(read["dependencies"]),
            "property_dependencies": {
                name: tuple(urns) for name, urns in read["property_dependencies"].items()
            },
            "links": _links(read["links"]),
            "output_links": _links(read["output_links"]),
            "unlinked": tuple((name, urn) for name, urn in read["unlinked"]),
        }
    )


def _links(read: Iterable[Mapping[str, Any]]) -> tuple[Link, ...]:
    return tuple(
        Link(
            tuple(link["target"]),
            tuple(Source(source["urn"], tuple(source["path"])) for source in link["sources"]),
        )
        for link in read
    )
