"""Which kinds of credentials a state's resources need, learned from the providers that manage them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from credentials import kinds, slots
from credentials.kinds import Kind
from engine import binding_use
from engine.packages import PROVIDER, kind_of

RECORD: Final = "tic:dns/challengeRecord:ChallengeRecord"

WITHOUT: Final = frozenset(
    {
        "archive", "command", "docker", "docker-build", "local", "null", "pulumi", "random", "std",
        "terraform", "tic", "time", "tls",
    }
)  # fmt: skip
"""Pulumi packages that ask nobody who they are, or work without being asked."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The kinds that serve a state's providers, the slots (`kind:slot`) that instances of them take, and the
    packages that no kind is known for; each sorted.
    """

    kinds: tuple[str, ...]
    unknown: tuple[str, ...]
    slots: tuple[str, ...] = ()


def needs(resources: Iterable[Mapping[str, Any]]) -> Needs:
    """What the resources (`apitype.ResourceV3`) need."""
    resources = list(resources)
    packages = {
        each["type"].removeprefix(PROVIDER) for each in resources if each["type"].startswith(PROVIDER)
    }
    packages -= WITHOUT
    served = {package: kind for package in packages if (kind := _kind_of(package)) is not None}
    publishing = [(each.get("inputs") or {}).get("provider") for each in resources if each["type"] == RECORD]
    records = {slots.parts(each)[0] for each in publishing if isinstance(each, str)} & set(kinds.names())
    return Needs(
        tuple(sorted({*served.values(), *records})),
        tuple(sorted(packages - served.keys())),
        tuple(binding_use.slots_of(resources)),
    )


def _kind_of(package: str) -> str | None:
    name = kind_of(package)
    return name if name is not None and _reaches_a_run(kinds.load(name)) else None


def _reaches_a_run(kind: Kind) -> bool:
    """Whether a run gets anything of it: what only lego reads serves no provider of Pulumi's."""
    return bool(kind.built) or any(field.env or field.file_env for field in kind.fields)
