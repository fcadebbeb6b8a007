"""The services that a provider's role may be used for (SPEC A5), read from services.toml."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from credentials.privileges.reader import PURPOSES
from credentials.roles.errors import UnknownRoleProvider

_KEYS: Final = {"name": str, "label": str, "purposes": list, "policies": list, "actions": list}


class BadServicesFile(ValueError):
    """services.toml breaks its schema: a fault of this program's data, not of its user."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service that the role reaches.

    `name` is the provider's own, as its policies write it; `purposes` are those of `credentials.privileges`;
    `policies` the provider's managed policies that cover it, if it has any; `actions` what is called.
    """

    name: str
    label: str
    purposes: tuple[str, ...]
    policies: tuple[str, ...]
    actions: tuple[str, ...]


def services(provider: str) -> tuple[Service, ...]:
    """The permitted services of a provider's role; raises UnknownRoleProvider."""
    known = _every()
    if provider not in known:
        raise UnknownRoleProvider(provider, tuple(known))
    return known[provider]


def parse(text: str) -> dict[str, tuple[Service, ...]]:
    """What a file says, by provider; raises BadServicesFile with the entry at fault."""
    import tomllib  # here, because most commands read no services

    found: dict[str, tuple[Service, ...]] = {}
    for provider, entries in tomllib.loads(text).items():
        if not isinstance(entries, list):
            raise BadServicesFile(f"{provider}: not a list of services")
        found[provider] = tuple(
            _service(f"{provider}, {number}", entry) for number, entry in enumerate(entries, 1)
        )
    return found


@cache
def _every() -> dict[str, tuple[Service, ...]]:
    return parse(files("credentials.roles").joinpath("services.toml").read_text("utf-8"))


def _service(where: str, entry: Any) -> Service:
    if not isinstance(entry, dict) or entry.keys() != _KEYS.keys():
        raise BadServicesFile(f"{where}: it has {', '.join(_KEYS)}, all of them and no more")
    for key, kind in _KEYS.items():
        if type(entry[key]) is not kind:
            raise BadServicesFile(f"{where}: {key} is not a {kind.__name__}")
    if not entry["purposes"] or set(entry["purposes"]) - set(PURPOSES):
        raise BadServicesFile(f"{where}: its purposes are of {', '.join(PURPOSES)}")
    if not entry["actions"]:
        raise BadServicesFile(f"{where}: a service of which nothing is called")
    lists = {key: tuple(map(str, entry[key])) for key in ("purposes", "policies", "actions")}
    return Service(entry["name"], entry["label"], **lists)
