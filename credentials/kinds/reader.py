"""Reads a kind file and checks its schema: TOML, one file per kind, named as the kind.

label = "Tencent Cloud"           # for people
where-to-get = "https://..."      # where the values come from; a field may say its own
purpose = ["cloud", "dns"]        # what it is for, the first one is where listings put it (PURPOSES)
dns = "tencentcloud"              # lego's name of the DNS provider, absent if it serves none
sequential = true                 # lego publishes its records one after the other
one-of = [["a"], ["b", "c"]]      # exactly one of these groups of fields is given
[[fields]]
name = "secret-key"
label = "SecretKey"
secret = true                     # asked without echo, never taken from an argument
required = true
rotates = true                    # no secret, but replaced together with it (a key's id)
multiline = true                  # line breaks and tabs are part of it (PEM, YAML, JSON, XML)
tuning = true                     # never asked for: the provider has a value of its own, `default` says which
path = true                       # the absolute path of a file on this machine
server = true                     # a host or host:port
url = true                        # a URL of http or https without a user name; with a `pattern`, what has ://
seconds = true                    # a whole number of seconds
least = 120                       # of which the provider takes no fewer
grows = true                      # lego adds to its file: it is always there, and rotations keep it
needs = ["..."]                   # the fields that must be given with this one
unless = ["..."]                  # the fields beside which its file is not there for lego
choices = ["default", "RAW"]
pattern = "..."                   # a regular expression for the whole value, and
expects = "the name of a region"  # what it expects, in words
default = "..."                   # what the field holds when it is not given
env = ["..."]                     # the variables that Pulumi's provider, or a program, reads
lego = ["..."]                    # the variables that lego reads
aliases = ["..."]                 # older names of these variables, understood by --from-env
file-name = "kubeconfig"          # a private file with the value, and
file-env = ["KUBECONFIG"]         # the variables that get its path: of Pulumi's provider or a program,
file-lego = ["..."]               # of lego
file-aliases = ["..."]            # older names of variables with such a path, understood by --from-env
[[files]]                         # a file that is built from several fields
name = "config.json"
builds = "docker-config"          # by which builder of credentials.files
needs = ["server"]                # if these fields are given
env = ["DOCKER_CONFIG"]           # the variables that get its path,
folder = true                     # or rather its folder's
[[constants]]                     # variables with a value of their own, unless a field fills them
when = ["identity"]               # where these fields are given; always without it
env = { ARM_USE_MSI = "true" }
lego = { AZURE_AUTH_METHOD = "msi" }

A file in `former` is about another name, of what died upstream or is part of a kind:

label = "DNSPod"
because = "..."                   # a whole sentence
succeeded-by = "tencentcloud"     # absent where nothing took its place
same = true                       # the successor takes the very same fields: the name still works
"""

from typing import Any, Final

from credentials.kinds import schema
from credentials.kinds.delivery import BuiltFile, Constants
from credentials.kinds.field import Field
from credentials.kinds.kind import Kind
from credentials.kinds.references import check_references
from credentials.kinds.schema import BadKindFile, Keys, check, list_of
from credentials.kinds.succession import Succession

__all__ = ["PURPOSES", "BadKindFile", "parse", "parse_former"]

PURPOSES: Final = ("cloud", "dns", "cluster", "registry", "build", "im", "basic", "ca")

_FLAGS: Final = (
    "secret",
    "required",
    "rotates",
    "multiline",
    "tuning",
    "path",
    "server",
    "url",
    "seconds",
    "grows",
)
_VARIABLES: Final = list_of(schema.variable)
_PLAIN_VARIABLES: Final = list_of(schema.any_case_variable)
_KIND_KEYS: Final[Keys] = {
    "label": schema.text,
    "where-to-get": schema.text,
    "purpose": list_of(lambda value: None if value in PURPOSES else f"holds {value!r}"),
    "dns": schema.name,
    "sequential": schema.flag,
    "one-of": list_of(list_of(schema.name)),
    "fields": list_of(schema.table),
    "files": list_of(schema.table),
    "constants": list_of(schema.table),
}
_FIELD_KEYS: Final[Keys] = {
    "name": schema.name,
    "label": schema.text,
    "where-to-get": schema.text,
    **dict.fromkeys(_FLAGS, schema.flag),
    "needs": list_of(schema.name),
    "unless": list_of(schema.name),
    "choices": list_of(schema.text),
    "pattern": schema.expression,
    "expects": schema.text,
    "default": schema.text,
    "least": schema.count,
    "env": _PLAIN_VARIABLES,
    "lego": _VARIABLES,
    "aliases": _PLAIN_VARIABLES,
    "file-name": schema.file_name,
    "file-env": _VARIABLES,
    "file-lego": _VARIABLES,
    "file-aliases": _VARIABLES,
}
_FILE_KEYS: Final[Keys] = {
    "name": schema.file_name,
    "builds": schema.name,
    "needs": list_of(schema.name),
    "env": _VARIABLES,
    "folder": schema.flag,
}
_CONSTANTS_KEYS: Final[Keys] = {
    "when": list_of(schema.name),
    "env": schema.settings(schema.any_case_variable),
    "lego": schema.settings(schema.variable),
}
_FORMER_KEYS: Final[Keys] = {
    "label": schema.text,
    "because": schema.text,
    "succeeded-by": schema.name,
    "same": schema.flag,
}


def parse(name: str, text: str) -> Kind:
    """The kind that a file of this name describes; raises BadKindFile with the key at fault."""
    table = _toml(name, text)
    check(name, table, _KIND_KEYS, required={"label", "where-to-get", "purpose", "fields"})
    kind = Kind(
        name=name,
        label=table["label"],
        where_to_get=table["where-to-get"],
        purpose=tuple(table["purpose"]),
        fields=tuple(
            _field(f"{name}: field {number}", one, table["where-to-get"])
            for number, one in enumerate(table["fields"], 1)
        ),
        dns=table.get("dns"),
        sequential=table.get("sequential", False),
        one_of=tuple(tuple(group) for group in table.get("one-of", [])),
        built=tuple(
            _built(f"{name}: file {number}", one) for number, one in enumerate(table.get("files", []), 1)
        ),
        constants=tuple(
            _constants(f"{name}: constants {number}", one)
            for number, one in enumerate(table.get("constants", []), 1)
        ),
    )
    check_references(kind)
    return kind


def parse_former(name: str, text: str) -> Succession:
    """What a file in `former` says of this name; raises BadKindFile with the key at fault."""
    table = _toml(name, text)
    check(name, table, _FORMER_KEYS, required={"label", "because"})
    if table.get("same") and "succeeded-by" not in table:
        raise BadKindFile(f"{name}: succeeded-by is missing")
    return Succession(
        name=name,
        label=table["label"],
        because=table["because"],
        succeeded_by=table.get("succeeded-by"),
        same=table.get("same", False),
    )


def _toml(name: str, text: str) -> dict[str, Any]:
    import tomllib  # here, because most commands read no kind

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadKindFile(f"{name}: is not TOML: {error}") from error


def _field(where: str, table: dict[str, Any], where_to_get: str) -> Field:
    check(where, table, _FIELD_KEYS, required={"name", "label"})
    if ("pattern" in table) != ("expects" in table):
        raise BadKindFile(f"{where}: pattern and expects come together")
    if ("file-name" in table) != ("file-env" in table or "file-lego" in table):
        raise BadKindFile(f"{where}: file-name comes together with file-env or file-lego")
    return Field(**{"where_to_get": where_to_get, **_values(table)})


def _built(where: str, table: dict[str, Any]) -> BuiltFile:
    check(where, table, _FILE_KEYS, required={"name", "builds", "needs", "env"})
    return BuiltFile(**_values(table))


def _constants(where: str, table: dict[str, Any]) -> Constants:
    check(where, table, _CONSTANTS_KEYS, required=set())
    return Constants(**_values(table))


def _values(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key.replace("-", "_"): tuple(value) if isinstance(value, list) else value
        for key, value in table.items()
    }
