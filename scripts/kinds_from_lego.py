"""Writes the kind files of DNS providers from what lego says of itself: `kinds_from_lego.py LEGO`.

LEGO is lego's source, where `go list -m -f '{{.Dir}}' github.com/go-acme/lego/v5` says. From each provider's
TOML come the variables, their descriptions and defaults; from its Go source come which are required, the
smallest TTL, and whether records are published one after the other. `kinds_from_lego.toml` beside this file
says which providers the catalogue has, and what lego does not say: which field is a secret, what stands
instead of what, older names.

A kind with `tuning-only` is written by hand, down to the mark below; the rest of its file comes from here.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

KINDS: Final = Path(__file__).parent.parent / "credentials" / "kinds"
CHOICES: Final = Path(__file__).with_suffix(".toml")
MARK: Final = "# What tunes the DNS provider; this part is written by scripts/kinds_from_lego.py.\n"
HEAD: Final = "# Written by scripts/kinds_from_lego.py from lego's own description.\n"

ORDER: Final = (
    *("name", "label", "where-to-get", "secret", "required", "rotates", "multiline", "tuning"),
    *("path", "server", "seconds", "grows", "least", "needs", "unless", "choices", "pattern", "expects"),
    *("url", "default"),
    *("env", "lego", "aliases", "file-name", "file-env", "file-lego", "file-aliases"),
)
TIMING: Final = {
    "TTL": ("ttl", "TTL of challenge records, in seconds"),
    "POLLING_INTERVAL": ("polling-interval", "Seconds between two looks whether a record is there"),
    "PROPAGATION_TIMEOUT": ("propagation-timeout", "Seconds to wait at most until a record is there"),
    "HTTP_TIMEOUT": ("http-timeout", "Seconds that a call of the API may take"),
    "DNS_TIMEOUT": ("dns-timeout", "Seconds that a DNS query may take"),
    "SEQUENCE_INTERVAL": ("sequence-interval", "Seconds between two records, published one after the other"),
}
_SECRET: Final = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
_DEFAULT: Final = re.compile(r"\(Default: ([^)]+)\)")
_CONSTANT: Final = re.compile(r'^\s*(\w+)\s*=\s*(?:(envNamespace)\s*\+\s*)?"(\w*)"', re.MULTILINE)
_NEW: Final = re.compile(r"^func new(?:\w*)Provider\(.*?^}", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_GET: Final = re.compile(r"env\.Get\(([^)]*)\)")
_GET_FALLBACK: Final = re.compile(r"\[\]string\{(\w+)")
_SMALLEST_TTL: Final = re.compile(r"\bminTTL\s*=\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Provider:
    """What lego says of a provider. `variables` are descriptions by name, those that tune it in `tuning`."""

    name: str
    code: str
    url: str
    variables: Mapping[str, str]
    tuning: Mapping[str, str]
    namespace: str = ""
    required: frozenset[str] = field(default_factory=frozenset)
    smallest_ttl: int | None = None
    sequential: bool = False


def main() -> None:
    """Write every kind file that the choices name."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    providers = read_providers(Path(sys.argv[1]))
    for kind, choice in tomllib.loads(CHOICES.read_text(encoding="utf-8")).items():
        provider = read_as(providers[choice.get("lego", kind)], choice)
        path = KINDS / f"{kind}.toml"
        if choice.get("tuning-only"):
            by_hand = path.read_text(encoding="utf-8").partition(MARK)[0].rstrip("\n")
            text = f"{by_hand}\n\n{MARK}{tables(tuning_fields(provider, choice))}"
        else:
            text = HEAD + kind_file(provider, choice)
        path.write_text(text, encoding="utf-8")


def read_providers(lego: Path) -> dict[str, Provider]:
    """lego's providers by their code."""
    read = (read_provider(file) for file in sorted((lego / "providers" / "dns").glob("*/*.toml")))
    return {one.code: one for one in read}


def read_provider(file: Path) -> Provider:
    """One provider: its TOML file, and the Go files beside it."""
    about = tomllib.loads(file.read_text(encoding="utf-8"))
    configuration = about.get("Configuration", {})
    sources = [one for one in sorted(file.parent.glob("*.go")) if not one.name.endswith("_test.go")]
    source = "\n".join(one.read_text(encoding="utf-8") for one in sources)
    constants = dict(read_constants(source))
    smallest = _SMALLEST_TTL.search(source)
    return Provider(
        name=about["Name"],
        code=about["Code"],
        url=about.get("URL", ""),
        variables=variables_of(configuration.get("Credentials", {})),
        tuning=variables_of(configuration.get("Additional", {})),
        namespace=constants.get("envNamespace", ""),
        required=frozenset(read_required(source, constants)),
        smallest_ttl=int(smallest[1]) if smallest else None,
        sequential="Sequential() time.Duration" in source,
    )


def read_as(provider: Provider, choice: Mapping[str, Any]) -> Provider:
    """The provider with its variables as its code begins them, where its file says otherwise."""
    described, preferred = choice.get("read-as", ("", ""))
    return replace(
        provider,
        variables={
            preferred + name.removeprefix(described): text for name, text in provider.variables.items()
        },
        tuning={preferred + name.removeprefix(described): text for name, text in provider.tuning.items()},
    )


def variables_of(table: Mapping[str, str]) -> dict[str, str]:
    """The entries that are variables; some are hints in words."""
    return {name: text for name, text in table.items() if re.fullmatch(r"[A-Z][A-Z0-9_]+", name)}


def read_constants(source: str) -> Iterator[tuple[str, str]]:
    """The Go constants that hold names of variables, whole."""
    found = _CONSTANT.findall(source)
    namespace = next((value for name, _, value in found if name == "envNamespace"), "")
    for name, prefixed, value in found:
        yield name, (namespace if prefixed else "") + value


def read_required(source: str, constants: Mapping[str, str]) -> Iterator[str]:
    """The variables without which the provider's constructor gives up."""
    for body in _NEW.findall(source):
        for call in _GET.findall(body):
            yield from (constants[name.strip()] for name in call.split(",") if name.strip() in constants)
        if "env.GetWithFallback" in body:
            yield from (constants[name] for name in _GET_FALLBACK.findall(body) if name in constants)


def kind_file(provider: Provider, choice: Mapping[str, Any]) -> str:
    """The whole kind file of a provider that is only that."""
    where = choice.get("where-to-get", provider.url)
    head = {
        "label": choice.get("label", provider.name),
        "where-to-get": where,
        "purpose": ["dns"],
        "dns": provider.code,
        **({"sequential": True} if provider.sequential else {}),
        **({"one-of": choice["one-of"]} if "one-of" in choice else {}),
    }
    constants = "".join(f"\n[[constants]]\n{lines(one)}" for one in choice.get("constants", []))
    fields = tables([*credential_fields(provider, choice), *tuning_fields(provider, choice)])
    return f"{lines(head)}{constants}\n{fields}"


def credential_fields(provider: Provider, choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields that a provider is authenticated with, then those that the choice adds."""
    grouped = {name for group in choice.get("one-of", []) for name in group}
    skipped = choice.get("skip", [])
    made = []
    for variable, text in provider.variables.items():
        if variable in skipped:
            continue
        name = field_name(variable, provider, choice)
        made.append(
            {
                "name": name,
                "label": described(text),
                **({"secret": True} if _SECRET.search(variable) else {}),
                **({"required": True} if variable in provider.required and name not in grouped else {}),
                **shape_of(variable, text),
                "lego": [variable],
                **alias_of(variable, choice),
            }
        )
    return [*altered(made, choice), *choice.get("added", [])]


def tuning_fields(provider: Provider, choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields that tune a provider, those that time it last; what lego no longer reads says so."""
    said = {**provider.tuning, **choice.get("more", {})}
    skipped = choice.get("skip", [])
    if choice.get("tuning-only"):
        said = {
            name: text for name, text in said.items() if timing_of(name) or name in choice.get("also", [])
        }
    made = [
        tuning_field(variable, text, provider, choice)
        for variable, text in sorted(said.items(), key=lambda one: timing_rank(one[0]))
        if variable not in skipped
    ]
    unread = [
        {
            "name": field_name(variable, provider, choice),
            "label": "Of older versions; nothing reads it any more",
            "tuning": True,
            "aliases": [variable],
        }
        for variable in choice.get("unread", [])
    ]
    return altered(made, choice) + unread


def tuning_field(variable: str, text: str, provider: Provider, choice: Mapping[str, Any]) -> dict[str, Any]:
    """One field that tunes a provider."""
    timing, default = timing_of(variable), _DEFAULT.search(text)
    label = timing[1] if timing else described(text)
    least = provider.smallest_ttl if timing and timing[0] == "ttl" else None
    return {
        "name": field_name(variable, provider, choice),
        "label": label if least is None else f"{label}, at least {least}",
        "tuning": True,
        **({"seconds": True} if timing else shape_of(variable, text)),
        **({} if least is None else {"least": least}),
        **({"default": default[1]} if default else {}),
        "lego": [variable],
        **alias_of(variable, choice),
    }


def field_name(variable: str, provider: Provider, choice: Mapping[str, Any]) -> str:
    """The name of the field that fills a variable."""
    timing = timing_of(variable)
    if timing:
        return timing[0]
    bare = variable.removeprefix(provider.namespace).lower().replace("_", "-")
    return str(choice.get("names", {}).get(variable, bare))


def timing_of(variable: str) -> tuple[str, str] | None:
    """Name and label of a field that times a provider, if the variable is of one."""
    return next((one for ending, one in TIMING.items() if variable.endswith(f"_{ending}")), None)


def timing_rank(variable: str) -> int:
    """Where a variable stands among those that tune: what times comes last, always in the same order."""
    timing = timing_of(variable)
    return list(TIMING.values()).index(timing) if timing else -1


def described(text: str) -> str:
    """lego's description of a variable, as a label."""
    label = _DEFAULT.sub("", text).replace("`", "'").strip().rstrip(".").strip()
    return label[:1].upper() + label[1:]


def shape_of(variable: str, text: str) -> dict[str, Any]:
    """What the value of a variable must look like, as far as its name and description tell."""
    if "boolean" in text or text.startswith("Set to true"):
        return {"choices": ["true", "false"]}
    if re.search(r"(URL|ENDPOINT|API_BASE|SERVER_URL|MANAGER_ADDRESS)$", variable):
        return {
            "pattern": r"https?://[^\s]+",
            "expects": "a URL that begins with https:// or http://",
            "url": True,
        }
    return {}


def alias_of(variable: str, choice: Mapping[str, Any]) -> dict[str, Any]:
    """Older names of a variable, where a whole prefix was renamed."""
    new, old = choice.get("renamed-prefix", ("", ""))
    return {"aliases": [old + variable.removeprefix(new)]} if new and variable.startswith(new) else {}


def altered(fields: list[dict[str, Any]], choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields with what the choice says of them; `false` takes a key away."""
    said = choice.get("fields", {})
    merged = [{**one, **said.get(one["name"], {})} for one in fields]
    return [{key: one[key] for key in ORDER if one.get(key, False) is not False} for one in merged]


def tables(fields: list[dict[str, Any]]) -> str:
    """The fields as TOML."""
    return "\n".join(f"[[fields]]\n{lines(one)}" for one in fields)


def lines(table: Mapping[str, Any]) -> str:
    """A table's lines."""
    return "".join(f"{key} = {value_of(value)}\n" for key, value in table.items())


def value_of(value: Any) -> str:
    """A value as TOML; JSON's texts, numbers, lists and booleans are TOML's too."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {value_of(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


if __name__ == "__main__":
    main()
