"""From the state of a version to what is registered, in its order. Pure but for the opening of secrets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.past.changes import written
from engine.past.comparison import PROVIDER
from engine.past.identity import pairs
from engine.past.opened import Unseal, opened
from engine.rollback.inputs import given, wire
from engine.rollback.links import Index, Thing, links, output_links
from engine.rollback.registration import Options, Package, Registration
from engine.state.urns import parse

Resource = Mapping[str, Any]


def registrations(then: Resource, now: Resource, unseal: Unseal) -> list[Registration]:
    """What to register to come from the deployment `now` back to `then` (both `apitype.DeploymentV3`).

    Raises CredentialError where a secret does not open.
    """
    resources, today = list(registered(then)), {each["urn"]: each for each in _living(now)}
    former = {urn: name for name, urn in pairs(today.values(), resources).items()}
    things = {each["urn"]: _thing(each, unseal) for each in resources if each.get("custom")}
    translation = _Translation(
        packages={each["urn"]: package(each) for each in _living(then) if is_default_provider(each)},
        index=Index(things),
        former=former,
        today=today,
        unseal=unseal,
    )
    return [translation.of(each) for each in resources]


def registered(deployment: Resource) -> Iterator[Resource]:
    """The resources that a program registers: not the default providers, and no provider's views."""
    for each in _living(deployment):
        if not is_default_provider(each) and not each.get("viewOf"):
            yield each


def is_default_provider(resource: Resource) -> bool:
    """Whether the engine makes it by itself, for what names no provider."""
    name: str = resource["urn"].rpartition("::")[2]
    return str(resource["type"]).startswith(PROVIDER) and (name == "default" or name.startswith("default_"))


def package(provider: Resource) -> Package:
    """The plugin of a provider."""
    inputs = provider.get("inputs") or {}
    internal = inputs.get("__internal")
    internal = internal if isinstance(internal, dict) else inputs
    version, url = inputs.get("version"), internal.get("pluginDownloadURL")
    checksums = internal.get("pluginChecksums")
    return Package(
        version if isinstance(version, str) else "",
        url if isinstance(url, str) else "",
        checksums if isinstance(checksums, dict) else {},
    )


class _Translation:
    """One version, on its way."""

    def __init__(
        self,
        *,
        packages: Mapping[str, Package],
        index: Index,
        former: Mapping[str, str],
        today: Mapping[str, Resource],
        unseal: Unseal,
    ) -> None:
        self._packages = packages
        self._index = index
        self._former = former
        self._today = today
        self._unseal = unseal

    def of(self, resource: Resource) -> Registration:
        """What to register for one resource."""
        urn, custom = resource["urn"], bool(resource.get("custom"))
        parts = parse(urn)
        provider = (resource.get("provider") or "").rpartition("::")[0]
        depends = {
            name: tuple(urns or ()) for name, urns in _mapping(resource, "propertyDependencies").items()
        }
        inputs = self._inputs(resource)
        linked, unlinked = links(inputs, depends, self._index)
        outputs = {} if custom and not resource.get("external") else self._open(resource, "outputs")
        return Registration(
            urn=urn,
            type=resource["type"],
            name=parts.name if parts else "",
            parent=resource.get("parent") or "",
            custom=custom,
            external=bool(resource.get("external")),
            id=resource.get("id") or "",
            provider="" if provider in self._packages else provider,
            package=self._packages.get(provider, Package()),
            inputs=inputs,
            outputs=outputs,
            dependencies=_texts(resource, "dependencies"),
            property_dependencies=depends,
            options=self._options(resource),
            links=linked,
            output_links=() if custom else output_links(outputs, self._index),
            unlinked=unlinked,
        )

    def _inputs(self, resource: Resource) -> dict[str, Any]:
        same = self._today.get(resource["urn"]) or self._today.get(self._former.get(resource["urn"], ""))
        if same is not None and same.get("id") != resource.get("id"):
            same = None  # what its provider chose belongs to a thing that is gone
        then = opened(_mapping(resource, "inputs"), self._unseal)
        now = opened(_mapping(same, "inputs"), self._unseal) if same else None
        found: dict[str, Any] = wire(given(then, now))
        return found

    def _open(self, resource: Resource, part: str) -> dict[str, Any]:
        found: dict[str, Any] = wire(opened(_mapping(resource, part), self._unseal))
        return found

    def _options(self, resource: Resource) -> Options:
        former = self._former.get(resource["urn"])
        return Options(
            protect=bool(resource.get("protect")),
            retain_on_delete=bool(resource.get("retainOnDelete")),
            deleted_with=resource.get("deletedWith") or "",
            replace_with=_texts(resource, "replaceWith"),
            ignore_changes=_texts(resource, "ignoreChanges"),
            replace_on_changes=_texts(resource, "replaceOnChanges"),
            hide_diffs=tuple(
                each if isinstance(each, str) else written(each) for each in resource.get("hideDiff") or ()
            ),
            additional_secret_outputs=_texts(resource, "additionalSecretOutputs"),
            custom_timeouts={
                name: f"{seconds:g}s"
                for name, seconds in _mapping(resource, "customTimeouts").items()
                if seconds
            },
            aliases=(former,) if former else (),
            replacement_trigger=wire(opened(resource.get("replacementTrigger"), self._unseal)),
        )


def _thing(resource: Resource, unseal: Unseal) -> Thing:
    return Thing(resource.get("id") or "", wire(opened(_mapping(resource, "outputs"), unseal)))


def _living(deployment: Resource) -> list[Resource]:
    return [each for each in deployment.get("resources") or () if not each.get("delete")]


def _mapping(resource: Resource, part: str) -> dict[str, Any]:
    return resource.get(part) or {}


def _texts(resource: Resource, part: str) -> tuple[str, ...]:
    found: Sequence[str] = resource.get(part) or ()
    return tuple(found)
