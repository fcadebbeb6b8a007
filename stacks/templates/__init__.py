"""The projects that `tic stack new --template` writes: standard Pulumi projects, the user's own from then
on.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.errors import StackError

HERE = Path(__file__).parent
IGNORED = "__pycache__/\n.venv/\n"
CERTIFICATE = "certificate"
PROVIDERS = {"alicloud": ("alicloud",), "tencentcloud": ("tencentcloud",)}
"""What a template needs whatever its settings are."""


class TemplateUnknown(StackError):
    """No template has this name."""

    exit_code = 2


class SettingRefused(StackError):
    """A setting that the template does not have, or that it needs and did not get."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Template:
    """A project to copy: its files by their path in the new folder, and the settings that it takes.

    `providers` are the kinds of credentials that it needs in any case.
    """

    name: str
    description: str
    files: Mapping[str, str]
    settings: Mapping[str, Mapping[str, Any]]
    providers: tuple[str, ...] = ()

    @property
    def required(self) -> list[str]:
        """The settings without a default."""
        return [name for name, about in self.settings.items() if "default" not in about]


def names() -> list[str]:
    """The templates that there are."""
    return sorted(path.parent.name for path in HERE.glob("*/Pulumi.yaml"))


def load(name: str) -> Template:
    """Read a template; raises TemplateUnknown."""
    import yaml

    if name not in names():
        raise TemplateUnknown(f"there is no template {name!r}", hint=f"templates: {', '.join(names())}")
    own = {path.name: path for path in sorted((HERE / name).iterdir()) if path.is_file()}
    if name == CERTIFICATE:  # its program is the file that Pulumi.yaml at the root runs
        own["__main__.py"] = HERE.parent / "__main__.py"
    files = {path: source.read_text(encoding="utf-8") for path, source in own.items()}
    document = yaml.safe_load(files["Pulumi.yaml"])
    return Template(
        name=name,
        description=document["description"],
        files={**files, ".gitignore": IGNORED},
        settings=document["config"],
        providers=PROVIDERS.get(name, ()),
    )


def check(template: Template, settings: Mapping[str, Any]) -> None:
    """Raise SettingRefused for the first setting that is unknown, missing, of the wrong type, or that the
    provider would refuse at the first run.
    """
    keys = ", ".join(template.settings)
    for name, value in settings.items():
        if name not in template.settings:
            raise SettingRefused(
                f"template {template.name} has no setting {name!r}", hint=f"its settings: {keys}"
            )
        wanted = template.settings[name]["type"]
        if wanted == "array" and not (
            isinstance(value, list) and all(isinstance(each, str) for each in value)
        ):
            raise SettingRefused(
                f"{name} is a list of strings, not {value!r}",
                hint=f"""for example: --set {name}='["one","two"]'""",
            )
        if wanted == "object" and not (isinstance(value, dict) and all(map(_is_number, value.values()))):
            raise SettingRefused(
                f"{name} is a mapping to numbers, not {value!r}",
                hint=f"""for example: --set {name}='{{"ttl": 60}}'""",
            )
        if wanted == "string" and not isinstance(value, str):
            raise SettingRefused(
                f"{name} is a string, not {value!r}", hint=f"for example: --set {name}=value"
            )
        if wanted == "integer" and not (isinstance(value, str) and value.isdecimal()):
            raise SettingRefused(
                f"{name} is a whole number, not {value!r}", hint=f"for example: --set {name}=2"
            )
        if wanted == "boolean" and value not in {"true", "false"}:
            raise SettingRefused(
                f"{name} is true or false, not {value!r}", hint=f"for example: --set {name}=true"
            )
    for name in template.required:
        if not settings.get(name):
            about = template.settings[name]["description"]
            example = (
                f"""--set {name}='["example.com","*.example.com"]'"""
                if name == "domains"
                else f"--set {name}=..."
            )
            raise SettingRefused(f"template {template.name} needs {name} ({about})", hint=f"add: {example}")
    _check_values(settings)


def _check_values(settings: Mapping[str, Any]) -> None:
    """The provider's own rules; they cost 0.3 s of imports, so only a new project pays for them."""
    from stacks.provider.acme.directories import DIRECTORIES, directory_url
    from stacks.provider.acme.identifiers import domains
    from stacks.provider.dns.challenge_record import timing
    from stacks.provider.properties import Refused

    rules = (
        ("domains", domains, """for example: --set domains='["example.com","*.example.com"]'"""),
        ("directory", directory_url, f"for example: --set directory={next(iter(DIRECTORIES))}"),
        ("timing", timing, """for example: --set timing='{"ttl": 60}'"""),
        ("domain", _zone, "for example: --set domain=example.com"),
        ("address", ipaddress.IPv4Address, "for example: --set address=192.0.2.1"),
        ("cidr", ipaddress.IPv4Network, "for example: --set cidr=10.0.0.0/16"),
    )
    for name, rule, hint in rules:
        if name not in settings:
            continue
        try:
            rule(settings[name])
        except (Refused, ValueError) as refused:
            reason = (
                "; ".join(text for _, text in refused.reasons) if isinstance(refused, Refused) else refused
            )
            raise SettingRefused(f"{name}: {reason}", hint=hint) from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _zone(name: str) -> None:
    from stacks.provider.acme.identifiers import domain
    from stacks.provider.properties import Refused

    if domain(name).startswith("*."):
        raise Refused("is a domain itself, without `*.`")
