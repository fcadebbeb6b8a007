"""Reads a kind file and checks its schema: TOML, one file per kind, named as the kind.

label = "Tencent Cloud"           # for people
where-to-get = "https://..."      # where the values come from; a field may say its own
dns = "tencentcloud"              # lego's name of the DNS provider, absent if it serves none
sequential = true                 # lego publishes its records one after the other
one-of = [["a"], ["b", "c"]]      # exactly one of these groups of fields is given
[lego-constants]                  # what lego gets besides, unless a field fills it
[[fields]]
name = "secret-key"
label = "SecretKey"
secret = true                     # asked without echo, never taken from an argument
required = true
rotates = true                    # no secret, but replaced together with it (a key's id)
path = true                       # the absolute path of a file on this machine
server = true                     # a host or host:port
needs = ["..."]                   # the fields that must be given with this one
choices = ["default", "RAW"]
pattern = "..."                   # a regular expression for the whole value, and
expects = "the name of a region"  # what it expects, in words
default = "..."                   # what the field holds when it is not given
env = ["..."]                     # the variables that Pulumi's provider reads
lego = ["..."]                    # the variables that lego reads
aliases = ["..."]                 # older names of these variables, understood by --from-env
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from credentials.kinds.kind import Field, Kind

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_NAMES: Final = (list, _NAME)
_VARIABLES: Final = (list, _VARIABLE)
_TEXT: Final = (str, None)
_FLAG: Final = (bool, None)
_KIND_KEYS: Final[Mapping[str, tuple[type, re.Pattern[str] | None]]] = {
    "label": _TEXT,
    "where-to-get": _TEXT,
    "dns": (str, _NAME),
    "sequential": _FLAG,
    "one-of": (list, None),
    "lego-constants": (dict, None),
    "fields": (list, None),
}
_FIELD_KEYS: Final[Mapping[str, tuple[type, re.Pattern[str] | None]]] = {
    "name": (str, _NAME),
    "label": _TEXT,
    "where-to-get": _TEXT,
    "secret": _FLAG,
    "required": _FLAG,
    "rotates": _FLAG,
    "path": _FLAG,
    "server": _FLAG,
    "needs": _NAMES,
    "choices": (list, None),
    "pattern": _TEXT,
    "expects": _TEXT,
    "default": _TEXT,
    "env": _VARIABLES,
    "lego": _VARIABLES,
    "aliases": _VARIABLES,
}


class BadKindFile(ValueError):
    """A kind file breaks the schema: a fault of this program's data, not of its user."""


def parse(name: str, text: str) -> Kind:
    """The kind that a file of this name describes; raises BadKindFile with the key at fault."""
    import tomllib  # here, because most commands read no kind

    table = tomllib.loads(text)
    _check(name, table, _KIND_KEYS, required={"label", "where-to-get", "fields"})
    fields = tuple(
        _field(f"{name}: field {number}", one, table) for number, one in enumerate(table["fields"], 1)
    )
    kind = Kind(
        name=name,
        label=table["label"],
        where_to_get=table["where-to-get"],
        fields=fields,
        dns=table.get("dns"),
        sequential=table.get("sequential", False),
        one_of=tuple(tuple(group) for group in table.get("one-of", [])),
        lego_constants=table.get("lego-constants", {}),
    )
    _check_references(kind)
    return kind


def _field(where: str, table: dict[str, Any], kind: dict[str, Any]) -> Field:
    _check(where, table, _FIELD_KEYS, required={"name", "label"})
    if ("pattern" in table) != ("expects" in table):
        raise BadKindFile(f"{where}: pattern and expects come together")
    values = {
        key.replace("-", "_"): tuple(value) if isinstance(value, list) else value
        for key, value in table.items()
    }
    return Field(**{"where_to_get": kind["where-to-get"], **values})


def _check(
    where: str,
    table: Mapping[str, Any],
    keys: Mapping[str, tuple[type, re.Pattern[str] | None]],
    *,
    required: set[str],
) -> None:
    if missing := required - table.keys():
        raise BadKindFile(f"{where}: {min(missing)} is missing")
    for key, value in table.items():
        if key not in keys:
            raise BadKindFile(f"{where}: {key} is unknown")
        expected, pattern = keys[key]
        if type(value) is not expected:
            raise BadKindFile(f"{where}: {key} is not a {expected.__name__}")
        for item in value if isinstance(value, list) else [value]:
            if pattern is not None and not (isinstance(item, str) and pattern.fullmatch(item)):
                raise BadKindFile(f"{where}: {key} holds {item!r}")


def _check_references(kind: Kind) -> None:
    names = [field.name for field in kind.fields]
    if len(set(names)) < len(names):
        raise BadKindFile(f"{kind.name}: a field stands there twice")
    mentioned = {name for field in kind.fields for name in field.needs} | {
        name for group in kind.one_of for name in group
    }
    if unknown := mentioned - set(names):
        raise BadKindFile(f"{kind.name}: {min(unknown)} is no field")
    variables = [variable for field in kind.fields for variable in kind.variables(field)]
    if len(set(variables)) < len(variables):
        raise BadKindFile(f"{kind.name}: two fields share a variable")
    if any(field.lego for field in kind.fields) and kind.dns is None:
        raise BadKindFile(f"{kind.name}: it has variables for lego and no DNS provider")
